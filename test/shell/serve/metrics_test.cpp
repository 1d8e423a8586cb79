#include "shell/serve/metrics.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string_view>

#include <rapidjson/reader.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/serve/process_facts.hpp"
#include "shell/serve/status_json.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00.000Z").value();

Report report_of_two() {
  Report report;
  report.at = noon;
  report.started = noon - 1h;
  report.ready = true;
  report.memory_used = 1234;
  report.set_aside_bytes = 99;
  TenantReport acme;
  acme.domain = "acme.okta.com";
  acme.state = TenantState::following;
  acme.events = {.fetched = 100,
                 .delivered = 70,
                 .deduplicated = 10,
                 .set_aside = 5,
                 .in_flight = 15,
                 .marked = 3,
                 .reduced = 2,
                 .flattened = 1};
  acme.requests.ok = 12;
  acme.requests.limited = 2;
  acme.newest_event = noon - 90s;
  acme.last_answer = noon + 5s;  // Our clock was set back since.
  acme.behind = 1500ms;
  acme.rate_limit = 120;
  acme.rate_remaining = 60;
  acme.keys = 2;
  acme.keys_refused = 1;
  TenantReport silent;
  silent.domain = "beta\"\\.okta.com";
  silent.state = TenantState::refused;
  silent.last_error = "401 \xff\xfe";
  report.tenants = {acme, silent};
  report.total = acme.events;
  report.destinations = {
      {.name = "default", .listener = "https://listener.logz.io:8071", .tenants = {"acme.okta.com"}}};
  report.destinations.front().state = "taking";
  report.destinations.front().bulks_taken = 4;
  report.destinations.front().lines_taken = 70;
  report.destinations.front().bytes_taken = 4096;
  report.destinations.front().last_taken = noon - 2s;
  return report;
}

std::string text() {
  ProcessFacts process{.cpu_seconds = 1.5, .log_lines_dropped = 8};
  for (const Duration turn : {Duration(1ms), Duration(2ms), Duration(10ms), Duration(11s)})
    process.turns.add(turn);
  return metrics_text(report_of_two(), process);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The value of the one line that begins with this name and these labels.
double value(const std::string& text, const std::string& series) {
  INFO(series);
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size()));
  }
  FAIL("no such series");
  return 0;
}

/// Whether the strict reader takes it, bytes that are not UTF-8 refused.
bool is_json(const std::string& json) {
  rapidjson::Reader reader;
  rapidjson::StringStream in(json.c_str());
  rapidjson::BaseReaderHandler<> ignore;
  return !reader.Parse<rapidjson::kParseValidateEncodingFlag>(in, ignore).IsError();
}

}  // namespace

TEST_CASE("metrics: a tenant's counters add up as the report's do") {
  const std::string metrics = text();
  const auto settled = [&](const std::string& outcome) {
    return value(metrics,
                 R"(logzio_okta_events_settled_total{tenant="acme.okta.com",outcome=")" + outcome + "\"}");
  };
  CHECK(settled("delivered") == 70);
  CHECK(settled("deduplicated") == 10);
  CHECK(settled("set_aside") == 5);
  const double in_flight = value(metrics, R"(logzio_okta_events_in_flight{tenant="acme.okta.com"})");
  CHECK(in_flight == 15);
  CHECK(value(metrics, R"(logzio_okta_events_fetched_total{tenant="acme.okta.com"})") ==
        settled("delivered") + settled("deduplicated") + settled("set_aside") + in_flight);
  CHECK(value(metrics, R"(logzio_okta_events_marked_total{tenant="acme.okta.com"})") == 3);
  CHECK(value(metrics, R"(logzio_okta_events_reduced_total{tenant="acme.okta.com"})") == 2);
  CHECK(value(metrics, R"(logzio_okta_events_flattened_total{tenant="acme.okta.com"})") == 1);
}

TEST_CASE("metrics: every count of a tenant's events is a series and a member of the JSON") {
  Report report = report_of_two();
  std::uint64_t telling = 70001;
  for (const auto& [name, count] : event_counts) report.tenants[0].events.*count = telling++;
  const std::string metrics = metrics_text(report, {});
  const std::string json = status_json(report);
  for (const auto& [name, count] : event_counts) {
    INFO(name);
    const std::string value = std::to_string(report.tenants[0].events.*count);
    CHECK(std::ranges::any_of(lines_of(metrics), [&](const std::string& line) {
      return line.contains("{tenant=\"acme.okta.com\"") && line.ends_with(" " + value);
    }));
    CHECK_THAT(json, Contains("\"" + std::string(name) + "\":" + value));
  }
}

TEST_CASE("metrics: the age of an event goes by Okta's clock, which dated it") {
  TenantReport tenant{.domain = "acme.okta.com", .newest_event = noon - 90s, .clock_ahead = 1h};
  CHECK(tenant.event_age(noon + 1h) == 90s);
  tenant.clock_ahead = -1h;
  CHECK(tenant.event_age(noon - 1h) == 90s);
  CHECK(tenant.event_age(noon - 2h) == 0s);
}

