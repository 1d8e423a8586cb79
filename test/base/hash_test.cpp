#include "logzio_okta/base/hash.hpp"

#include <string>

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("hash: the value of a text never changes, since it is stored") {
  // XXH3's published value for no bytes, and ours for a uuid as they are in every state file since.
  REQUIRE(hash64("") == 0x2D06800538D394C2U);
  REQUIRE(hash64("dc9fd3c0-598c-11ef-8478-2b7584bf8d5a") == 0x61B1058D1EBAFD18U);
}

TEST_CASE("hash: one changed bit gives another hash, at every length class of XXH3") {
  for (const std::size_t size : {1U, 3U, 8U, 16U, 17U, 128U, 129U, 240U, 241U, 2400U}) {
    std::string text(size, 'a');
    const std::uint64_t before = hash64(text);
    text[size / 2] = 'c';
    INFO(size);
    REQUIRE(hash64(text) != before);
    REQUIRE(hash64(text) != hash64(text + '\0'));
  }
}
