#include "shell/serve/status_text.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

Report report() {
  Report report;
  report.at = noon;
  report.started = noon - 26h;
  report.ready = true;
  TenantReport acme;
  acme.domain = "acme.okta.com";
  acme.state = TenantState::following;
  acme.events.delivered = 1204;
  acme.newest_event = noon - 12s;
  acme.behind = 0s;
  acme.next_ask = 4s;
  acme.rate_limit = 60;
  acme.rate_remaining = 41;
  acme.keys = 2;
  acme.flowing = true;
  report.tenants.push_back(acme);
  report.total = {.fetched = 10, .delivered = 6, .deduplicated = 1, .set_aside = 1, .in_flight = 2};
  report.destinations.push_back(
      {.name = "default", .listener = "https://listener.logz.io:8071", .state = "taking"});
  report.destinations[0].last_taken = noon - 3s;
  return report;
}

std::string text_of(const Report& report) {
  return status_text(report, History(Instant{}));
}

}  // namespace

TEST_CASE("status text: whether it works comes first, then a row a tenant, totals and the listener") {
  const std::string text = text_of(report());
  REQUIRE_THAT(text, StartsWith("ready; running for 1 d 2 h\n"));
  REQUIRE_THAT(text, Contains("acme.okta.com") && Contains("following") && Contains("12 s ago") &&
                         Contains("1204") && Contains("41/60") && Contains("4 s"));
  REQUIRE_THAT(text, Contains("10 fetched = 6 delivered + 1 deduplicated + 1 set aside + 2 in flight"));
  REQUIRE_THAT(text, Contains("listener: taking") && Contains("last 3 s ago"));
}

TEST_CASE(
    "status text: a changed file that cannot be used is told with its reason, and without credentials") {
  const std::string key = "00NobodyHasThisKeyAtAllNobodyHasThisKey00";
  const std::string text =
      status_text(report(), History(Instant{}), 0, {"/etc/t.yml:3:1: this is not YAML (" + key + ")"});
  REQUIRE_THAT(text, StartsWith("ready; a changed file cannot be used; running for 1 d 2 h\n"));
  REQUIRE_THAT(text, Contains("/etc/t.yml:3:1: this is not YAML") && Contains("What was read before stays") &&
                         !Contains(key));
}

TEST_CASE("status text: event hooks are reported if the daemon listens for them") {
  Report hooked = report();
  REQUIRE_THAT(text_of(hooked), !Contains("event hooks"));
  hooked.hooks.listening = true;
  hooked.hooks.received = 12;
  hooked.hooks.refused = {3, 4};
  hooked.hooks.last_received = noon - 2s;
  hooked.hooks.streams.push_back(
      {.domain = "globex.okta.com", .region = "eu", .bytes = 2048, .oldest = noon - 7s});
  REQUIRE_THAT(text_of(hooked), Contains("event hooks: 12 received, last 2 s ago") && Contains("7 refused") &&
                                    Contains("globex.okta.com to eu: ") && Contains("(2048 bytes)") &&
                                    Contains("7 s ago"));
}

TEST_CASE("status text: copies are reported if they are kept, with the reason why they cannot be") {
  Report copying = report();
  REQUIRE_THAT(text_of(copying), !Contains("copies"));
  copying.copies = CopiesReport{.dir = "/srv/okta", .bulks = 12, .bytes = 3456, .last_written = noon - 4s};
  REQUIRE_THAT(text_of(copying),
               Contains("copies: 12 bulks (3456 bytes) in /srv/okta, last 4 s ago, 0 waiting\n"));
  copying.copies->last_error = "/srv/okta/default: No space left on device";
  REQUIRE_THAT(text_of(copying), Contains("\n  /srv/okta/default: No space left on device\n"));
}

TEST_CASE("status text: replicas are reported if the store is shared, with how much each holds") {
  Report shared = report();
  REQUIRE_THAT(text_of(shared), !Contains("replicas"));
  shared.fleet = FleetReport{
      .instances = {{.name = "okta-1", .self = true, .lease_left = 18s, .orgs = {"a", "b"}}}, .read_ago = 2s};
  REQUIRE_THAT(text_of(shared),
               Contains("replicas, as of 2 s ago: 1 alive, so that no other would take over\n"
                        "  okta-1 (this one) holds 2 orgs, its lease lasts for 18 s\n") &&
                   !Contains("no replica holds"));
  shared.fleet->instances.push_back({.name = "okta-2", .lease_left = 17s});
  shared.fleet->unheld = {"globex.okta.com", "initech.okta.com"};
  REQUIRE_THAT(text_of(shared), Contains("ago: 2 alive\n") &&
                                    Contains("\n  okta-2 stands by, its lease lasts for 17 s\n"
                                             "  no replica holds globex.okta.com, initech.okta.com\n"));
}

TEST_CASE("status text: what is wrong is said, and foreign text cannot draw on the terminal") {
  Report bad = report();
  bad.ready = false;
  bad.not_ready_because = "no tenant flows";
  bad.stopping = true;
  bad.tenants[0].keys_refused = 1;
  bad.tenants[0].last_error = "Okta said \x1b[31mno\n";
  bad.tenants[0].newest_event = bad.destinations[0].last_taken = std::nullopt;
  bad.destinations[0].last_error = "401";
  const std::string text = text_of(bad);
  REQUIRE_THAT(text, StartsWith("NOT READY: no tenant flows") && Contains("stopping") &&
                         Contains("2, refused 1") && Contains("Okta said ?[31mno?") && Contains("  401\n"));
  REQUIRE_THAT(text, !Contains("\x1b") && !Contains(" \n"));
}

