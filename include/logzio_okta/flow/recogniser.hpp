// Recogniser: decides whether an event of a page was handed on before.
//
//     const auto seen = recogniser.look(events);  // One per event, in order.
//     recogniser.passed(handed_on, repeated, ends_recovery);
//
// It searches the window of settled events (window.hpp) while Okta is asked again from before the watermark
// (filtering) or from the same place (repeating), and always the events read recently.
//
// Promises
// - An event is known only if the same one was handed on and is settled or in flight. Without a uuid it is
//   known only if the same place is asked again, or if it is in flight, and only as often as it was seen
//   there.
// - An event that cannot be decided (older than the window; without a uuid, while filtering; a known uuid
//   with other bytes) counts as new and may be a repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/progress.hpp"
#include "logzio_okta/flow/tail.hpp"
#include "logzio_okta/flow/window.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

class Recogniser {
 public:
  enum class Seen : std::uint8_t { fresh, known, perhaps };

  /// Starts from the place and the newest rows of the window. The window itself comes by `take_window`.
  void open(const Place& place, const std::vector<WindowRow>& recent);
  /// Events in flight without a uuid: when Okta is asked again, each is known by its bytes, as often as it
  /// occurs.
  void note_nameless(const Unsettled<LogPage>& on_its_way);
  /// The window on disk, the events that were in flight when it was requested, and Place::window_from.
  void take_window(const std::vector<WindowRow>& rows, const std::vector<EventHash>& on_its_way,
                   std::optional<WallTime> from);
  /// Okta is asked again from before this watermark.
  void filter_until(WallTime watermark);

  /// An answer came, given at this moment by Okta's clock at the latest.
  void answered(WallTime at_most) { after_question_.answered(at_most); }
  [[nodiscard]] std::vector<Seen> look(const std::vector<EventSlice>& events);
  /// While filtering, this very event was settled before.
  [[nodiscard]] bool settled_before(const EventHash& event) const;
  /// The page just looked at ends the recovery. `end`: it ended Okta's log.
  [[nodiscard]] bool recovery_ends(bool end) const { return filtering_ && (end || after_question_.seen()); }
  /// The page was taken, and these events were handed on. `repeated`: the place did not move.
  void passed(std::span<const EventHash> handed_on, bool repeated, bool ends_recovery);

  [[nodiscard]] bool filtering() const { return filtering_.has_value(); }
  [[nodiscard]] bool repeating() const { return repeating_; }
  /// A place that never moves keeps bringing new events: the window in memory is larger than any on disk.
  [[nodiscard]] bool overgrown() const;

 private:
  [[nodiscard]] bool take_nameless(const EventHash& hash);
  [[nodiscard]] bool cannot_be_known(const EventSlice& event) const;

  Window window_;                        ///< In use while filtering or repeating.
  std::optional<WallTime> window_from_;  ///< Like Place::window_from, for the window in use.
  std::optional<WallTime> filtering_;    ///< Like Place::recovering, for the pages being read.
  bool repeating_ = false;               ///< Like Place::repeated, for the pages being read.
  Recent recent_;                        ///< The events read last, delivered or not.
  LaterEvents after_question_;           ///< After we asked from the watermark.
  /// Events without a uuid that were in flight when a recovery began: their bytes, and how often.
  std::map<std::uint64_t, std::uint32_t> nameless_;
};

}  // namespace logzio_okta
