#include "logzio_okta/okta/log_query.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

const Origin org{"https", "acme.okta.com", 443};

std::string refusal(std::string_view link) {
  const auto target = admit_next(org, link);
  REQUIRE_FALSE(target);
  REQUIRE(target.error().find("acme") == std::string::npos);  // The link is not quoted.
  return target.error();
}

}  // namespace

TEST_CASE("log query: the first question starts somewhere and never ends") {
  const auto since = parse_rfc3339("2026-11-16T12:00:00.000Z").value();
  REQUIRE(first_target(since, 1000) ==
          "/api/v1/logs?since=2026-11-16T12:00:00.000Z&sortOrder=ASCENDING&limit=1000");
  REQUIRE(first_target(since, 1).find("until") == std::string::npos);
}

TEST_CASE("log query: filter and q are percent-encoded, and tell streams of one org apart") {
  const Domain acme = Domain::parse("acme.okta.com").value();
  const LogQuery query{.filter = R"(eventType eq "a/b")", .q = "x&y=1 \xc3\xa9"};
  REQUIRE(query.text() == "filter=eventType%20eq%20%22a%2Fb%22&q=x%26y%3D1%20%C3%A9");
  REQUIRE(
      first_target(*parse_rfc3339("2026-11-16T12:00:00Z"), 10, query).ends_with("&limit=10&" + query.text()));
  REQUIRE(query.stream_key(acme) == "acme.okta.com?" + query.text());
  REQUIRE(LogQuery{}.stream_key(acme) == "acme.okta.com");
  REQUIRE(LogQuery{.q = "a"}.text() == "q=a");
}

TEST_CASE("next link: one that stays with the org is followed byte for byte") {
  const std::string query = "?limit=1000&after=1627500044869_1&filter=a%20eq%20\"x,y\"&since=a:b+%2f";
  const std::string target = "/api/v1/logs" + query;
  for (const auto* place :
       {"https://acme.okta.com", "HTTPS://ACME.okta.COM", "https://acme.okta.com:443", ""}) {
    INFO(place);
    REQUIRE(admit_next(org, place + target).value() == target);
  }
  REQUIRE(admit_next(org, "/api/v1/logs").value() == "/api/v1/logs");
  const Origin local{"http", "127.0.0.1", 9001};
  REQUIRE(admit_next(local, "http://127.0.0.1:9001" + target).value() == target);
}

TEST_CASE("next link: another scheme, host or port is refused by its name") {
  REQUIRE(refusal("http://acme.okta.com/api/v1/logs") == "another scheme than the org's");
  REQUIRE(refusal("https://evil.example/api/v1/logs") == "another host than the org's");
  REQUIRE(refusal("https://acme.okta.com.evil.example/api/v1/logs") == "another host than the org's");
  REQUIRE(refusal("https://acme.okta.com./api/v1/logs") == "another host than the org's");
  REQUIRE(refusal("https://acme.okta.com:8443/api/v1/logs") == "another port than the org's");
  REQUIRE(refusal("//evil.example/api/v1/logs") == "a host without a scheme");
}

TEST_CASE("next link: one that names another of Okta's hosts is asked of the configured one") {
  const Origin custom = Domain::parse("login.example.com").value().origin();
  const std::string link = "https://example.okta.com/api/v1/logs?after=1_1&q=%2C";
  REQUIRE(admit_next(custom, link).value() == "/api/v1/logs?after=1_1&q=%2C");
  REQUIRE(other_name_in(custom, link) == "example.okta.com");
  REQUIRE(other_name_in(custom, "https://login.example.com/api/v1/logs").empty());
  REQUIRE(other_name_in(custom, "/api/v1/logs").empty());
  for (const std::string host :
       {"example.oktapreview.com", "example.okta-emea.com", "a.okta-gov.com", "a.okta.mil"})
    REQUIRE(admit_next(custom, "https://" + host + "/api/v1/logs"));
  for (const std::string place :
       {"http://example.okta.com", "https://example.okta.com:8443", "https://example.okta.com.evil.example",
        "https://okta.com", "https://example-okta.com", "https://evilokta.com",
        "https://x@example.okta.com"}) {
    INFO(place);
    REQUIRE_FALSE(admit_next(custom, place + "/api/v1/logs"));
  }
  REQUIRE_FALSE(admit_next(custom, "https://example.okta.com/api/v1/users"));
}

TEST_CASE("next link: another path is refused, however it is spelt") {
  for (const std::string path :
       {"", "/", "?after=1", "/api/v1/logsx", "/api/v1/logs/", "/api/v1/logs/../users", "/api/v1/./logs",
        "/api//v1/logs", "/api/v1/%6cogs", "/API/v1/logs", "/api/v1/logs;x", "/api/v1/users?/api/v1/logs"}) {
    INFO(path);
    REQUIRE(refusal("https://acme.okta.com" + path) == "another path than the System Log's");
  }
  REQUIRE(refusal("/api/v1/users") == "another path than the System Log's");
}

TEST_CASE("next link: what parsers could read differently is refused") {
  for (const auto* link :
       {"", "api/v1/logs", "?after=1", "javascript:alert(1)", "https://user@acme.okta.com/api/v1/logs",
        "https://a:b@acme.okta.com/api/v1/logs", "https://acme.okta.com\\@evil.example/api/v1/logs",
        "/\\evil.example/api/v1/logs", "\\\\evil.example/api/v1/logs", "https://acme.okta.com/api/v1/logs#x",
        "/api/v1/logs?a=\\", "/api/v1/logs?a=b c", "/api/v1/logs?a=\xC3\xA9", "/api/v1/logs\t",
        " /api/v1/logs", "/api/v1/logs?a\r\nHost: evil.example", "https:/api/v1/logs", "https:///api/v1/logs",
        "https://acme.okta.com:/api/v1/logs"}) {
    INFO(link);
    static_cast<void>(refusal(link));
  }
  REQUIRE_FALSE(admit_next(org, std::string_view("/api/v1/logs?a\0b", 16)));
}

TEST_CASE("next link: longer than any real one is refused") {
  std::string link = "/api/v1/logs?after=";
  link.resize(limits::next_link_bytes_max, 'x');
  REQUIRE(admit_next(org, link).value() == link);
  REQUIRE(refusal(link + 'x') == "too long");
}
