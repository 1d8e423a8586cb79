#include "logzio_okta/flow/memory.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

constexpr DestinationId first{1};
constexpr DestinationId second{2};
constexpr std::size_t all = limits::memory_budget;

/// Two destinations with a tenant each, both healthy and empty.
Memory two_destinations() {
  Memory memory;
  memory.serve({first, second});
  memory.hold(first, 0, true);
  memory.hold(second, 0, true);
  return memory;
}

}  // namespace

TEST_CASE("memory: what is held and what is reserved add up, and come back") {
  Memory memory = two_destinations();
  memory.hold(first, 100, true);
  memory.reserve(first, 30);
  memory.reserve(second, 5);
  REQUIRE(memory.used() == 135);
  REQUIRE(memory.reservations() == 2);
  REQUIRE(memory.expects_for(second));
  memory.release(second, 5);
  REQUIRE_FALSE(memory.expects_for(second));
  memory.release(first, 30);
  memory.hold(first, 0, true);
  REQUIRE(memory.used() == 0);
}

TEST_CASE("memory: half of a destination's share is kept for it, whatever another holds") {
  Memory memory = two_destinations();
  memory.hold(first, all, false);  // In trouble, with all there is.
  memory.reserve(second, 1);
  REQUIRE(memory.has_room_for(second, all / 4 - 1));
  REQUIRE_FALSE(memory.has_room_for(second, all / 4));
  REQUIRE_FALSE(memory.has_room_for(first, 1));
}

TEST_CASE("memory: what is reserved for another cannot be used, even if it is idle") {
  Memory memory = two_destinations();
  memory.reserve(first, 1);
  REQUIRE(memory.has_room_for(first, all - all / 4 - 1));
  REQUIRE_FALSE(memory.has_room_for(first, all - all / 4));
}

TEST_CASE("memory: a page that outgrew everything is admitted when nothing else moves") {
  Memory memory = two_destinations();
  REQUIRE(memory.has_room_for(first, 2 * all));
  memory.hold(second, 1, false);  // Stuck: it is not waited for.
  REQUIRE(memory.has_room_for(first, 2 * all));
  memory.hold(second, 1, true);
  REQUIRE_FALSE(memory.has_room_for(first, 2 * all));
}

TEST_CASE("memory: nothing is kept for a destination that no tenant names any more") {
  Memory memory = two_destinations();
  memory.reserve(first, 1);
  memory.serve({first});
  REQUIRE(memory.has_room_for(first, all - 1));
  memory.forget(second);
  REQUIRE(memory.has_room_for(first, all - 1));
  REQUIRE_FALSE(memory.has_room_for(first, all));
}

TEST_CASE("memory: an answer on its way is remembered where its destination is gone") {
  Memory memory = two_destinations();
  memory.reserve(second, 7);
  memory.serve({first});
  memory.forget(second);
  REQUIRE(memory.used() == 7);
  memory.release(second, 7);
  REQUIRE(memory.used() == 0);
}
