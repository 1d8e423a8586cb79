#include "logzio_okta/okta/member.hpp"

#include "catch.hpp"

using logzio_okta::find_member;

namespace {

std::string member(std::string_view object, std::string_view key) {
  std::string_view value;
  return find_member(object, key, value) ? std::string(value) : "(none)";
}

}  // namespace

TEST_CASE("member: a value of any kind is given as written, without the white space around it") {
  const std::string_view object = R"({ "a" : 1.50 ,"b":"x,}\"]", "c":{"a":[1,{"d":2}]} , "d":null})";
  REQUIRE(member(object, "a") == "1.50");
  REQUIRE(member(object, "b") == R"("x,}\"]")");
  REQUIRE(member(object, "c") == R"({"a":[1,{"d":2}]})");
  REQUIRE(member(object, "d") == "null");
}

TEST_CASE("member: only the top level is searched") {
  REQUIRE(member(R"({"a":{"b":1},"c":"\"b\":2"})", "b") == "(none)");
}

TEST_CASE("member: if a key is there twice, the last one counts") {
  REQUIRE(member(R"({"a":1,"a":2})", "a") == "2");
}

TEST_CASE("member: an empty object has none") {
  REQUIRE(member("{}", "a") == "(none)");
  REQUIRE(member("{ }", "a") == "(none)");
}

TEST_CASE("member: damage ends the search and nothing beyond the object is read") {
  for (const std::string_view damaged : {"", "[]", "{", "{\"a", "{\"a\\", "{\"a\"", "{\"a\":", "{\"a\":1",
                                         "{\"a\":\"", "{\"a\" 1}", "{\"a\":1]", "{,\"a\":1}", "{\"a\":{]"}) {
    CAPTURE(damaged);
    REQUIRE(member(damaged, "a") == "(none)");
  }
}

TEST_CASE("member: what is before the damage is still found") {
  REQUIRE(member(R"({"a":1,"b" 2})", "a") == "1");
}
