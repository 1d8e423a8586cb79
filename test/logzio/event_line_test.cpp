#include "logzio_okta/logzio/event_line.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;

namespace {

struct Line {
  std::string text;  ///< Without its '\n'.
  AppendedLine how;

  /// Okta's event had back.
  [[nodiscard]] std::string event() const { return "{" + text.substr(how.event_at); }
};

Line line_of(std::string_view event_bytes, Mark mark = {}, std::size_t extra_bytes = 0) {
  EventSlice event;
  REQUIRE(PageCutter::cut_one(event_bytes, event));
  std::string out = "what stood there before\n";
  const std::size_t from = out.size();
  Line line;
  line.how = append_line(out, event, LineConstants("acme.okta.com"), mark, extra_bytes);
  REQUIRE(out.ends_with('\n'));
  line.text = out.substr(from, out.size() - from - 1);
  REQUIRE(line.text.find('\n') == std::string::npos);
  return line;
}

std::string filled(std::size_t bytes) {
  return '"' + std::string(bytes - 2, 'x') + '"';
}

}  // namespace

TEST_CASE("event line: type, tenant, time and message are in front of the bytes Okta sent") {
  const Line line = line_of(
      R"({"uuid":"u1","published":"2026-11-23T12:00:00.123Z","displayMessage":"User \"x\" logged in","n":1.10})");
  REQUIRE(line.text ==
          R"({"type":"okta","tenant_name":"acme.okta.com","@timestamp":"2026-11-23T12:00:00.123Z",)"
          R"("message":"User \"x\" logged in","uuid":"u1","published":"2026-11-23T12:00:00.123Z",)"
          R"("displayMessage":"User \"x\" logged in","n":1.10})");
  REQUIRE_FALSE(line.how.reduced);
}

TEST_CASE("event line: without a date there is no @timestamp, without a text no message") {
  REQUIRE(line_of(R"({"published":"yesterday","displayMessage":null})").text ==
          R"({"type":"okta","tenant_name":"acme.okta.com","published":"yesterday","displayMessage":null})");
}

TEST_CASE("event line: an empty event gets no comma that nothing follows") {
  REQUIRE(line_of("{}").text == R"({"type":"okta","tenant_name":"acme.okta.com"})");
  REQUIRE(line_of("{ }").text == R"({"type":"okta","tenant_name":"acme.okta.com" })");
  REQUIRE(line_of("{\n}").text == R"({"type":"okta","tenant_name":"acme.okta.com" })");
}

TEST_CASE("event line: the event's own keys win over ours") {
  REQUIRE(
      line_of(R"({"type":"x","tenant_name":1,"@timestamp":2,"message":3,"published":"2026-11-23T12:00:00Z",)"
              R"("displayMessage":"m","logzio_okta":4})",
              {.possible_duplicate = true})
          .text ==
      R"({"type":"x","tenant_name":1,"@timestamp":2,"message":3,"published":"2026-11-23T12:00:00Z",)"
      R"("displayMessage":"m","logzio_okta":4})");
}

TEST_CASE("event line: what there is to say about an event is said, and only then") {
  REQUIRE_THAT(line_of(R"({"a":1})").text, !Contains("logzio_okta"));
  REQUIRE_THAT(line_of(R"({"a":1})", {.possible_duplicate = true}).text,
               Contains(R"(,"logzio_okta":{"possible_duplicate":true},"a":1})"));
  REQUIRE_THAT(line_of(R"({"a":1})", {.backfill = true}).text,
               Contains(R"(,"logzio_okta":{"backfill":true},"a":1})"));
  REQUIRE_THAT(line_of("{}", {.possible_duplicate = true, .backfill = true}).text,
               Contains(R"(,"logzio_okta":{"possible_duplicate":true,"backfill":true}})"));
}

TEST_CASE("event line: the event can be had back from its line") {
  for (const std::string event :
       {"{}", "{ }", R"({"a":1})", R"({ "a" : "\u00e9\\\"" , "a":2 })", R"({"type":1,"tenant_name":2})",
        R"({"logzio_okta":{}})", "{\"bad utf-8\":\"\xff\"}"}) {
    CAPTURE(event);
    for (const Mark mark : {Mark{}, Mark{.possible_duplicate = true}}) {
      REQUIRE(line_of(event, mark).event() == event);
    }
  }
}

