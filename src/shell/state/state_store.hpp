// StateStore: what must survive a crash, wherever it is kept. Answers the core's OpenStream, LetGo,
// ReadWindow, Save, SpoolEvents and ReadSpool; the loop knows nothing else about a store.
//
//     store.open_stream(open);
//     store.save(std::move(save), now);
//     store.work(now, about_to_block);  // Once a turn of the loop, before it may block.
//     while (auto answer = store.next_answer()) handle(std::move(*answer));  // After each call above.
//     store.add_descriptors(descriptors);
//     wait_until(store.deadline(), descriptors);
//     Result<void> closed = store.close(clean);  // Without it the next run finds an unclean end.
//
// Promises of every store
// - Saved is answered when the save is durable, never before. A save is written whole or not at all, the
//   saves of a stream in order, and none twice.
// - What Opened and WindowRead tell includes saves that were given before and are not committed yet.
// - A commit that fails is answered with SaveFailed; everything stays queued and is tried again until it
//   works, and then Saved follows (of no stream if nothing is queued). So is what cannot be read.
// - A stream that was not saved since an unclean end is opened unclean each time.
// - No credential is ever given to it.
// Promises of a store that several replicas share (PostgresStore)
// - OpenStream is answered HeldBy while another replica follows the stream's org, and Opened once it is ours.
//   At any moment, by the store's own clock, at most one replica holds an org.
// - A save of a stream whose org was taken is not written: Lost. Nothing may be asked of a lost stream; what
//   was given for it before is dropped.
// - An org is handed over only with all that its last owner saved; what that owner may have sent without
//   saving it is in doubt (Opened::clean).
// - A delivery may be spooled by any replica, also for a stream that is HeldBy.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/flow/report.hpp"

#include "shell/state/spool_summary.hpp"

namespace logzio_okta {

class StateStore {
 public:
  /// Why saves may not be committed now; nothing if they may.
  using Hold = std::function<std::optional<SaveFailed>()>;

  StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  /// Without close(): an unclean end, unless no stream was opened; what is queued is not written.
  virtual ~StateStore() = default;

  /// Lines for the log, at WARN, since the last call.
  [[nodiscard]] virtual std::vector<std::string> take_warnings() = 0;

  /// Answered by Opened, before that perhaps by HeldBy. A stream that was opened before in this run left a
  /// place that is up to date or names its doubt.
  virtual void open_stream(const OpenStream& request) = 0;
  /// Another replica may follow the stream's org, once all streams of it are let go. Answered as open_stream.
  virtual void let_go(const LetGo& request) = 0;
  /// Answered by WindowRead: the newest rows with together at most limits::window_events_max events, oldest
  /// first. The stream is open.
  virtual void read_window(const ReadWindow& request) = 0;
  /// Remembers what is in flight as well as it can; a store that cannot answers Opened without it.
  virtual void note(NoteInFlight&& note, Instant now) = 0;
  /// Nothing may be sent until it is true.
  [[nodiscard]] virtual bool notes_written() const = 0;
  /// Whether Okta may be asked and bulks may be sent at this moment. Not while another replica may have taken
  /// over; the core is told by SaveFailed, and the code that carries out its requests looks here.
  [[nodiscard]] virtual bool may_act() const = 0;
  /// Asked before each commit of saves, and part of what the commit takes: something else must be on disk
  /// first. What it answers is answered to the core, and the saves stay queued as after a commit that failed;
  /// deliveries to the spool are committed all the same.
  virtual void hold_saves(Hold hold) = 0;
  /// Queues. The stream is open; one that is Lost is passed over.
  virtual void save(Save&& save, Instant now) = 0;

  /// What waits in the spool and was not yet reported to the core: what earlier runs left; if replicas share
  /// the store, also what others have taken since.
  [[nodiscard]] virtual std::vector<SpoolSummary> take_spool_found() = 0;
  /// Queues. Answered by Spooled: kept when it is durable; not kept when that failed, or at once while saving
  /// is in trouble. The stream is open or HeldBy.
  virtual void spool(SpoolEvents&& spool, Instant now) = 0;
  /// Answered by SpoolRead, with durable rows only. The stream is open.
  virtual void read_spool(const ReadSpool& request) = 0;

  /// Does what is due.
  virtual void work(Instant now, bool about_to_block) = 0;
  /// Whether others will still find what we write to; checked every few seconds.
  virtual bool is_in_place() = 0;
  /// Adds what to wait for besides the deadline: work() is called when one of them is ready.
  virtual void add_descriptors(std::vector<pollfd>& descriptors) const = 0;
  /// When work() must be called at the latest; nothing while there is nothing to do.
  [[nodiscard]] virtual std::optional<Instant> deadline() const = 0;
  [[nodiscard]] virtual std::optional<Input> next_answer() = 0;

  /// The bytes of what is set aside, as packed there and charged (bytes_charged).
  [[nodiscard]] virtual std::uint64_t set_aside_bytes() const = 0;
  /// True once after `check` has found a key that works: what Okta has refused should be tried again.
  [[nodiscard]] virtual bool take_nudge() = 0;
  /// Which replicas share the store and what each holds, as last read; nothing if it cannot be shared.
  [[nodiscard]] virtual std::optional<FleetReport> fleet_report(Instant now) const = 0;

  /// Commits what is queued and, if all of it is durable and `clean`, notes an orderly end; gives back what
  /// it holds. Nothing may be called after it. An error: what was queued is not saved, and the next run finds
  /// an unclean end.
  [[nodiscard]] virtual Result<void> close(bool clean) = 0;
};

}  // namespace logzio_okta
