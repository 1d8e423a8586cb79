#include "shell/postgres/commit_queue.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"
#include "shell/postgres/lease_table.hpp"

namespace logzio_okta {
namespace {

constexpr const char* read_only_server = "25006";

}  // namespace

CommitQueue::CommitQueue(PgConnection& connection, const LeaseKeeper& leases,
                         std::function<void(Written&&)> written, std::function<void(const PgFailure&)> failed)
    : connection_(connection), leases_(leases), written_(std::move(written)), failed_(std::move(failed)) {}

void CommitQueue::add(std::string key, Save&& save, Instant now) {
  if (empty()) due_ = now + limits::commit_delay;
  saves_.push_back({.key = std::move(key), .number = ++saves_made_, .save = std::move(save)});
}

void CommitQueue::add(std::string key, SpoolEvents&& spool, Instant now) {
  if (empty()) due_ = now + limits::commit_delay;
  spool_.push_back({.key = std::move(key), .spool = std::move(spool)});
}

void CommitQueue::drop(StreamId stream) {
  std::erase_if(saves_, [&](const QueuedSave& queued) { return queued.save.stream == stream; });
  for (QueuedSave& sent : sent_saves_) sent.dropped = sent.dropped || sent.save.stream == stream;
}

bool CommitQueue::has_save_of(std::string_view key) const {
  const auto of_key = [&](const QueuedSave& each) { return !each.dropped && each.key == key; };
  return std::ranges::any_of(saves_, of_key) || std::ranges::any_of(sent_saves_, of_key);
}

std::optional<Instant> CommitQueue::deadline() const {
  if (empty() || committing_) return std::nullopt;
  return std::max(due_, not_before_);
}

std::optional<SaveFailed> CommitQueue::commit(bool about_to_block, const StateStore::Hold& hold) {
  if (empty() || committing_) return std::nullopt;
  if (about_to_block) due_ = std::min(due_, now_);
  if (now_ < std::max(due_, not_before_)) return std::nullopt;
  auto held = hold && has_saves() ? hold() : std::nullopt;
  if (held) not_before_ = now_ + limits::save_retry;
  if (!held || !spool_.empty()) send(!held);
  return held;
}

void CommitQueue::send(bool with_saves) {
  std::vector<PgStatement> statements = {commit_for_good()};
  std::set<std::string> spooled_keys;
  for (const QueuedSpool& queued : spool_) spooled_keys.insert(queued.key);
  for (const std::string& key : spooled_keys) statements.push_back(lock_spool(key));
  const std::size_t first_save = statements.size();
  if (with_saves) {
    for (QueuedSave& queued : std::exchange(saves_, {})) {
      const Fence fence{.owner = leases_.id(),
                        .epoch = leases_.epoch_of(std::string(org_of_stream_key(queued.key))).value_or(-1)};
      statements.push_back(write_save(queued.key, fence, queued.number, queued.save, wall_now()));
      sent_saves_.push_back(std::move(queued));
    }
  }
  std::size_t came = 0;
  for (QueuedSpool& queued : std::exchange(spool_, {})) {
    came += queued.spool.events.size();
    std::vector<PgStatement> writes = write_spool(queued.key, queued.spool);
    queued.statements = writes.size();
    sent_spool_.push_back(std::move(queued));
    std::ranges::move(writes, std::back_inserter(statements));
  }
  if (came > 0) statements.push_back(forget_seen(came, sent_spool_.back().spool.at));
  for (const std::string& key : spooled_keys) {
    const std::string org(org_of_stream_key(key));
    if (!leases_.epoch_of(org)) statements.push_back(call_owner(org));
  }
  committing_ = true;
  not_before_ = now_ + limits::commit_delay;
  connection_.send(now_, statements, PgConnection::usual_patience,
                   [this, first_save](const PgConnection::Outcome& outcome) {
                     committing_ = false;
                     if (!outcome) return take_back(outcome.error());
                     failure_.clear();
                     acknowledge(*outcome, first_save);
                   });
}

void CommitQueue::acknowledge(const std::vector<PgRows>& rows, std::size_t first_save) {
  std::size_t at = first_save;
  Written written;
  for (const QueuedSave& sent : std::exchange(sent_saves_, {})) {
    const PgRows& row = rows.at(at++);
    if (sent.dropped) continue;
    if (is_fenced_off(row)) {
      written.lost[std::string(org_of_stream_key(sent.key))] = holder_of(row);
      continue;
    }
    written.saved[sent.save.stream] = sent.save.number;
    for (const SetAside& item : sent.save.set_aside) written.set_aside_bytes += bytes_charged(item);
  }
  for (const QueuedSpool& sent : std::exchange(sent_spool_, {})) {
    written.spooled.push_back(spooled_of(sent.spool, std::span(rows).subspan(at, sent.statements)));
    at += sent.statements;
  }
  written_(std::move(written));
}

void CommitQueue::take_back(const PgFailure& why) {
  std::erase_if(sent_saves_, &QueuedSave::dropped);
  saves_.insert(saves_.begin(), std::make_move_iterator(sent_saves_.begin()),
                std::make_move_iterator(sent_saves_.end()));
  sent_saves_.clear();
  spool_.insert(spool_.begin(), std::make_move_iterator(sent_spool_.begin()),
                std::make_move_iterator(sent_spool_.end()));
  sent_spool_.clear();
  failure_ = why.text;
  if (!why.unanswered()) not_before_ = now_ + limits::save_retry;
  failed_(why);
  if (why.code == read_only_server) connection_.lose(now_, why);
}

std::vector<Spooled> CommitQueue::refuse_spool(const std::string& why) {
  std::vector<Spooled> answers;
  if (committing_) return answers;
  for (const QueuedSpool& queued : std::exchange(spool_, {})) {
    answers.push_back(
        {.stream = queued.spool.stream, .hook = queued.spool.hook, .kept = false, .why_not = why});
  }
  return answers;
}

}  // namespace logzio_okta