TEST_CASE("event line: line breaks between tokens become spaces, written ones inside strings stay") {
  const Line line = line_of("{\r\n  \"a\": \"x\\ny\",\n  \"b\": 2\n}");
  REQUIRE(line.event() == "{    \"a\": \"x\\ny\",   \"b\": 2 }");
}

TEST_CASE("event line: an event that is not JSON inside goes out as it is") {
  REQUIRE(line_of(R"({"a" 1 2})").text == R"({"type":"okta","tenant_name":"acme.okta.com","a" 1 2})");
}

TEST_CASE("event line: up to the limit an event goes out whole, one byte more and it is reduced") {
  const std::string head = R"({"uuid":"u1","big":)";
  const std::size_t around = line_of(head + "\"\"}").text.size() - 2;
  const std::string event = head + filled(limits::line_bytes_max - around) + "}";
  REQUIRE(line_of(event).text.size() == limits::line_bytes_max);
  REQUIRE_FALSE(line_of(event).how.reduced);

  const std::string longer = head + filled(limits::line_bytes_max - around + 1) + "}";
  REQUIRE(line_of(longer).how.reduced);
  // What the transport adds and what we have to say count as well.
  REQUIRE(line_of(event, {}, 1).how.reduced);
  REQUIRE(line_of(event, {.backfill = true}).how.reduced);
}

TEST_CASE("event line: a reduced event keeps what a hunter needs first and says its size") {
  const std::string event =
      R"({"actor":{"id":"a1"},"uuid":"u1","published":"2026-11-23T12:00:00Z","eventType":"user.session.start",)"
      R"("severity":"INFO","displayMessage":"m","outcome":{"result":"SUCCESS"},"type":"own","logzio_okta":1,)"
      R"("client":{"userAgent":"x","ipAddress":"192.0.2.1"},"request":)" +
      filled(600'000) + "}";
  const Line line = line_of(event, {.possible_duplicate = true});
  REQUIRE(line.how.reduced);
  REQUIRE(line.text ==
          R"({"type":"okta","tenant_name":"acme.okta.com","@timestamp":"2026-11-23T12:00:00Z",)"
          R"("message":"m","logzio_okta":{"possible_duplicate":true,"reduced":true,"bytes":)" +
              std::to_string(event.size()) +
              R"(},"uuid":"u1","published":"2026-11-23T12:00:00Z","eventType":"user.session.start",)"
              R"("severity":"INFO","displayMessage":"m","actor":{"id":"a1"},)"
              R"("outcome":{"result":"SUCCESS"},"client":{"ipAddress":"192.0.2.1"}})");
  REQUIRE(is_strict_json_object(line.event()));
}

TEST_CASE("event line: a member that is too large or not JSON is left out of a reduced event") {
  const Line line = line_of(R"({"uuid":"u1","displayMessage":)" + filled(32'701) + R"(,"actor":)" +
                            filled(500'000) + R"(,"outcome":{"a" 1},"severity":)" + filled(32'700) + "}");
  REQUIRE(line.how.reduced);
  REQUIRE(line.text.size() < 33'500);
  REQUIRE_THAT(line.text, !Contains("displayMessage") && !Contains("actor") && !Contains("outcome") &&
                              !Contains("message") && Contains("severity"));
  REQUIRE(is_strict_json_object(line.text));
}

TEST_CASE(
    "event line: a reduced event with nothing worth keeping is still a line, and a pretty one is one line") {
  const Line bare = line_of("{\"x\":" + filled(500'000) + "}");
  REQUIRE(is_strict_json_object(bare.text));
  REQUIRE(bare.event() == "{}");

  const Line pretty = line_of("{\n\"actor\":{\n\"id\":\"a1\"},\n\"x\":" + filled(500'000) + "}");
  REQUIRE(is_strict_json_object(pretty.text));
  REQUIRE(pretty.event() == R"({"actor":{ "id":"a1"}})");
}
