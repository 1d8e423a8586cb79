#include "shell/postgres/state_reader.hpp"

#include <utility>
#include <vector>

#include "logzio_okta/base/limits.hpp"

#include "shell/postgres/tables.hpp"

namespace logzio_okta {

void StateReader::ask() {
  if (questions_.empty() || now_ < not_before_) return;
  for (Question& question : std::exchange(questions_, {})) {
    const auto key = key_of_(std::visit([](const auto& each) { return each.stream; }, question));
    if (!key) continue;
    if (!connection_.ready() || queue_.has_save_of(*key)) {
      questions_.push_back(std::move(question));
    } else {
      std::visit([&](const auto& each) { send(each, *key); }, question);
    }
  }
}

std::optional<Instant> StateReader::deadline() const {
  return !questions_.empty() && not_before_ > now_ ? std::optional(not_before_) : std::nullopt;
}

void StateReader::send(const OpenStream& request, const std::string& key) {
  std::vector<PgStatement> statements;
  read_stream(statements, key);
  connection_.send(now_, statements, PgConnection::usual_patience,
                   [this, request](const PgConnection::Outcome& answer) {
                     if (!answer) return ask_later(request, answer.error());
                     answered_(opened_of(request.stream, *answer));
                   });
}

void StateReader::send(const ReadWindow& request, const std::string& key) {
  connection_.send(now_, {read_window_rows(key, limits::window_events_max)}, PgConnection::usual_patience,
                   [this, request](const PgConnection::Outcome& answer) {
                     if (!answer) return ask_later(request, answer.error());
                     answered_(WindowRead{.stream = request.stream, .rows = window_rows_of(answer->front())});
                   });
}

void StateReader::send(const ReadSpool& request, const std::string& key) {
  connection_.send(now_, {read_spool_rows(key, request)}, PgConnection::usual_patience,
                   [this, request](const PgConnection::Outcome& answer) {
                     if (!answer) return ask_later(request, answer.error());
                     answered_(SpoolRead{.stream = request.stream, .rows = spool_rows_of(answer->front())});
                   });
}

void StateReader::ask_later(Question question, const PgFailure& why) {
  questions_.push_back(std::move(question));
  if (why.unanswered()) return;
  complain_("cannot read the state: " + why.text);
  not_before_ = now_ + limits::save_retry;
}

}  // namespace logzio_okta
