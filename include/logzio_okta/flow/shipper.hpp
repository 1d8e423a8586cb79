// Shipper: delivers events to one destination (a listener and a token), from any stream.
//
//     take(batch) -> open bulk --full or old--> waiting --due--> in flight --verdict--> settled
//                                                 ^                           |  |
//                                                 |                           |  +-> halved, culprits set
//                                                 +---- retry: marked if -----+      aside, hunted for
//                                                       perhaps taken
//
// Promises
// - Every event taken is settled exactly once: delivered, or set aside with a reason; or given back, or
//   forgotten with its stream.
// - Before an event is settled as delivered, a KeepCopy has its line as the listener received it. Exception:
//   lines set aside together, because it is unknown which of them were refused.
// - A bulk the listener may have taken is sent again only with every line marked `possible_duplicate`.
// - After the listener's own counts a bulk is never sent again whole. If it took none of the lines, the bulk
//   is halved; if it took some, a Hunt finds those it refused.
// - What cannot be settled is retried for ever, at growing intervals.
// - While the destination is in trouble, one bulk at a time is sent as a probe. A refused token or a full
//   set-aside budget holds everything.
// - A bulk that is refused again and again while others pass does not put the destination in trouble: the
//   others continue, and it is halved down to the culprit, which is set aside after ten refusals.
// - A destination that answers late gets more time, so that it does not get everything twice.
//
// Its parts: OpenBulk fills, UnfitEvents keeps what cannot be a line, BulkQueue holds what waits and is in
// flight, Hunts search, DestinationHealth says whether the destination takes events, DestinationNotes tells
// people, Settlements waits for room. The Shipper decides what an answer does to its bulk.
//
// Pure: answers come in through `answered`, outputs go out through the queues below.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/bulk_parts.hpp"
#include "logzio_okta/flow/bulk_queue.hpp"
#include "logzio_okta/flow/destination_health.hpp"
#include "logzio_okta/flow/destination_notes.hpp"
#include "logzio_okta/flow/hunts.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/open_bulk.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/settlements.hpp"
#include "logzio_okta/flow/waiting_bulk.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/logzio/endpoint.hpp"
#include "logzio_okta/logzio/verdict.hpp"

namespace logzio_okta {

/// Shared by all shippers: the numbers of their sendings, the budget for events set aside, and the buffer for
/// the next bulk.
struct ShippersShare {
  std::uint64_t bulks = 0;
  std::uint64_t set_aside_bytes = 0;  ///< On disk or about to be.
  std::string room_for_lines;         ///< Buffer of the last sealed bulk of any shipper.
};

class Shipper {
 public:
  /// `share` must outlive it.
  Shipper(DestinationSpec destination, ShippersShare& share, Random random);

  /// Splices the batch's events into the open bulk, in order. The batch is not needed afterwards.
  void take(Now now, const Batch& batch);
  /// The answer to SendBulk `id`. An id that is not in flight is ignored.
  void answered(Now now, BulkId id, const BulkResult& result);
  /// Seals what is old enough and sends what is due. Call after every change and at `deadline`.
  void advance(Now now);
  /// Seals the open bulk although it is neither full nor old: nothing in flight could join it.
  void seal();
  [[nodiscard]] bool filling() const { return !open_.empty(); }
  [[nodiscard]] Instant deadline() const;

  /// The outputs, in order.
  [[nodiscard]] std::optional<Output> next_output();
  [[nodiscard]] std::optional<Settlement> next_settlement() { return settlements_.next(); }

  /// While saves fail nothing is sent: events are never delivered if that cannot be saved.
  void pause(bool paused) { paused_ = paused; }
  /// Events of this stream wait for set-aside room, and the stream has used up its share.
  [[nodiscard]] bool waits_for_room(StreamId stream) const { return settlements_.waits(stream); }
  /// There may be more set-aside room.
  void room_changed();
  void token_changed(Now now);
  /// From now on the open bulk is sealed at once; in trouble nothing more is retried.
  void stop() { stopping_ = true; }
  /// Its name in log lines.
  void call_it(std::string name) { notes_.call_it(std::move(name)); }

