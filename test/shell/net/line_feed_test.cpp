#include "shell/net/line_feed.hpp"

#include <algorithm>
#include <string>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

const std::string opening = R"({"token":"T",)";

std::string fed(const std::string& plain, std::size_t bytes_a_write) {
  LineFeed feed(plain, Secret(std::string(opening)));
  std::string out;
  while (!feed.done()) {
    const std::string_view front = feed.front();
    REQUIRE_FALSE(front.empty());
    CHECK(front.size() < 100 * limits::KiB);
    const std::size_t count = std::min(front.size(), bytes_a_write);
    out += front.substr(0, count);
    feed.written(count);
  }
  CHECK(feed.front().empty());
  return out;
}

}  // namespace

TEST_CASE("line feed: the token is put after each line's opening brace") {
  CHECK(fed("{\"a\":1}\n{\"b\":{\"c\":2}}\n", 1000) ==
        "{\"token\":\"T\",\"a\":1}\n{\"token\":\"T\",\"b\":{\"c\":2}}\n");
}

TEST_CASE("line feed: whatever is written at a time, the bytes are the same") {
  std::string plain;
  std::string expected;
  for (std::size_t i = 0; i < 400; ++i) {
    const std::string rest = "\"n\":\"" + std::string(i * i, 'x') + "\"}\n";
    plain += "{" + rest;
    expected += opening + rest;
  }
  REQUIRE(plain.size() > 20 * limits::MiB);
  for (const std::size_t count : {std::size_t{1} << 30U, std::size_t{4099}})
    CHECK((fed(plain, count) == expected));
}

TEST_CASE("line feed: nothing to send is done at once") {
  CHECK(LineFeed("", Secret(std::string(opening))).done());
}
