#include "logzio_okta/flow/window.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

using Known = Window::Known;

constexpr EventHash alice{.uuid = 1, .bytes = 10};
constexpr EventHash alice_edited{.uuid = 1, .bytes = 11};
constexpr EventHash bob{.uuid = 2, .bytes = 10};
constexpr EventHash nameless{.uuid = 0, .bytes = 30};

Window holding(std::vector<EventHash> events) {
  return Window({{.page = 1, .newest = {}, .events = std::move(events)}});
}

}  // namespace

TEST_CASE("window: an event with the same uuid and the same bytes is known") {
  const Window window = holding({bob, alice});
  Window::Page page(window, false);
  REQUIRE(page.look_up(alice) == Known::yes);
  REQUIRE(page.look_up(alice) == Known::yes);
  REQUIRE(page.look_up(bob) == Known::yes);
}

TEST_CASE("window: a known uuid with other bytes is a change, not a repeat") {
  const Window window = holding({alice});
  Window::Page page(window, true);
  REQUIRE(page.look_up(alice_edited) == Known::changed);
  REQUIRE(page.look_up({.uuid = 1, .bytes = 9}) == Known::changed);
}

TEST_CASE("window: an unknown uuid is unknown, whatever its bytes") {
  const Window window = holding({alice});
  Window::Page page(window, true);
  REQUIRE(page.look_up(bob) == Known::no);
}

TEST_CASE("window: a nameless event is known only where the same place is asked again") {
  const Window window = holding({nameless});
  Window::Page elsewhere(window, false);
  REQUIRE(elsewhere.look_up(nameless) == Known::no);
  Window::Page same(window, true);
  REQUIRE(same.look_up(nameless) == Known::yes);
}

TEST_CASE("window: two nameless events alike to the byte are known twice, and the third is new") {
  const Window window = holding({nameless, alice, nameless});
  Window::Page page(window, true);
  REQUIRE(page.look_up(nameless) == Known::yes);
  REQUIRE(page.look_up(nameless) == Known::yes);
  REQUIRE(page.look_up(nameless) == Known::no);
  Window::Page again(window, true);
  REQUIRE(again.look_up(nameless) == Known::yes);
}

TEST_CASE("window: what is added is known beside what was read") {
  Window window(
      {{.page = 1, .newest = {}, .events = {bob}}, {.page = 2, .newest = {}, .events = {nameless}}});
  REQUIRE(window.size() == 2);
  const std::vector<EventHash> more = {nameless, alice};
  window.add(more);
  REQUIRE(window.size() == 4);
  Window::Page page(window, true);
  REQUIRE(page.look_up(alice) == Known::yes);
  REQUIRE(page.look_up(bob) == Known::yes);
  REQUIRE(page.look_up(nameless) == Known::yes);
  REQUIRE(page.look_up(nameless) == Known::yes);
  REQUIRE(page.look_up(nameless) == Known::no);
}

TEST_CASE("window: an empty one knows nothing") {
  const Window window;
  REQUIRE(window.empty());
  Window::Page page(window, true);
  REQUIRE(page.look_up(alice) == Known::no);
  REQUIRE(page.look_up(nameless) == Known::no);
}

// What was read lately.

namespace {

/// One page of events, given as "uuid:bytes"; an empty uuid is none.
std::vector<EventSlice> page_of(const std::vector<std::pair<std::string, std::string>>& events) {
  std::vector<EventSlice> page;
  for (const auto& [uuid, bytes] : events) {
    EventSlice& event = page.emplace_back();
    event.hash = EventHash::of(uuid, bytes);
  }
  return page;
}

}  // namespace

TEST_CASE("recent: what a page or the one before it holds twice is known, with other bytes it is changed") {
  Recent recent;
  REQUIRE(recent.look_up_and_add(page_of({{"a", "1"}, {"b", "1"}, {"a", "1"}, {"b", "2"}, {"a", "1"}})) ==
          std::vector{Known::no, Known::no, Known::yes, Known::changed, Known::yes});
  REQUIRE(recent.look_up_and_add(page_of({{"b", "2"}, {"c", "1"}, {"a", "0"}})) ==
          std::vector{Known::yes, Known::no, Known::changed});
}

TEST_CASE("recent: without a uuid nothing is known") {
  Recent recent;
  REQUIRE(recent.look_up_and_add(page_of({{"", "1"}, {"", "1"}})) == std::vector{Known::no, Known::no});
  REQUIRE(recent.look_up_and_add(page_of({{"", "1"}})) == std::vector{Known::no});
}

TEST_CASE("recent: it is bounded, and remembers the last page whatever its size") {
  Recent recent;
  const auto page = [](std::size_t from, std::size_t count) {
    std::vector<std::pair<std::string, std::string>> events;
    for (std::size_t i = from; i < from + count; ++i) events.emplace_back(std::to_string(i), "x");
    return page_of(events);
  };
  constexpr std::size_t most = limits::recent_events_max;
  static_cast<void>(recent.look_up_and_add(page(0, 10)));
  static_cast<void>(recent.look_up_and_add(page(10, most - 10)));
  REQUIRE(recent.look_up_and_add(page(0, 1)) == std::vector{Known::yes});
  static_cast<void>(recent.look_up_and_add(page(most, most / 2)));
  for (int again = 0; again < 10; ++again)  // What is given again pushes nothing out.
    static_cast<void>(recent.look_up_and_add(page(most, most / 2)));
  static_cast<void>(recent.look_up_and_add(page(most + most / 2, most / 2)));
  REQUIRE(recent.look_up_and_add(page(most, 1)) == std::vector{Known::yes});
  REQUIRE(recent.look_up_and_add(page(20, 1)) == std::vector{Known::no});
  REQUIRE(recent.look_up_and_add(page(2 * most - 1, 1)) == std::vector{Known::yes});
}

TEST_CASE("recent: it begins with what the store remembers") {
  const WindowRow row{.page = 1, .newest = {}, .events = {EventHash::of("a", "1"), EventHash::of("", "1")}};
  Recent recent({row});
  REQUIRE(recent.look_up_and_add(page_of({{"a", "1"}, {"", "1"}})) == std::vector{Known::yes, Known::no});
}
