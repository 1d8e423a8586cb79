#include "logzio_okta/inspect/diagnosis.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

Sighting answered(int status, std::string body = "[]", Headers headers = {}) {
  headers.push_back({"Date", format_http_date(noon)});
  headers.push_back({"X-Okta-Request-Id", "req1"});
  Sighting seen;
  seen.name = "acme.okta.com";
  seen.result = HttpAnswer{.status = status, .headers = std::move(headers), .body = std::move(body)};
  return seen;
}

TenantDiagnosis tenant(Sighting seen, WallTime wall = noon) {
  return diagnose_tenant("acme.okta.com", "tenants.yml:2", std::move(seen), wall);
}

/// The one finding there is.
std::string only(const std::vector<Finding>& findings) {
  REQUIRE(findings.size() == 1);
  return findings[0].step + ": " + findings[0].text;
}

}  // namespace

TEST_CASE("diagnosis: a page is fine, and its event the newest") {
  const TenantDiagnosis fine = tenant(answered(200, R"([{"published":"2026-11-23T11:59:00.000Z"}])"));
  REQUIRE(fine.findings.empty());
  REQUIRE((fine.dns == "ok" && fine.proxy == "-" && fine.tls == "-" && fine.http == "ok"));
  REQUIRE((fine.key == "ok" && fine.role == "ok" && fine.clock == "ok"));
  REQUIRE(fine.newest_event == noon - 1min);
  REQUIRE_FALSE(tenant(answered(200)).newest_event.has_value());
}

TEST_CASE("diagnosis: what is no System Log is told from what is") {
  REQUIRE_THAT(only(tenant(answered(200, "<html>Sign in</html>")).findings),
               Contains("http: ") && Contains("not a System Log"));
  REQUIRE_THAT(only(tenant(answered(404)).findings), Contains("404") && Contains("acme.okta.com"));
  REQUIRE_THAT(only(tenant(answered(302, "", {{"Location", "https://login.example.com/"}})).findings),
               Contains("https://login.example.com/") && Contains("never followed"));
  REQUIRE_THAT(only(tenant(answered(503)).findings), Contains("status.okta.com"));
}

TEST_CASE(
    "diagnosis: what the log says of a service app's token or proof is about the app, whatever the status") {
  const auto app = [](int status, const std::string& error, const std::string& text) {
    Sighting seen = answered(status, "");
    seen.result->headers = {
        {"WWW-Authenticate", "DPoP error=\"" + error + "\", error_description=\"" + text + '"'}};
    return diagnose_tenant("acme.okta.com", "tenants.yml:2", std::move(seen), noon, true);
  };
  const TenantDiagnosis proof = app(400, "invalid_dpop_proof", "The DPoP proof JWT has already been used.");
  REQUIRE_THAT(only(proof.findings),
               StartsWith("key: ") && Contains("already been used") && Contains("no proxy"));
  REQUIRE(proof.key == "FAIL");
  REQUIRE_THAT(only(app(400, "invalid_dpop_proof", "The DPoP proof JWT is issued in the future.").findings),
               Contains("clock by NTP"));
  REQUIRE_THAT(only(app(401, "invalid_token", "The access token is expired.").findings),
               Contains("app is active"));
  const TenantDiagnosis scope = app(400, "insufficient_scope", "");
  REQUIRE_THAT(only(scope.findings), StartsWith("role: ") && Contains("okta.logs.read"));
  REQUIRE((scope.key == "ok" && scope.role == "FAIL"));
}

TEST_CASE("diagnosis: a firewall's page says nothing about the key, nor about Okta's clock") {
  for (const int status : {401, 403, 404, 407, 451}) {
    Sighting seen = answered(status, "<html>Blocked</html>");
    seen.result->headers = {{"Content-Type", "text/html"}, {"Date", "Thu, 01 Jan 1970 00:00:00 GMT"}};
    const TenantDiagnosis blocked = tenant(std::move(seen));
    REQUIRE_THAT(only(blocked.findings), Contains("http: a proxy or firewall answers in Okta's place") &&
                                             Contains("text/html") && Contains("firewall"));
    REQUIRE((blocked.key.empty() && blocked.role.empty() && blocked.clock.empty()));
  }
}

TEST_CASE("diagnosis: a renamed org is told from a refused question") {
  REQUIRE_THAT(only(tenant(answered(404, R"({"errorCode":"E0000007","errorSummary":"Not found"})")).findings),
               Contains("no System Log under this domain") && Contains("renamed") && Contains("E0000007"));
}

TEST_CASE("diagnosis: one org under two names is known by its id") {
  const auto id_in = [](std::string body) { return org_id_of(answered(200, std::move(body))); };
  REQUIRE(id_in(R"({"id":"00o1","pipeline":"idx"})") == "\"00o1\"");
  REQUIRE(id_in("<html>").empty());
  REQUIRE(org_id_of(answered(404, R"({"id":"00o1"})")).empty());
  const auto twins = find_twins({{"a.okta.com", "1"},
                                 {"b.okta.com", "2"},
                                 {"x.okta.com", ""},
                                 {"login.a.com", "1"},
                                 {"y.okta.com", ""}});
  REQUIRE_THAT(only(twins), Contains("a.okta.com and login.a.com are one org"));
  REQUIRE(twins[0].severity == Severity::warning);
}

