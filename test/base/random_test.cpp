#include "logzio_okta/base/random.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("random: one seed decides everything") {
  Random a(7);
  Random b(7);
  Random other(8);
  const std::uint64_t first = a.next();
  REQUIRE(first == b.next());
  REQUIRE(first != other.next());
  REQUIRE(Random(0).next() == 0xE220A8397B1DCDAFU);  // splitmix64's published first value.
}

TEST_CASE("random: stays within its bounds and reaches both ends") {
  Random random(1);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(random.below(3) < 3);
    const Duration duration = random.between(Duration(5), Duration(7));
    REQUIRE(duration >= Duration(5));
    REQUIRE(duration <= Duration(7));
    low = low || duration == Duration(5);
    high = high || duration == Duration(7);
  }
  REQUIRE(low);
  REQUIRE(high);
  REQUIRE(random.below(0) == 0);
  REQUIRE(random.between(5s, 5s) == 5s);
  REQUIRE(random.between(5s, 1s) == 5s);
}
