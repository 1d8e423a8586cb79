#include "logzio_okta/http/address.hpp"

#include <string>

#include "catch.hpp"

using namespace logzio_okta;

namespace {

std::string raw_of(std::string_view text) {
  const auto address = IpAddress::parse(text);
  REQUIRE(address.has_value());
  return {address->raw().begin(), address->raw().end()};
}

IpAddress at(std::string_view text) {
  return IpAddress::parse(text).value();
}

bool holds(std::string_view block, std::string_view address) {
  return IpBlock::parse(block).value().contains(at(address));
}

}  // namespace

TEST_CASE("address: its bytes, however it is written") {
  using namespace std::string_literals;
  const std::string mapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff"s;
  REQUIRE(raw_of("192.0.2.255") == mapped + "\xc0\0\x02\xff"s);
  REQUIRE(raw_of("::ffff:192.0.2.255") == raw_of("192.0.2.255"));
  REQUIRE(raw_of("::ffff:c000:2ff") == raw_of("192.0.2.255"));
  REQUIRE(raw_of("2001:db8::1") == "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s);
  REQUIRE(raw_of("[2001:DB8:0:0:0:0:0:1]") == raw_of("2001:db8::1"));
  REQUIRE(raw_of("::") == std::string(16, '\0'));
  REQUIRE(raw_of("1::") == "\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s);
  for (const char* text :
       {"", "192.0.2", "192.0.2.256", "192.0.2.01", "1:2", ":::", "[192.0.2.1", "localhost", "1::g"}) {
    CAPTURE(text);
    REQUIRE_FALSE(IpAddress::parse(text));
  }
}

TEST_CASE("address: loopback is 127/8 and ::1") {
  for (const char* text : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"})
    REQUIRE(at(text).is_loopback());
  for (const char* text : {"128.0.0.1", "::", "::2", "1::1", "10.0.0.1"})
    REQUIRE_FALSE(at(text).is_loopback());
}

TEST_CASE("address: a block holds what begins as it does") {
  REQUIRE(holds("172.17.0.1", "172.17.0.1"));
  REQUIRE_FALSE(holds("172.17.0.1", "172.17.0.2"));
  REQUIRE(holds("172.16.0.0/12", "172.31.255.255"));
  REQUIRE_FALSE(holds("172.16.0.0/12", "172.32.0.0"));
  REQUIRE(holds(" 10.1.2.3/8 ", "10.255.0.1"));
  REQUIRE(holds("fd00::/8", "fdff::1"));
  REQUIRE_FALSE(holds("fd00::/8", "fe00::1"));
  REQUIRE(holds("2001:db8::/33", "2001:db8:7fff::"));
  REQUIRE_FALSE(holds("2001:db8::/33", "2001:db8:8000::"));
  REQUIRE_FALSE(holds("10.0.0.0/8", "a00::1"));

  for (const char* text : {"", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::1/129", "10.0.0/8"}) {
    CAPTURE(text);
    REQUIRE_THAT(IpBlock::parse(text).error().text,
                 Catch::Matchers::Contains("is not an address or a network"));
  }
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/7", "::/0", "fc00::/7"}) {
    REQUIRE_THAT(IpBlock::parse(text).error().text, Catch::Matchers::Contains("too wide"));
  }
}
