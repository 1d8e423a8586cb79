// Window: recognises events settled before, when a place is asked again or a lost place is recovered.
//
//     Window window(rows);                     // Read back from the store.
//     Window::Page page(window, same_place);   // One page's worth of questions.
//     if (page.look_up(hash) == Window::Known::no) hand_on(event);
//     window.add(hashes);                      // What was handed on from this very place.
//
// Same uuid and same bytes: known. Same uuid and other bytes: changed, to be shipped and marked. Without a
// uuid an event is known only when the same place is asked again, and only as often as it was seen there: two
// logins alike to the byte are still two.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

class Window {
 public:
  enum class Known : std::uint8_t { no, yes, changed };

  Window() = default;
  explicit Window(const std::vector<WindowRow>& rows);

  void add(std::span<const EventHash> events);
  [[nodiscard]] bool empty() const { return events_.empty(); }
  [[nodiscard]] std::size_t size() const { return events_.size(); }

  class Page {
   public:
    Page(const Window& window, bool same_place) : window_(window), same_place_(same_place) {}
    [[nodiscard]] Known look_up(const EventHash& event);

   private:
    const Window& window_;
    bool same_place_;
    std::map<std::uint64_t, std::size_t> seen_without_uuid_;
  };

 private:
  std::vector<EventHash> events_;  ///< Sorted by uuid, then bytes; equal ones are next to each other.
};

/// What was read lately. Okta may give an event again soon: where two pages meet, or twice in one.
///
///     const auto known = recent.look_up_and_add(events);  // One an event, in order.
///
/// Without a uuid nothing is known: two logins alike to the byte are still two.
class Recent {
 public:
  Recent() = default;
  explicit Recent(const std::vector<WindowRow>& rows);

  /// Of each event, whether it was seen in an earlier page or earlier in this one. The page is remembered,
  /// and what is older than limits::recent_events_max events is forgotten.
  [[nodiscard]] std::vector<Window::Known> look_up_and_add(const std::vector<EventSlice>& page);

 private:
  void add(std::vector<EventHash>&& sorted);

  std::deque<std::vector<EventHash>> pages_;  ///< Oldest first, each sorted.
  std::vector<EventHash> events_;             ///< Of all of them, sorted.
};

}  // namespace logzio_okta