TEST_CASE("metrics: requests, rate limit, keys and ages are reported per tenant") {
  const std::string metrics = text();
  CHECK(value(metrics, R"(logzio_okta_requests_total{tenant="acme.okta.com",outcome="ok"})") == 12);
  CHECK(value(metrics, R"(logzio_okta_requests_total{tenant="acme.okta.com",outcome="limited"})") == 2);
  CHECK(value(metrics, R"(logzio_okta_rate_limit_requests{tenant="acme.okta.com"})") == 120);
  CHECK(value(metrics, R"(logzio_okta_rate_remaining_requests{tenant="acme.okta.com"})") == 60);
  CHECK(value(metrics, R"(logzio_okta_keys{tenant="acme.okta.com"})") == 2);
  CHECK(value(metrics, R"(logzio_okta_keys_refused{tenant="acme.okta.com"})") == 1);
  CHECK(value(metrics, R"(logzio_okta_last_event_age_seconds{tenant="acme.okta.com"})") == 90);
  CHECK(value(metrics, R"(logzio_okta_behind_seconds{tenant="acme.okta.com"})") == 1.5);
  CHECK(value(metrics, R"(logzio_okta_tenant_state{tenant="acme.okta.com",state="following"})") == 1);
  CHECK(value(metrics, R"(logzio_okta_tenant_state{tenant="acme.okta.com",state="refused"})") == 0);
}

