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
// Pure: answers come in through `answered`, outputs go out through the queues below.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/bulk_parts.hpp"
#include "logzio_okta/flow/hunt.hpp"
#include "logzio_okta/flow/message.hpp"
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
  void call_it(std::string name) { name_ = std::move(name); }

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
  [[nodiscard]] bool healthy() const { return failures_ == 0 && !token_refused_ && !settlements_.full(); }
  /// In trouble, with only bulks waiting that an answer refused: only new events can show whether the
  /// destination refuses everything or just these.
  [[nodiscard]] bool wants_fresh_bulk() const;
  [[nodiscard]] std::size_t held_bytes() const;
  [[nodiscard]] const DestinationSpec& destination() const { return destination_; }
  [[nodiscard]] DestinationReport report() const;

 private:
  using Waiting = WaitingBulk;
  using Queue = std::list<Waiting>;

  void begin_bulk(Now now);
  void dispatch(Now now);
  [[nodiscard]] std::size_t sendings_allowed() const;
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] Queue::iterator next_due(Instant now);
  void send(Now now, Waiting& waiting);
  void go_on_hunting(Now now);
  void end_hunts(Now now);
  [[nodiscard]] std::size_t hunt_sendings() const;
  void heard_of_hunt(Now now, BulkId id, Hunt& hunt, const BulkResult& result);
  void emit_bulk(BulkId id, const Bulk& bulk);
  void learn_patience(Instant now, const Waiting& waiting, const BulkResult& result);
  void mark_all(Waiting& waiting);

  void on(const verdict::Taken& taken, Now now, Queue::iterator it);
  void on(const verdict::PartlyTaken& partly, Now now, Queue::iterator it);
  void on(const verdict::TooLarge& too_large, Now now, Queue::iterator it);
  void on(const verdict::TokenRefused& refused, Now now, Queue::iterator it);
  void on(const verdict::Retry& retry, Now now, Queue::iterator it);

  void succeeded(Now now, const Bulk& bulk);
  void answers_again(Now now);
  [[nodiscard]] bool is_culprit(const Waiting& waiting) const;
  void in_trouble(Now now, const Waiting& waiting, const verdict::Retry& retry);
  void suspect(Now now, Waiting& waiting, const verdict::Retry& retry);
  void refused_whole(const verdict::PartlyTaken& counts, Now now, Queue::iterator it);
  [[nodiscard]] bool set_culprits_aside(Queue::iterator it, const std::string& answer);
  void retry_later(Instant now, Waiting& waiting, Duration at_least);
  void retry_beside_others(Instant now, Waiting& waiting, Duration at_least);
  void halve(Queue::iterator it);
  void set_line_aside(Queue::iterator it, const std::string& reason, const std::string& answer);
  void drop_forgotten();
  void begin_anew_if_empty();
  void settle(const Bulk& bulk);
  void keep_copy(const Bulk& bulk);
  void settle_hunt(Now now, const Hunt& hunt);
  void emit(Settlement&& settlement);
  void tell_full();
  void note(Level level, std::string text);

  DestinationSpec destination_;
  ShippersShare& share_;
  std::string name_;
  Random random_;
  std::map<StreamId, std::shared_ptr<const LineConstants>> constants_;
  std::set<StreamId> forgotten_;  ///< Whose lines nobody waits for, while it holds some.
  BulkBuilder open_;
  std::optional<Instant> open_since_;
  bool open_urgent_ = false;
  int urgent_in_a_row_ = 0;  ///< Sent.
  Queue queue_;
  std::list<Hunt> hunts_;
  bool paused_ = false;
  bool stopping_ = false;

  bool token_refused_ = false;
  int failures_ = 0;          ///< In a row, over all bulks.
  Instant not_before_{};      ///< For the whole destination.
  std::uint64_t passed_ = 0;  ///< Bulks of which the listener took something.
  int refused_in_a_row_ = 0;  ///< By counts without a taken line, over all bulks.
  int patience_ = 1;          ///< SendBulk::patience,
  Instant patient_until_{};   ///< until then.
  Complaint trouble_;
  // Never healed: their causes come and go.
  Complaint suspicion_;
  Complaint hunting_;
  Complaint odd_answer_;
  Complaint token_trouble_{Complaint::Rhythm::hourly};

  Settlements settlements_;
  std::deque<Output> outputs_;
  DestinationReport counters_;
};

}  // namespace logzio_okta