  /// Whether lines of this stream are open, waiting or in flight here, or their settlement waits.
  [[nodiscard]] bool holds(StreamId stream) const;
  /// A settlement of this stream is not collected yet.
  [[nodiscard]] bool settles(StreamId stream) const { return settlements_.have(stream); }
  /// Nothing is left to do or report.
  [[nodiscard]] bool empty() const;
  /// The stream's lines can be given back completely: none is open or in flight, no settlement waits.
  [[nodiscard]] bool can_give_back(StreamId stream) const;
  /// Takes the stream's lines out of the waiting bulks; those in flight follow when they are answered. Lines
  /// that may have been taken have possible_duplicate in their record.
  [[nodiscard]] std::vector<GivenLine> give_back(StreamId stream);
  /// Another replica delivers the stream's lines: bulks that hold nothing else are dropped. Those that hold
  /// other lines too go out whole, since cutting the lines of fifty streams out of them would take as many
  /// compressions.
  void forget(StreamId stream);
  /// Takes over such lines and rebuilds them for this destination.
  void take_over(Now now, StreamId stream, const std::shared_ptr<const LineConstants>& constants,
                 const std::vector<GivenLine>& lines);

  /// After stop(): nothing is in flight and nothing more can be done.
  [[nodiscard]] bool quiet() const;
  /// Streams with lines that may have been taken without our knowledge.
  [[nodiscard]] std::set<StreamId> doubtful() const;

  /// True while it accepts events; if false, Okta must not be asked.
  [[nodiscard]] bool healthy() const { return health_.healthy() && !settlements_.full(); }
  /// In trouble, with only bulks waiting that an answer refused: only new events can show whether the
  /// destination refuses everything or just these.
  [[nodiscard]] bool wants_fresh_bulk() const;
  [[nodiscard]] std::size_t held_bytes() const;
  [[nodiscard]] const DestinationSpec& destination() const { return destination_; }
  [[nodiscard]] DestinationReport report() const;

 private:
  using Sealed = BulkQueue::Iterator;

  void dispatch(Now now);
  void go_on_hunting(Now now);
  void send(Now now, Sealed bulk);
  void emit_bulk(BulkId id, const Bulk& bulk);
  void mark_all(WaitingBulk& waiting);
  [[nodiscard]] std::size_t sendings_allowed() const;
  [[nodiscard]] std::size_t in_flight() const { return queue_.in_flight() + hunts_.in_flight(); }

  void on(const verdict::Taken& taken, Now now, Sealed bulk);
  void on(const verdict::PartlyTaken& partly, Now now, Sealed bulk);
  void on(const verdict::TooLarge& too_large, Now now, Sealed bulk);
  void on(const verdict::TokenRefused& refused, Now now, Sealed bulk);
  void on(const verdict::Retry& retry, Now now, Sealed bulk);
  void succeeded(Now now, const Bulk& bulk);
  void answers_again(Now now);

  void refused_whole(const verdict::PartlyTaken& counts, Now now, Sealed bulk);
  [[nodiscard]] bool set_culprits_aside(Sealed bulk, const std::string& answer);
  [[nodiscard]] bool is_culprit(const WaitingBulk& waiting) const;
  void in_trouble(Now now, const WaitingBulk& waiting, const verdict::Retry& retry);
  void suspect(Now now, WaitingBulk& waiting, const verdict::Retry& retry);
  void retry_later(Instant now, WaitingBulk& waiting, Duration at_least);
  void retry_beside_others(Instant now, WaitingBulk& waiting, Duration at_least);
  void halve(Sealed bulk);
  void set_line_aside(Sealed bulk, const std::string& reason, const std::string& answer);

  void heard_of_hunt(Now now, BulkId id, Hunt& hunt, const BulkResult& result);
  void end_hunts(Now now);
  void settle_hunt(Now now, const Hunt& hunt);
  void settle(const Bulk& bulk);
  void keep_copy(const Bulk& bulk);
  void emit(Settlement&& settlement);

  void drop_forgotten();
  void begin_anew_if_empty();
  [[nodiscard]] const std::string& tenant_of(StreamId stream) const;
  void tell(std::optional<Note>&& note);

  DestinationSpec destination_;
  ShippersShare& share_;
  Random random_;
  std::map<StreamId, std::shared_ptr<const LineConstants>> constants_;
  std::set<StreamId> forgotten_;  ///< Streams whose lines no one waits for, while it holds some.
  OpenBulk open_;
  BulkQueue queue_;
  Hunts hunts_;
  DestinationHealth health_;
  DestinationNotes notes_;
  bool paused_ = false;
  bool stopping_ = false;
  Settlements settlements_;
  std::deque<Output> outputs_;
  DestinationReport counters_;
};

}  // namespace logzio_okta
