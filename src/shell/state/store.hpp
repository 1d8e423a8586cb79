// Store: what must survive a crash, in one SQLite file. Answers the core's OpenStream, ReadWindow and Save.
//
//     auto store = Store::open(dir, wall);
//     if (!store) return give_up(store.error().text, store.error().exit_code);
//     store->open_stream(open);
//     store->read_window(read);
//     store->save(std::move(save), now);
//     store->work(now, about_to_block);  // Once a turn of the loop, before it may block.
//     while (auto answer = store->next_answer()) handle(std::move(*answer));  // After each call above.
//     wait_until(store->deadline());
//     Result<void> closed = store->close(clean);  // Without it the next run finds an unclean end.
//
// Promises
// - One owner at a time. The lock goes with the process, so that a kill -9 leaves nothing to clean up.
// - Saved is answered when the save is on the disk (write-ahead log, synchronous=FULL), never before. A save
//   is written whole or not at all, the saves of a stream in order.
// - Commits are gathered: one transaction when the loop is about to block, or limits::commit_delay after the
//   oldest save; never sooner than limits::commit_rest times the last commit's duration after it, so that a
//   slow disk takes a tenth of the loop, but limits::commit_rest_max at most.
// - A commit that fails is answered with SaveFailed; everything stays queued and is tried again every
//   limits::save_retry. So is a place or a window that cannot be read, with a warning each time.
// - A file that is damaged or not ours is moved aside (`state.sqlite.damaged-20261123T120000Z`, with its -wal
//   and -shm), never deleted; the warning says so. One that exists but cannot be opened is an error with its
//   cure, never a fresh start.
// - A state that was copied after a clean end and put back is known, and its streams are in doubt up to their
//   tails.
// - A directory or file that is removed or replaced under it is noticed before the next commit; nothing is
//   written to what nobody will find.
// - No credential is ever given to it.
// The tables are in schema.hpp.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"

#include "shell/state/owner_lock.hpp"
#include "shell/state/spool_table.hpp"
#include "shell/state/state_file.hpp"

namespace logzio_okta {

class Store {
 public:
  using OnDamage = logzio_okta::OnDamage;
  /// Why saves may not be committed now; nothing if they may.
  using Hold = std::function<std::optional<SaveFailed>()>;
  /// Measures commits; only differences count.
  using Stopwatch = std::function<Instant()>;

  /// Makes the directory if it is missing. Once this returns, a crash is an unclean end.
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now,
                                               OnDamage on_damage = OnDamage::move_aside);
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now, OnDamage on_damage,
                                               Stopwatch stopwatch);
  /// Of a directory whose lock is ours already: root takes it before it hands the state over and becomes the
  /// user.
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now, OwnerLock lock);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  /// Without close(): an unclean end, unless no stream was opened; what is queued is not written.
  ~Store();

  /// Lines for the log, at WARN, since the last call: what open() met, and reads that fail.
  [[nodiscard]] std::vector<std::string> take_warnings();

  /// Answered by Opened. Its place and rows include saves not yet committed. A stream that was opened before
  /// in this run left a place that is up to date or names its doubt: it is unclean only as long as it has not
  /// been saved since an unclean end.
  void open_stream(const OpenStream& request);
  /// Answered by WindowRead: the newest rows with together at most limits::window_events_max events, oldest
  /// first, those of saves not yet committed included. The stream was opened before.
  void read_window(const ReadWindow& request);
  /// Writes it, durable as soon as the next commit is, and before that against everything but the machine
  /// going down. What cannot be written is tried again until it can.
  void note(NoteInFlight&& note, Instant now);
  /// Until then nothing may be sent.
  [[nodiscard]] bool notes_written() const;
  /// Asked before each commit of saves, and part of what the commit takes: something else must be on disk
  /// first. What it answers is answered to the core, and the saves stay queued as after a commit that failed;
  /// deliveries to the spool are committed all the same.
  void hold_saves(Hold hold);
  /// Queues. The stream was opened before.
  void save(Save&& save, Instant now);

  /// What earlier runs left in the spool.
  [[nodiscard]] const std::vector<SpoolSummary>& spool_found() const;
  /// Queues, for the same commits as saves. Answered by Spooled: kept when they are on disk; not kept when
  /// that commit failed, or at once while the last one has failed and is not tried again yet. The stream was
  /// saved before.
  void spool(SpoolEvents&& spool, Instant now);
  /// Answered by SpoolRead; of what is on disk. The stream was opened before.
  void read_spool(const ReadSpool& request);

  /// Commits what is due (see above) and tries again what failed. Blocks for as long as the disk takes.
  void work(Instant now, bool about_to_block);
  /// Whether the names in the directory still lead to the files that are open. If not: SaveFailed, each time,
  /// and nothing is written; once they do again: Saved, of no stream if nothing is queued.
  bool is_in_place();
  /// When work() must be called at the latest; nothing while there is nothing to do.
  [[nodiscard]] std::optional<Instant> deadline() const;
  [[nodiscard]] std::optional<Input> next_answer();

  /// On disk in `set_aside`, as packed there and charged (bytes_charged).
  [[nodiscard]] std::uint64_t set_aside_bytes() const;

  /// Commits the saves and deliveries that are queued, unless the directory was taken away under it
  /// (is_in_place), and if all of them are on disk and `clean`, notes an orderly end. Frees the lock. Nothing
  /// may be called after it. An error: what was queued is not on disk, and the next run finds an unclean end.
  [[nodiscard]] Result<void> close(bool clean);

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now, OnDamage on_damage,
                                               Stopwatch stopwatch, OwnerLock lock);

  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