TEST_CASE("metrics: an age is never negative, and one that is not known is left out") {
  const std::string metrics = text();
  CHECK(value(metrics, R"(logzio_okta_last_answer_age_seconds{tenant="acme.okta.com"})") == 0);
  CHECK_THAT(metrics, !Contains(R"(last_event_age_seconds{tenant="beta)"));
  CHECK_THAT(metrics, !Contains("logzio_okta_last_delivery_age_seconds"));
}

TEST_CASE("metrics: the destination, the daemon and the process are reported") {
  const std::string account = R"({listener="https://listener.logz.io:8071",destination="default"})";
  const std::string metrics = text();
  CHECK(
      value(
          metrics,
          R"(logzio_okta_bulks_total{listener="https://listener.logz.io:8071",destination="default",outcome="taken"})") ==
      4);
  CHECK(value(metrics, "logzio_okta_lines_taken_total" + account) == 70);
  CHECK(value(metrics, "logzio_okta_sent_bytes_total" + account) == 4096);
  CHECK(value(metrics, "logzio_okta_last_taken_age_seconds" + account) == 2);
  CHECK(value(metrics, "logzio_okta_destination_healthy" + account) == 1);
  CHECK(value(metrics, "logzio_okta_ready") == 1);
  CHECK(value(metrics, "logzio_okta_tenants") == 2);
  CHECK(value(metrics, "logzio_okta_memory_used_bytes") == 1234);
  CHECK(value(metrics, "logzio_okta_set_aside_bytes") == 99);
  CHECK(value(metrics, "logzio_okta_log_lines_dropped_total") == 8);
  CHECK(value(metrics, "process_cpu_seconds_total") == 1.5);
  const std::string turns = "logzio_okta_loop_turn_seconds_";
  CHECK(value(metrics, turns + "bucket{le=\"0.001\"}") == 1);
  CHECK(value(metrics, turns + "bucket{le=\"0.01\"}") == 3);
  CHECK(value(metrics, turns + "bucket{le=\"10\"}") == 3);
  CHECK(value(metrics, turns + "bucket{le=\"+Inf\"}") == 4);
  CHECK(value(metrics, turns + "count") == 4);
  CHECK(value(metrics, turns + "sum") == 11.013);
  CHECK_THAT(metrics,
             Contains(std::string("logzio_okta_build_info{version=\"") + LOGZIO_OKTA_VERSION + "\"} 1"));
}

TEST_CASE("metrics: every family has one HELP and one TYPE, counters and only counters end in _total") {
  std::set<std::string> seen;
  std::string current;
  for (const std::string& line : lines_of(text())) {
    INFO(line);
    std::istringstream words(line);
    std::string mark;
    std::string kind;
    std::string name;
    std::string type;
    words >> mark >> kind >> name >> type;
    if (line.starts_with("# HELP")) {
      CHECK(seen.insert(name).second);
      current = name;
    } else if (line.starts_with("# TYPE")) {
      CHECK(name == current);
      CHECK((type == "counter") == name.ends_with("_total"));
    } else {
      const std::string series = line.substr(0, line.find_first_of("{ "));
      const bool in_histogram =
          std::ranges::any_of(std::array{"_bucket", "_sum", "_count"},
                              [&](const char* part) { return series == current + part; });
      CHECK((series == current || in_histogram));
      CHECK((current.starts_with("logzio_okta_") || current.starts_with("process_")));
    }
  }
  CHECK(seen.size() > 40);
}

TEST_CASE("metrics: a label's quotes and backslashes are escaped") {
  CHECK(value(text(), R"(logzio_okta_keys{tenant="beta\"\\.okta.com"})") == 0);
}

TEST_CASE("status: one JSON object with every key, unknown values as null") {
  const std::string json = status_json(report_of_two());
  REQUIRE(is_json(json));
  CHECK_THAT(json, Contains(R"("at":"2026-11-23T12:00:00.000Z")") && Contains(R"("ready":true)"));
  CHECK_THAT(json, Contains(R"("domain":"acme.okta.com","state":"following","events":{"fetched":100,)"));
  CHECK_THAT(json, Contains(R"("newest_event":"2026-11-23T11:58:30.000Z")"));
  CHECK_THAT(json, Contains(R"("newest_event":null)"));
  CHECK_THAT(json, Contains(R"("behind_seconds":1.5)"));
  CHECK_THAT(json, Contains(R"("rate_limit":120,"rate_remaining":60)"));
  CHECK_THAT(json,
             Contains(R"("destinations":[{"name":"default","listener":"https://listener.logz.io:8071",)"
                      R"("tenants":["acme.okta.com"],"state":"taking","healthy":true,"bulks_taken":4)"));
}

TEST_CASE("status: it is valid JSON whatever bytes a text holds") {
  Report report = report_of_two();
  CHECK_THAT(status_json(report), Contains(R"("last_error":"401 ??")"));
  for (const std::string_view bytes : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc0\xaf",
                                       "a\x01\n\"\\", "gr\xc3\xbc\xc3\x9f"}) {
    report.destinations.front().last_error = bytes;
    INFO(bytes);
    CHECK(is_json(status_json(report)));
  }
  CHECK_THAT(status_json(report), Contains("gr\xc3\xbc\xc3\x9f"));
}

TEST_CASE("metrics and status: copies are reported if they are kept") {
  Report report = report_of_two();
  CHECK_THAT(metrics_text(report, {}), !Contains("logzio_okta_cop"));
  CHECK_THAT(status_json(report), Contains("\"copies\":null"));
  report.copies = CopiesReport{.dir = "/srv/okta", .bulks = 12, .bytes = 3456, .waiting = 2};
  CHECK(value(metrics_text(report, {}), "logzio_okta_copied_bulks_total") == 12);
  CHECK(value(metrics_text(report, {}), "logzio_okta_copied_bytes_total") == 3456);
  CHECK(value(metrics_text(report, {}), "logzio_okta_copies_waiting") == 2);
  CHECK(value(metrics_text(report, {}), "logzio_okta_copying_fails") == 0);
  report.copies->last_error = "full";
  CHECK(value(metrics_text(report, {}), "logzio_okta_copying_fails") == 1);
  CHECK_THAT(status_json(report),
             Contains(R"("copies":{"dir":"/srv/okta","bulks":12,"bytes":3456,"waiting":2,)"
                      R"("last_written":null,"last_error":"full"})"));
  CHECK(is_json(status_json(report)));
}

TEST_CASE("metrics and status: replicas are reported if the store is shared") {
  Report report = report_of_two();
  CHECK_THAT(metrics_text(report, {}), !Contains("logzio_okta_instances") && !Contains("logzio_okta_orgs_"));
  CHECK_THAT(status_json(report), Contains("\"replicas\":null"));
  report.fleet = FleetReport{
      .instances = {{.name = "okta-1", .lease_left = 17s, .orgs = {"acme.okta.com"}},
                    {.name = "okta-2", .self = true, .lease_left = 18s, .orgs = {"beta.okta.com", "c"}}},
      .unheld = {"globex.okta.com"},
      .read_ago = 2s,
      .may_act = 13s};
  const std::string metrics = metrics_text(report, {});
  CHECK(value(metrics, "logzio_okta_instances") == 2);
  CHECK(value(metrics, "logzio_okta_orgs_held") == 2);
  CHECK(value(metrics, "logzio_okta_orgs_unheld") == 1);
  CHECK(value(metrics, "logzio_okta_lease_left_seconds") == 13);
  const std::string json = status_json(report);
  CHECK(is_json(json));
  CHECK_THAT(json, Contains(R"({"name":"okta-1","self":false,"lease_left_seconds":17)") &&
                       Contains(R"("orgs":["beta.okta.com","c"]})") &&
                       Contains(R"("unheld":["globex.okta.com"]})") && Contains(R"("may_act_seconds":13)"));
}

TEST_CASE("status: no tenant yet is an empty list") {
  const std::string json = status_json(Report{});
  CHECK(is_json(json));
  CHECK_THAT(json, Contains(R"("tenants":[])"));
}

TEST_CASE("process facts: they are this process's") {
  const ProcessFacts before = read_process_facts(3);
  CHECK(before.log_lines_dropped == 3);
  CHECK(before.resident_bytes > 1024 * 1024);
  CHECK(before.virtual_bytes > before.resident_bytes);
  CHECK(before.fds_max > before.open_fds);
  CHECK(before.start_time_seconds > 1.6e9);
  CHECK(before.cpu_seconds >= 0);
  const int fd = ::dup(STDERR_FILENO);
  CHECK(read_process_facts(0).open_fds == before.open_fds + 1);
  ::close(fd);
}

}  // namespace logzio_okta
