// Window: recognises settled events when a place is asked again or a lost place is recovered.
//
//     Window window(rows);                     // Read back from the store.
//     Window::Page page(window, same_place);   // The lookups of one page.
//     if (page.look_up(hash) == Window::Known::no) hand_on(event);
//     window.add(hashes);                      // Handed on from this same place.
//
// Same uuid and same bytes: known. Same uuid and other bytes: changed, to be shipped and marked. Without a
// uuid an event is known only if the same place is asked again, and only as often as it was seen there: two
// byte-identical logins are still two.
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

/// Recently read events. Okta may return an event again soon: where two pages meet, or twice in one page.
///
///     const auto known = recent.look_up_and_add(events);  // One per event, in order.
///
/// Events without a uuid are never known: two byte-identical logins are still two.
class Recent {
 public:
  Recent() = default;
  explicit Recent(const std::vector<WindowRow>& rows);

  /// For each event, whether it was seen in an earlier page or earlier in this one. Remembers the page and
  /// forgets all but the last limits::recent_events_max events.
  [[nodiscard]] std::vector<Window::Known> look_up_and_add(const std::vector<EventSlice>& page);

 private:
  void add(std::vector<EventHash>&& sorted);

  std::deque<std::vector<EventHash>> pages_;  ///< Oldest first, each sorted.
  std::vector<EventHash> events_;             ///< Those of all pages, sorted.
};

}  // namespace logzio_okta
