// CommitQueue: what is to be written, and the one commit that is on its way.
//
//     queue.add(key, std::move(save), now);
//     queue.add(key, std::move(spool), now);
//     queue.turn(now);
//     queue.commit(about_to_block, hold);    // When it is due; one transaction, fenced save by save.
//     // Then `written` is called with what became of it; after a failure everything is queued again.
//     queue.drop(stream);                    // Its org is another replica's: nobody asks for its saves now.
//
// The next commit is sent when this one is answered. A save whose answer was lost is sent again under the
// same number, by which the database knows it. Deliveries are refused instead (refuse_spool): their sender
// repeats them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/postgres/connection.hpp"
#include "shell/postgres/lease_keeper.hpp"
#include "shell/postgres/tables.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta {

class CommitQueue {
 public:
  /// What a commit has written.
  struct Written {
    std::map<StreamId, std::uint64_t> saved;  ///< The core's number of each stream's last save.
    std::map<std::string, std::string> lost;  ///< Orgs whose lease is not ours, with their holder or "".
    std::uint64_t set_aside_bytes = 0;        ///< As charged.
    std::vector<SpoolWritten> spooled;        ///< In the order in which they were added.
  };

  /// Connection and leases must outlive it.
  CommitQueue(PgConnection& connection, const LeaseKeeper& leases, std::function<void(Written&&)> written,
              std::function<void(const PgFailure&)> failed);

  /// A turn of the loop begins.
  void turn(Instant now) { now_ = now; }
  void add(std::string key, Save&& save, Instant now);
  void add(std::string key, SpoolEvents&& spool, Instant now);
  /// Its saves count no more; the answer to those on their way is not told.
  void drop(StreamId stream);
  /// Sends what is queued if it is due. While `hold` names a reason, saves stay queued: it is returned.
  std::optional<SaveFailed> commit(bool about_to_block, const StateStore::Hold& hold);
  /// Takes out the deliveries that are not on their way, with the answers to them. None while a commit is on
  /// its way, since answers keep the order of the deliveries.
  [[nodiscard]] std::vector<Spooled> refuse_spool(const std::string& why);

  [[nodiscard]] bool empty() const { return saves_.empty() && spool_.empty(); }
  [[nodiscard]] bool committing() const { return committing_; }
  /// No save is queued, and no commit is on its way.
  [[nodiscard]] bool all_saved() const { return saves_.empty() && !committing_; }
  /// No delivery is queued or on its way.
  [[nodiscard]] bool all_spooled() const { return spool_.empty() && sent_spool_.empty(); }
  [[nodiscard]] bool has_saves() const { return !saves_.empty(); }
  [[nodiscard]] bool has_save_of(std::string_view key) const;
  /// Why the last commit failed; empty if it did not.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// When a commit is due; nothing if there is nothing to do before an answer.
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  struct QueuedSave {
    std::string key;
    std::uint64_t number = 0;  ///< Counts every save of this run.
    Save save;
    bool dropped = false;
  };
  struct QueuedSpool {
    std::string key;
    SpoolEvents spool;
    std::size_t statements = 0;  ///< Of the commit that is on its way.
  };

  void send(bool with_saves);
  void acknowledge(const std::vector<PgRows>& rows, std::size_t first_save);
  void take_back(const PgFailure& why);

  PgConnection& connection_;
  const LeaseKeeper& leases_;
  std::function<void(Written&&)> written_;
  std::function<void(const PgFailure&)> failed_;
  std::deque<QueuedSave> saves_;
  std::deque<QueuedSpool> spool_;
  std::vector<QueuedSave> sent_saves_;
  std::vector<QueuedSpool> sent_spool_;
  bool committing_ = false;
  std::uint64_t saves_made_ = 0;
  Instant now_{};  ///< When this turn of the loop began.
  Instant due_{};
  Instant not_before_{};
  std::string failure_;
};

}  // namespace logzio_okta
