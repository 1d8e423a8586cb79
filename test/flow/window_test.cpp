#include "logzio_okta/flow/window.hpp"

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
