// Store: the state of one daemon, in one SQLite file (see StateStore).
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
//   written where it could not be found.
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
#include "shell/state/state_file.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta {

class Store final : public StateStore {
 public:
  using OnDamage = logzio_okta::OnDamage;
  /// Measures commits; only differences count.
  using Stopwatch = std::function<Instant()>;

  /// Makes the directory if it is missing. Once this returns, a crash is an unclean end.
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now,
                                               OnDamage on_damage = OnDamage::move_aside);
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now, OnDamage on_damage,
                                               Stopwatch stopwatch);
  /// For a directory whose lock we already hold: root takes it before it hands the state over and becomes the
  /// user.
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now, OwnerLock lock);
  Store(Store&& other) noexcept;
  Store& operator=(Store&& other) noexcept;
  ~Store() override;

  /// What open() found, and reads that failed.
  [[nodiscard]] std::vector<std::string> take_warnings() override;

  /// Its place and rows include saves not yet committed. A stream that was opened before in this run is
  /// unclean only as long as it has not been saved since an unclean end. Never HeldBy.
  void open_stream(const OpenStream& request) override;
  /// No other process can follow it, so it is Opened again.
  void let_go(const LetGo& request) override;
  void read_window(const ReadWindow& request) override;
  /// Writes it. It is durable once the next commit is; until then it survives everything except the machine
  /// going down. A failed write is retried until it succeeds.
  void note(NoteInFlight&& note, Instant now) override;
  [[nodiscard]] bool notes_written() const override;
  [[nodiscard]] bool may_act() const override { return true; }
  void hold_saves(Hold hold) override;
  void save(Save&& save, Instant now) override;

  /// What earlier runs left in the spool.
  [[nodiscard]] const std::vector<SpoolSummary>& spool_found() const;
  [[nodiscard]] std::vector<SpoolSummary> take_spool_found() override;
  /// Goes into the same commits as saves. The stream was saved before.
  void spool(SpoolEvents&& spool, Instant now) override;
  void read_spool(const ReadSpool& request) override;

  /// Commits what is due (see above) and tries again what failed. Blocks for as long as the disk takes.
  void work(Instant now, bool about_to_block) override;
  /// Whether the names in the directory still lead to the files that are open. If not: SaveFailed, each time,
  /// and nothing is written; once they do again: Saved, of no stream if nothing is queued.
  bool is_in_place() override;
  /// Adds none.
  void add_descriptors(std::vector<pollfd>& /*descriptors*/) const override {}
  [[nodiscard]] std::optional<Instant> deadline() const override;
  [[nodiscard]] std::optional<Input> next_answer() override;

  [[nodiscard]] std::uint64_t set_aside_bytes() const override;
  /// Always false: for this store, OwnerLock::nudge() does that.
  [[nodiscard]] bool take_nudge() override { return false; }
  [[nodiscard]] std::optional<FleetReport> fleet_report(Instant /*now*/) const override {
    return std::nullopt;
  }

  /// Commits nothing if the directory was removed or replaced under it (is_in_place). Frees the lock.
  [[nodiscard]] Result<void> close(bool clean) override;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  static std::expected<Store, StoreError> open(const std::string& dir, WallTime now, OnDamage on_damage,
                                               Stopwatch stopwatch, OwnerLock lock);

  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