TEST_CASE("status text: the headline counts the tenants that do not flow, and says what holds them") {
  Report some = report();
  for (const char* const name : {"beta.okta.com", "gamma.okta.com", "delta.okta.com"}) {
    some.tenants.push_back(some.tenants[0]);
    some.tenants.back().domain = name;
  }
  REQUIRE(headline(some) == "ready");
  some.tenants[1].flowing = some.tenants[2].flowing = some.tenants[3].flowing = false;
  some.tenants[1].state = some.tenants[2].state = TenantState::held;
  some.tenants[3].state = TenantState::opening;  // Only begins.
  REQUIRE(some.tenants_in_trouble() == 2);
  REQUIRE(headline(some) == "ready for 2 of 4 tenants: 2 held");
  some.tenants[3].state = TenantState::refused;
  REQUIRE(headline(some) == "ready for 1 of 4 tenants: 2 held, 1 refused");
}

TEST_CASE("status text: on a narrow terminal the table leaves columns out, and no error loses its end") {
  Report bad = report();
  bad.tenants[0].domain = "a-rather-long-name-of-an-org.oktapreview.com";
  bad.tenants[0].last_error = std::string(200, 'x') + " and the cure";
  const auto widest_of_table = [](const std::string& text) {
    std::size_t widest = 0;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      if (text.substr(at, end - at).find("cure") == std::string::npos) widest = std::max(widest, end - at);
    }
    return widest;
  };
  const std::string narrow = status_text(bad, History(Instant{}), 80);
  REQUIRE(widest_of_table(narrow.substr(0, narrow.find("events:"))) <= 80);
  REQUIRE_THAT(narrow, Contains("BEHIND") && !Contains("RATE LEFT") && Contains(" and the cure\n"));
  REQUIRE_THAT(text_of(bad), Contains("RATE LEFT") && Contains("KEYS"));
}

TEST_CASE("history: events a second over the last minute, and what each ten seconds brought") {
  History history(Instant{});
  Report now = report();
  const auto sample = [&](Duration at, std::uint64_t delivered, std::optional<Duration> behind) {
    now.tenants[0].events.delivered = delivered;
    now.tenants[0].behind = behind;
    history.sample(Instant{} + at, now);
  };
  sample(0s, 1000, 0s);
  REQUIRE(history.due() == Instant{} + 10s);
  REQUIRE_FALSE(history.events_per_second("acme.okta.com").has_value());
  sample(10s, 1100, 2s);
  sample(20s, 1300, std::nullopt);
  REQUIRE(history.events_per_second("acme.okta.com") == 15.0);
  REQUIRE_FALSE(history.events_per_second("globex.okta.com").has_value());
  REQUIRE_THAT(status_text(now, history), Contains("  15.0  "));
  REQUIRE_THAT(history.json(),
               Contains(R"("domain":"acme.okta.com","delivered":[100,200],"behind_seconds":[2.0,null])"));
  sample(200s, 1300, 0s);  // Older than a minute does not count.
  sample(210s, 1400, 0s);
  REQUIRE(history.events_per_second("acme.okta.com") == 10.0);
  sample(220s, 5, 0s);  // The count restarts: a tenant that left and came back.
  REQUIRE_FALSE(history.events_per_second("acme.okta.com").has_value());
  for (int i = 0; i < 500; ++i) sample(230s + i * 10s, 5, 0s);
  REQUIRE(std::ranges::count(history.json(), ',') <
          static_cast<std::ptrdiff_t>(3 * History::samples_max + 2 * History::fleet_samples_max + 12));
}

TEST_CASE("history: what all tenants delivered each minute, the greatest lag, and the last errors of each") {
  History history(Instant{});
  Report now = report();
  for (int second = 0; second <= 120; second += 10) {
    for (TenantReport& tenant : now.tenants) tenant.events.delivered += 5;
    now.tenants[0].behind = second == 30 ? 90s : 1s;
    now.tenants[0].rate_remaining = 120 - second;
    now.tenants[0].last_error = second < 50 ? "" : second == 70 ? "again" : "it fails";
    history.sample(Instant{} + Duration(1s) * second, now);
  }
  const std::size_t a_minute = 5 * 6 * now.tenants.size();
  REQUIRE_THAT(history.json(),
               Contains(R"("fleet":{"interval_seconds":60.0,"delivered":[)" + std::to_string(a_minute) + "," +
                        std::to_string(a_minute) + R"(],"behind_seconds":[90.0,1.0]})"));
  REQUIRE_THAT(history.json(), Contains(R"("rate_remaining":[110,100,90,)"));
  const std::string json = history.json();
  REQUIRE_THAT(json, Contains(R"("text":"it fails"},{)"));
  REQUIRE_THAT(json, Contains(R"("text":"again"},{)"));
  REQUIRE(json.find("it fails") != json.rfind("it fails"));
}
