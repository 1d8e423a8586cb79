#include "logzio_okta/http/visit.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

int status_of(const Visit& visit, const VisitRules& rules = {}) {
  const auto refusal = refuse_visit(visit, rules);
  return refusal ? refusal->status : 200;
}

int host(const std::string& name, const VisitRules& rules = {}) {
  return status_of({.hosts = {name}}, rules);
}

}  // namespace

TEST_CASE("visit: on loopback, only names that nobody else can own are answered") {
  for (const char* name :
       {"localhost", "LocalHost:9810", "127.0.0.1", "127.0.0.1:9810", "127.1.2.3:1", "[::1]:9810", "[::1]"}) {
    CAPTURE(name);
    REQUIRE(host(name) == 200);
  }
  for (const char* name :
       {"evil.example", "evil.example:9810", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.",
        "", "192.0.2.1:9810", "[::2]:9810", "localhost@evil.example", "localhost:9810:80"}) {
    CAPTURE(name);
    REQUIRE(host(name) == 421);
  }
  REQUIRE(status_of({.hosts = {"localhost", "evil.example"}}) == 421);
  REQUIRE(status_of({}) == 200);  // No browser leaves it out.
  const auto refusal = refuse_visit({.hosts = {"evil\r\n.example"}}, {});
  REQUIRE_THAT(refusal->text,
               Catch::Matchers::Contains("evil??.example") && Catch::Matchers::Contains("--admin-hosts"));
}

TEST_CASE("visit: configured names are answered to, elsewhere any unless some are configured") {
  const VisitRules named{.on_loopback = true, .names = {"status.example.com", "192.0.2.1"}};
  REQUIRE(host("Status.Example.com:9810", named) == 200);
  REQUIRE(host("192.0.2.1", named) == 200);
  REQUIRE(host("localhost", named) == 200);
  REQUIRE(host("192.0.2.2", named) == 421);
  REQUIRE(host("a.status.example.com", named) == 421);

  REQUIRE(host("logzio-okta:9810", {.on_loopback = false, .names = {}}) == 200);
  const VisitRules elsewhere{.on_loopback = false, .names = {"logzio-okta"}};
  REQUIRE(host("logzio-okta:9810", elsewhere) == 200);
  REQUIRE(host("172.17.0.2:9810", elsewhere) == 200);
  REQUIRE(host("evil.example:9810", elsewhere) == 421);
}

TEST_CASE("visit: a page of another site gets nothing, a link to ours may be anywhere") {
  const auto from = [](const char* site, const char* mode, const char* destination) {
    return status_of({.hosts = {"localhost:9810"},
                      .origin = std::nullopt,
                      .fetch_site = site,
                      .fetch_mode = mode,
                      .fetch_destination = destination});
  };
  REQUIRE(from("none", "navigate", "document") == 200);
  REQUIRE(from("same-origin", "cors", "empty") == 200);
  REQUIRE(from("cross-site", "navigate", "document") == 200);
  REQUIRE(from("cross-site", "navigate", "iframe") == 403);
  REQUIRE(from("cross-site", "no-cors", "image") == 403);
  REQUIRE(from("same-site", "cors", "empty") == 403);  // Another server on this machine.

  const auto origin = [](const char* text) {
    return status_of({.hosts = {"localhost:9810"}, .origin = text});
  };
  REQUIRE(origin("http://localhost:9810") == 200);
  REQUIRE(origin("http://localhost:3000") == 403);
  REQUIRE(origin("https://evil.example") == 403);
  REQUIRE(origin("null") == 403);
}