TEST_CASE("diagnosis: the rate limit is judged by what others leave of it") {
  const auto rate = [](const char* remaining) {
    return tenant(answered(200, "[]", {{"X-Rate-Limit-Limit", "60"}, {"X-Rate-Limit-Remaining", remaining}}));
  };
  REQUIRE(rate("59").findings.empty());
  REQUIRE(rate("59").rate_of_others == 0);
  REQUIRE(rate("31").findings.empty());
  REQUIRE(rate("20").findings.at(0).severity == Severity::warning);
  REQUIRE_THAT(only(rate("3").findings),
               Contains("56 are spent by clients other") && Contains("reduce their requests"));
  REQUIRE(rate("3").findings.at(0).severity == Severity::failure);
  REQUIRE_THAT(only(tenant(answered(429)).findings), Contains("429"));
}

TEST_CASE("diagnosis: a clock off by more than a minute is a warning that says its direction") {
  REQUIRE(tenant(answered(200), noon + 50s).findings.empty());
  const TenantDiagnosis ahead = tenant(answered(200), noon + 10min);
  REQUIRE_THAT(only(ahead.findings), Contains("clock: ") && Contains("ahead of"));
  REQUIRE(ahead.findings.at(0).severity == Severity::warning);  // Nothing is lost by it.
  REQUIRE_THAT(only(tenant(answered(401), noon).findings), Contains("key: ") && Contains("tenants.yml:2"));
  REQUIRE(tenant(answered(401), noon - 10min).findings.size() == 2);
}

TEST_CASE("diagnosis: the listener's answer to nothing tells the token") {
  const DestinationSpec listener{.id = {}, .listener = Endpoint::parse("listener.logz.io").value()};
  const auto findings = [&](Sighting seen, std::optional<std::string> home = std::nullopt) {
    return diagnose_listener(listener, std::move(seen), home).findings;
  };
  REQUIRE(findings(answered(200, "")).empty());
  REQUIRE(findings(answered(400, "{}")).empty());
  REQUIRE_THAT(only(findings(answered(401))), Contains("token: ") && Contains("Manage tokens"));
  REQUIRE_THAT(
      only(findings(answered(401), "listener-eu.logz.io")),
      Contains("region: ") && Contains("listener-eu.logz.io takes it") && Contains("LOGZIO_LISTENER_HOST"));
  REQUIRE_THAT(only(findings(answered(301, "", {{"Location", "https://elsewhere.example/"}}))),
               Contains("301") && Contains("https://elsewhere.example/") && Contains("never followed") &&
                   Contains("as Logz.io names it"));
  // Plain HTTP on a TLS port: the token was not even looked at.
  REQUIRE_THAT(only(findings(answered(400, "<html>The plain HTTP request was sent to HTTPS port</html>"))),
               Contains("http: ") && Contains("400"));
  const DestinationSpec plain{.id = {}, .listener = Endpoint::parse("http://relay.example:8080").value()};
  REQUIRE_THAT(
      only(diagnose_listener(plain, answered(308, "", {{"Location", "https://relay.example/"}}), std::nullopt)
               .findings),
      Contains("with https:// in front"));
  REQUIRE_THAT(only(findings(answered(502))), Contains("502") && Contains("status.logz.io"));
  REQUIRE(other_regions("listener-eu.logz.io").size() == 4);
  REQUIRE(other_regions("relay.example.com").empty());

  Sighting open = answered(200);
  open.only_connected = true;
  const DestinationSpec lines{.id = {}, .listener = Endpoint::parse("listener.logz.io:5052").value()};
  REQUIRE_THAT(only(diagnose_listener(lines, std::move(open), std::nullopt).findings),
               Contains("never answers") && Contains(":8071"));
}

TEST_CASE("diagnosis: what never goes through a proxy is not advised to use one") {
  for (const TransportFault fault : {TransportFault::unresolved, TransportFault::unreachable}) {
    REQUIRE_THAT(cure_for(fault, {.name = "relay.example", .cleartext = true}), !Contains("HTTPS_PROXY"));
    REQUIRE_THAT(cure_for(fault, {.name = "listener.logz.io"}), Contains("HTTPS_PROXY"));
  }
  REQUIRE_THAT(cure_for(TransportFault::tls_failed, {.name = "relay.example"}), Contains("http://"));
}

TEST_CASE("diagnosis: after the first failed step, later ones are not judged") {
  Sighting seen;
  seen.name = "acme.okta.com";
  seen.proxy = "http://proxy.example.com:3128";
  seen.result =
      std::unexpected(TransportError{.fault = TransportFault::unreachable, .text = "no connection"});
  const TenantDiagnosis cut = tenant(std::move(seen));
  REQUIRE((cut.dns == "-" && cut.proxy == "FAIL" && cut.tls.empty() && cut.http.empty() && cut.key.empty()));
  REQUIRE_THAT(only(cut.findings), Contains("proxy: ") && Contains("NO_PROXY"));
}
