#include "logzio_okta/http/message.hpp"

#include <set>

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("headers: names are compared without case, values are given as they are") {
  const Headers headers{{"content-type", "text/html"}, {"Date", "yesterday"}, {"DATE", "today"}};
  REQUIRE(find_header(headers, "Content-Type") == "text/html");
  REQUIRE(find_header(headers, "date") == "yesterday");  // The first one.
  REQUIRE_FALSE(find_header(headers, "Dat"));
  REQUIRE_FALSE(find_header({}, "Date"));
  REQUIRE(same_name("X-Rate-Limit-Reset", "x-rate-limit-reset"));
  REQUIRE_FALSE(same_name("Link", "Links"));
}

TEST_CASE("transport faults: each has its own name") {
  std::set<std::string_view> names;
  for (int fault = 0; fault <= static_cast<int>(TransportFault::held_by_us); ++fault) {
    names.insert(name_of(static_cast<TransportFault>(fault)));
  }
  REQUIRE(names.size() == static_cast<std::size_t>(TransportFault::held_by_us) + 1);
  REQUIRE(names.contains("timed_out"));
}
