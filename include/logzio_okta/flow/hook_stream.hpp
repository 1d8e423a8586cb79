// HookStream: the deliveries of one org that is not polled, on their way to one destination.
//
//     deliver --> spool on disk --> Spooled: answer 200 --> read back, in order --> Shipper --> settled: Save
//
// Okta sends a delivery twice at most and never again, so it is answered 200 only when it is on disk; what
// waits there is the queue, as Okta's log is a tenant's. Everything that is shipped was read back from the
// disk: in a long outage memory holds none of it, and a restart takes the same path.
//
// Promises
// - A delivery is answered 200 only after its events are on disk, or are known to have been there before.
// - A row leaves the disk in the transaction that notes how it ended, in order.
// - What may have been in flight when the last run ended says possible_duplicate (the store marks it).
// - An event that was spooled within the last day is not spooled again (the store knows it by uuid and
//   bytes).
//
// Where replicas share the orgs, any of them keeps what is delivered to it; the one that follows the org
// reads it back, whoever spooled it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/hook_route.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/saves.hpp"
#include "logzio_okta/flow/source.hpp"
#include "logzio_okta/flow/unsettled.hpp"
#include "logzio_okta/logzio/line_constants.hpp"
#include "logzio_okta/okta/hook.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

class HookStream final : public Source {
 public:
  /// `fields` are put into every line, in addition to what the envelope says.
  HookStream(StreamId stream, HookRoute route, DestinationId destination,
             std::vector<ConstantField> fields = {});

  /// Asks for its place. `found`: what the spool held for it at the start, if that is why it begins.
  void start(const SpoolFound::Stream& found);
  /// The spool holds more than was known: another replica took it. Counted when it is read.
  void found_more(const SpoolFound::Stream& found);
  void opened(Now now, const Opened& opened) override;
  /// Others may have put something into the spool: it is looked at until nothing more is there.
  void look() { look_ = true; }
  /// Another replica follows the org: what is delivered here is kept for it.
  void held();
  /// Another replica took the org from us.
  void lose();
  /// Finishes what is on its way, then lets go of the org.
  void give_way();
  /// Whether that is done, except for what `on_its_way` says.
  void let_go(bool on_its_way);
  /// What a delivery of these takes of the room for those on their way, and of the spool.
  [[nodiscard]] static std::size_t bytes_charged(const std::vector<EventSlice>& events);
  /// Keeps the delivery's events, which are in `events`; the answer comes by `spooled`.
  void deliver(Now now, HookId id, const Hook& hook, const std::vector<EventSlice>& events);
  /// What the delivery is to be answered with: 200 or 503.
  [[nodiscard]] AnswerHook spooled(const Spooled& spooled);

  /// Whether there is something to read back, and room for it.
  [[nodiscard]] bool wants_rows() const;
  /// Asks the store for it.
  void read();
  /// Hands on what was read, one batch per delivery, valid during the call.
  void rows_read(const SpoolRead& read, PageCutter& cutter, const std::function<void(const Batch&)>& ship);
  void settled(Now now, const Settlement& settlement) override;
  void saved(Now /*now*/, std::uint64_t number) override { saves_.saved(number); }

  void stop() override { stopping_ = true; }
  void finish(Now now, bool doubtful) override;

  [[nodiscard]] std::optional<Output> next_output() override;
  [[nodiscard]] bool saves_pending() const override { return !lost_ && saves_.pending(); }
  [[nodiscard]] bool partly_settled() const override { return !lost_ && pages_.touched(); }
  [[nodiscard]] bool lost() const override { return lost_; }
  /// On disk or on the way there, and not settled.
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_ + arriving_bytes_; }
  /// The part of them on the way to disk, and so in memory.
  [[nodiscard]] std::size_t arriving_bytes() const { return arriving_bytes_; }
  [[nodiscard]] bool gives_way() const { return gives_way_; }
  [[nodiscard]] StreamId stream() const { return saves_.stream(); }
  [[nodiscard]] const HookRoute& route() const { return route_; }
  [[nodiscard]] DestinationId destination() const { return destination_; }
  [[nodiscard]] HookStreamReport report() const;

 private:
  /// A row on its way.
  struct Row : UnsettledPage {
    std::size_t bytes = 0;
    WallTime at;
  };
  /// What was settled and is in no Save yet.
  struct Settled {
    std::uint64_t up_to = 0;  ///< This row.
    std::vector<SetAside> kept{};
  };

  enum class Phase : std::uint8_t {
    opening,  ///< Whether we follow the org is not known yet: what is delivered waits.
    standby,  ///< Another replica follows the org.
    open,
  };

  void pop_settled();
  void spool_early();
  void count_what_others_spooled();

  HookRoute route_;
  DestinationId destination_;
  std::vector<ConstantField> fields_;

  Phase phase_ = Phase::opening;
  bool look_ = false;     ///< There may be more than newest_ says.
  bool looking_ = false;  ///< The current reading is for that.
  bool reading_ = false;
  bool stopping_ = false;
  bool gives_way_ = false;
  bool lost_ = false;
  std::deque<SpoolEvents> early_;   ///< Came while it was opening.
  Place place_;                     ///< Only its `pages` is used: the last row settled.
  std::uint64_t read_until_ = 0;    ///< The last row handed on,
  std::uint64_t newest_ = 0;        ///< and the last one on disk,
  std::uint64_t newest_asked_ = 0;  ///< as it was when the reading began.
  Unsettled<Row> pages_;
  struct Arriving {
    HookId id;
    std::size_t bytes = 0;
    WallTime at;
  };
  std::deque<Arriving> arriving_;  ///< Deliveries on their way to the disk.
  std::size_t arriving_bytes_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::optional<Settled> to_save_;
  Saves saves_;

  EventCounts counts_;
  std::optional<WallTime> oldest_;  ///< Lower bound for what is on disk and not read yet.
  std::deque<Output> outputs_;
};

}  // namespace logzio_okta
