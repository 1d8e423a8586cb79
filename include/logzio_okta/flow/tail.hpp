// Tail: finds the end of Okta's log from a stream's pages.
//
//     Tail tail(policy.poll_interval);
//     Tail::Seen seen = tail.look(
//         {.events = 3, .new_events = 3, .limit = 1000, .moved = true, .newest = newest, .date = date});
//
//     LaterEvents later;
//     later.begin();          // Something has to be read up to this moment,
//     later.answered(date);   // which the next answer dates, by Okta's clock.
//     for (std::optional<WallTime> published : page) later.pass(published, known);
//     if (later.seen()) all_is_read(later.moment());
//
// A page's size says nothing about what follows: Okta, or a proxy in between, may return short and empty
// pages in the middle of its log. These are evidence:
// - an empty page whose link does not move, or very many in a row whose links do;
// - a short page without new events whose link does not move;
// - a short page that reaches up to Okta's own present. It is a reason to wait, but no proof, because a
//   little more may follow.
// A busy org never shows its end. There, events published later prove that everything earlier is read,
// because the log is in the order of persistence and no event is persisted before it is published.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

/// Greatest `published` that is not ahead of `date`, or of all events if every one is ahead: some are dated
/// ahead of time and do not show how far a page reaches.
[[nodiscard]] std::optional<WallTime> newest_up_to(WallTime date, const std::vector<EventSlice>& events);

class Tail {
 public:
  enum class Seen : std::uint8_t {
    no,    ///< There is more: ask on.
    rest,  ///< Nearly all: the rest may wait for the next poll.
    end,   ///< Nothing is left.
  };
  struct Look {
    std::size_t events = 0;
    std::size_t new_events = 0;      ///< Those of them that were not known.
    std::size_t limit = 0;           ///< The request's limit.
    bool moved = false;              ///< Its link leads on.
    std::optional<WallTime> newest;  ///< newest_up_to(date).
    WallTime date;                   ///< When Okta answered, by Okta's clock.
  };

  explicit Tail(Duration poll_interval) : poll_interval_(poll_interval) {}

  [[nodiscard]] Seen look(const Look& page);
  /// Ends a row of empty pages: at a question of our own, which empty pages under the last one do not
  /// concern, or at an answer that is unreadable but not empty, because something is there.
  void row_ends() { empty_in_a_row_ = 0; }

 private:
  [[nodiscard]] Seen judge(const Look& page);
  [[nodiscard]] bool fresh(const Look& page) const;

  Duration poll_interval_;
  int empty_in_a_row_ = 0;  ///< With links that lead on.
  bool resting_ = false;
};

/// Detects when everything persisted before a moment is read, by events published after it. A single one
/// proves nothing: Okta may date one ahead of its clock.
class LaterEvents {
 public:
  /// The moment is that of the next answer, or `moment` if that is earlier.
  void begin(std::optional<WallTime> moment = std::nullopt);
  /// `date`: when the answer was given, by Okta's clock, or later.
  void answered(WallTime date);
  /// Events published up to here do not count.
  void not_before(WallTime moment);
  /// In the order of the log.
  void pass(std::optional<WallTime> published, bool known);
  [[nodiscard]] bool seen() const { return seen_; }
  /// When it began, once an answer has dated it.
  [[nodiscard]] std::optional<WallTime> moment() const { return dated_ ? moment_ : std::nullopt; }

 private:
  std::optional<WallTime> moment_;
  bool dated_ = false;
  int in_a_row_ = 0;
  bool seen_ = false;
};

}  // namespace logzio_okta
