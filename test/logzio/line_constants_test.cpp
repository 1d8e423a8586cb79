#include "logzio_okta/logzio/line_constants.hpp"

#include "logzio_okta/logzio/event_line.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;

namespace {

const std::vector<ConstantField> fields = {{"customer", "\"acme\""}, {"tier", "2"}, {"vip", "true"}};
const LineConstants constants("acme.okta.com", "okta-acme", fields);

std::string line_of(const std::string& bytes, Mark mark = {}) {
  EventSlice event;
  REQUIRE(PageCutter::cut_one(bytes, event));
  std::string out;
  static_cast<void>(append_line(out, event, constants, mark, 0));
  return out.substr(0, out.size() - 1);
}

}  // namespace

TEST_CASE("line constants: the tenant's type and fields are in front of what the event says") {
  REQUIRE(line_of(R"({"published":"2026-11-23T12:00:00Z","n":1})") ==
          R"({"type":"okta-acme","tenant_name":"acme.okta.com","customer":"acme","tier":2,"vip":true,)"
          R"("@timestamp":"2026-11-23T12:00:00Z","published":"2026-11-23T12:00:00Z","n":1})");
}

TEST_CASE("line constants: the event's own top-level key wins, and the others stay") {
  REQUIRE(
      line_of(R"({"tier":"gold","n":1})") ==
      R"({"type":"okta-acme","tenant_name":"acme.okta.com","customer":"acme","vip":true,"tier":"gold","n":1})");
  REQUIRE(line_of(R"({"type":"x","customer":null})") ==
          R"({"tenant_name":"acme.okta.com","tier":2,"vip":true,"type":"x","customer":null})");
}

TEST_CASE("line constants: the event's own key wins however it is spelt") {
  REQUIRE(
      line_of(R"({"\u0074ie\u0072":1})") ==
      R"({"type":"okta-acme","tenant_name":"acme.okta.com","customer":"acme","vip":true,"\u0074ie\u0072":1})");
  REQUIRE_THAT(line_of(R"({"\u0074ie":1})"), Contains(R"("tier":2)"));
  REQUIRE_THAT(line_of(R"({"tie\u2072":1,"ti\er":2})"), Contains(R"("tier":2)"));
}

TEST_CASE("line constants: a name deeper in the event is no clash") {
  REQUIRE_THAT(line_of(R"({"a":{"tier":1},"b":["vip"],"c":"customer"})"),
               Contains(R"("customer":"acme","tier":2,"vip":true)"));
}

TEST_CASE("line constants: a reduced line has them too") {
  const std::string big = R"({"uuid":"u1","vip":1,"big":")" + std::string(600'000, 'x') + "\"}";
  REQUIRE_THAT(line_of(big),
               Contains(R"("tenant_name":"acme.okta.com","customer":"acme","tier":2,"logzio_okta":)"));
}

TEST_CASE("line constants: text becomes a JSON string whatever is in it") {
  REQUIRE(json_string("a \"b\" \\ \n\x01 \xc3\xa9") == "\"a \\\"b\\\" \\\\ \\u000a\\u0001 \xc3\xa9\"");
}

TEST_CASE("line constants: names that would break or mislead are refused with the cure") {
  for (const char* good : {"customer", "A", "cost_center-2"}) REQUIRE(check_field_name(good));
  for (const char* bad : {"", "a.b", "_id", "2x", "a b", "\xc3\xa9", "@timestamp", "type", "tenant_name",
                          "message", "logzio_okta", "token", "tags"}) {
    CAPTURE(bad);
    REQUIRE_FALSE(check_field_name(bad));
  }
  REQUIRE_FALSE(check_field_name(std::string(65, 'x')));
  REQUIRE_THAT(check_field_name("a.b").error().text, Contains("use letters, digits"));
  REQUIRE_THAT(check_field_name("token").error().text, Contains("choose another name"));
  REQUIRE(check_type("okta-acme"));
  REQUIRE_FALSE(check_type("okta acme"));
}
