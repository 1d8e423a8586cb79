#include "logzio_okta/okta/hook.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

/// The shape Okta documents: the envelope's members in its order, ipChain under client, a null timestamp.
const std::string sample = R"({
  "eventType": "com.okta.event_hook",
  "eventTypeVersion": "1.0",
  "cloudEventsVersion": "0.1",
  "source": "https://acme.okta.com/api/v1/eventHooks/who7example0000000000",
  "eventId": "6f0f1b3e-0000-4000-8000-0123456789ab",
  "data": {
    "events": [
      {
        "version": "0",
        "severity": "INFO",
        "client": {"zone": "null", "device": null, "ipChain": [], "ipAddress": null},
        "actor": {"id": "00u1", "type": "User", "alternateId": "ann@example.com", "detailEntry": null},
        "uuid": "1f0e2d3c-0000-11ed-8000-abcdefabcdef",
        "published": "2023-03-28T17:03:36.093Z",
        "eventType": "user.account.update_profile",
        "displayMessage": "Update user profile for Okta",
        "insertionTimestamp": null
      },
      {"uuid":"second","n":1.50e2}
    ]
  },
  "eventTime": "2023-03-28T17:03:37.093Z",
  "contentType": "application/json"
})";

std::string why_not(const std::string& body) {
  PageCutter cutter;
  const auto hook = read_hook(body, cutter);
  return hook ? "" : hook.error().text;
}

std::string from(const std::string& source) {
  return R"({"source":)" + source + R"(,"data":{"events":[]}})";
}

}  // namespace

TEST_CASE("hook: the documented payload gives its org and its events' own bytes") {
  PageCutter cutter;
  const auto hook = read_hook(sample, cutter);
  REQUIRE(hook.has_value());
  REQUIRE(hook->source.name() == "acme.okta.com");
  REQUIRE(hook->event_id == R"("6f0f1b3e-0000-4000-8000-0123456789ab")");
  REQUIRE(hook->event_time == R"("2023-03-28T17:03:37.093Z")");
  REQUIRE(cutter.events().size() == 2);
  REQUIRE(cutter.events()[0].uuid == "1f0e2d3c-0000-11ed-8000-abcdefabcdef");
  REQUIRE(cutter.events()[0].display_message == R"("Update user profile for Okta")");
  REQUIRE(cutter.events()[0].published_at == parse_rfc3339("2023-03-28T17:03:36.093Z"));
  REQUIRE(cutter.events()[1].bytes == R"({"uuid":"second","n":1.50e2})");
}

TEST_CASE("hook: the org is the host of its source, read as strictly as a tenant's") {
  PageCutter cutter;
  REQUIRE(read_hook(from(R"("https:\/\/ACME.okta.com\/api\/v1\/eventHooks\/w")"), cutter)->source.name() ==
          "acme.okta.com");
  REQUIRE(read_hook(from(R"("http://127.0.0.1:9001/x")"), cutter)->source.name() == "127.0.0.1:9001");
  for (const char* bad : {R"("acme.okta.com")", R"("https://u:p@acme.okta.com/")", R"("https://10.0.0.1/")",
                          "7", R"("https://acme-admin.okta.com/")", R"("https://acme\u002eokta.com")",
                          R"("")", R"("http://acme.okta.com/")", R"("\\/")"}) {
    CAPTURE(bad);
    REQUIRE(why_not(from(bad)).starts_with("\"source\" is"));
  }
}

TEST_CASE("hook: what Okta does not send is refused with a word about it") {
  REQUIRE(why_not("").contains("not a JSON object"));
  REQUIRE(why_not("[]").contains("not a JSON object"));
  REQUIRE(why_not(sample.substr(0, sample.size() - 1)).contains("not a JSON object"));
  REQUIRE(why_not(sample + "x").contains("not a JSON object"));
  REQUIRE(
      why_not("{\"data\":{\"events\":[{\"a\":\"\xff\"}]},\"source\":\"\"}").contains("not a JSON object"));
  REQUIRE(why_not(R"({"source":"https://acme.okta.com/"})").contains("no list"));
  REQUIRE(why_not(R"({"source":"https://acme.okta.com/","data":{"events":{}}})").contains("no list"));
  REQUIRE(why_not(R"({"source":"https://acme.okta.com/","data":[]})").contains("no list"));
  REQUIRE(why_not(R"({"source":"https://acme.okta.com/","data":{"events":[1]}})").contains("not an object"));
  REQUIRE(why_not(R"({"data":{"events":[]}})") == "\"source\" is missing");
  REQUIRE(why_not(std::string(100'000, '[')).contains("not a JSON object"));
}

TEST_CASE("hook: more events than a delivery may have are refused before they cost anything") {
  std::string events = "{}";
  for (std::size_t i = 1; i < limits::hook_events_max; ++i) events += ",{}";
  const auto delivery = [&](const std::string& list) {
    return R"({"source":"https://acme.okta.com/","data":{"events":[)" + list + "]}}";
  };
  REQUIRE(why_not(delivery(events)).empty());
  PageCutter cutter;
  const std::string body = delivery(events + ",{}");
  const auto hook = read_hook(body, cutter);
  REQUIRE_FALSE(hook);
  REQUIRE(hook.error().too_many);
  REQUIRE(cutter.events().empty());
}

TEST_CASE("hook: a verification repeats the challenge as JSON") {
  REQUIRE(verification_answer("abc-_123") == R"({"verification":"abc-_123"})");
  REQUIRE(verification_answer(R"(a"b\c)") == R"({"verification":"a\"b\\c"})");
}
