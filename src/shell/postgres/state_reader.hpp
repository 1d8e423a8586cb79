// StateReader: what the core has asked of the store and is not answered yet.
//
//     reader.add(OpenStream{.stream = stream, .key = key});
//     reader.turn(now);
//     reader.ask();   // While the connection may be asked. Then `answered` is called with each answer.
//
// A stream is not read while a save of its key is queued or on its way: its answer would be older than what
// the core has saved. A question that fails is asked again: at once over a new connection, after
// limits::save_retry if the server refused it, with a complaint.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/postgres/commit_queue.hpp"
#include "shell/postgres/connection.hpp"

namespace logzio_okta {

class StateReader {
 public:
  using Question = std::variant<OpenStream, ReadWindow, ReadSpool>;
  using Answer = std::variant<Opened, WindowRead, SpoolRead>;

  /// Both must outlive it. `key_of`: of a stream that may be read; of any other the question is dropped.
  StateReader(PgConnection& connection, const CommitQueue& queue,
              std::function<std::optional<std::string>(StreamId)> key_of,
              std::function<void(Answer&&)> answered, std::function<void(std::string&&)> complain)
      : connection_(connection),
        queue_(queue),
        key_of_(std::move(key_of)),
        answered_(std::move(answered)),
        complain_(std::move(complain)) {}

  /// A turn of the loop begins.
  void turn(Instant now) { now_ = now; }
  void add(Question question) { questions_.push_back(std::move(question)); }
  void ask();
  /// When a question that was refused is asked again; nothing if there is none.
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  void send(const OpenStream& request, const std::string& key);
  void send(const ReadWindow& request, const std::string& key);
  void send(const ReadSpool& request, const std::string& key);
  void ask_later(Question question, const PgFailure& why);

  PgConnection& connection_;
  const CommitQueue& queue_;
  std::function<std::optional<std::string>(StreamId)> key_of_;
  std::function<void(Answer&&)> answered_;
  std::function<void(std::string&&)> complain_;
  std::deque<Question> questions_;
  Instant now_{};
  Instant not_before_{};
};

}  // namespace logzio_okta
