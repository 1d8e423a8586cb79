// What Prometheus sees: under faults the counters add up, and what alerts and dashboard ask for is there.
#include <map>
#include <set>
#include <sstream>

#include <sys/socket.h>

#include "e2e/bench.hpp"
#include "sandbox/hook_client.hpp"

namespace logzio_okta::e2e {
namespace {

/// The samples of a scrape: what is before the last space of a line, and the number after it.
std::map<std::string, double> scrape(std::uint16_t port) {
  std::map<std::string, double> samples;
  std::istringstream text(http_get(port, "/metrics").body);
  for (std::string line; std::getline(text, line);) {
    const std::size_t space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string::npos) continue;
    samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return samples;
}

/// Every metric's name in a text.
std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> names;
  for (const std::string_view prefix : {"logzio_okta_", "process_"}) {
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
      const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
      names.insert(text.substr(at, end - at));
    }
  }
  return names;
}

/// A daemon with a state directory has no fleet; e2e.replicas_test looks for these.
const std::set<std::string> only_with_a_store = {"logzio_okta_instances", "logzio_okta_orgs_held",
                                                 "logzio_okta_orgs_unheld", "logzio_okta_lease_left_seconds"};

TEST_CASE("metrics: every name that alerts and dashboard use is served, and promtool has no complaint") {
  Bench bench;
  const std::size_t org = bench.add_org({.settings = {.rate_limit = 1000}});
  bench.add_listener();
  bench.world.issue_past(org, 100, 1h);
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port),
               .flags = {"--hooks", "127.0.0.1:0", "--hooks-orgs", "globex.okta.com"}});
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/status").body.contains("\"delivered\":100,"); }));
  const std::string words = "event hooks are taken on port ";
  const std::string log = bench.daemon().log();
  sandbox::HookClient client(
      static_cast<std::uint16_t>(std::stoi(log.substr(log.find(words) + words.size()))));
  client.say(sandbox::hook_post(sandbox::hook_body("globex.okta.com", {R"({"uuid":"pushed"})"}),
                                "logzio_token: " + bench.world.token() + "\r\n"));
  REQUIRE(client.hear().status == 200);
  const std::string served = http_get(port, "/metrics").body;
  const std::filesystem::path etc = std::filesystem::path(LOGZIO_OKTA_SOURCE_DIR) / "etc";
  for (const char* const page : {"prometheus-alerts.yml", "grafana-dashboard.json"}) {
    const auto names = names_in(read_whole(etc / page));
    CHECK(names.size() > 10);
    for (const std::string& name : names) {
      if (only_with_a_store.contains(name)) continue;
      INFO(page << " asks for " << name);
      CHECK(served.contains("\n# TYPE " + name + " "));
    }
  }
  const std::string file = bench.path("metrics");
  write_file(file, served);
  Daemon promtool({.binary = "/bin/sh",
                   .args = {"-c", "! command -v promtool || promtool check metrics <" + file},
                   .env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}}});
  const auto code = promtool.wait_exit(patience);
  INFO(promtool.out() << promtool.log());
  CHECK(code == 0);
}

TEST_CASE("metrics: the counters add up at every scrape, whatever goes wrong") {
  Bench bench;
  for (int i = 0; i < 3; ++i) {
    const std::size_t org = bench.add_org();
    bench.world.issue_past(org, 4000, 24h);
    bench.world.issue_special(org, model::Special::bad_utf8);
    bench.inject(org, fault::Status{.status = 503}, 2);
    bench.inject(org, fault::RepeatEvents{.count = 500}, 2);
    bench.inject(org, fault::Cut{.bytes = 5000}, 1);
  }
  bench.add_listener();
  bench.inject_listener(fault::Status{.status = 503}, 2);
  bench.inject_listener(fault::Unanswered{}, 1);
  bench.inject_listener(fault::StoredThen{.status = {.status = 500}}, 1);
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});

  int scrapes = 0;
  int wrong = 0;
  std::map<std::string, double> before;
  const auto adds_up = [&] {
    const auto now = scrape(port);
    if (now.empty()) return false;
    ++scrapes;
    for (std::size_t org = 0; org < bench.world.orgs(); ++org) {
      const std::string tenant = "tenant=\"" + bench.world.org_name(org) + "\"";
      const auto value = [&](const std::string& name) {
        const auto found = now.find(name);
        return found == now.end() ? -1 : found->second;
      };
      double settled = 0;
      for (const char* const outcome : {"delivered", "deduplicated", "set_aside"}) {
        settled += value("logzio_okta_events_settled_total{" + tenant + ",outcome=\"" + outcome + "\"}");
      }
      const double fetched = value("logzio_okta_events_fetched_total{" + tenant + "}");
      if (fetched != settled + value("logzio_okta_events_in_flight{" + tenant + "}")) ++wrong;
    }
    for (const auto& [name, value] : now) {
      if (name.contains("_total") && before.contains(name) && value < before.at(name)) ++wrong;
    }
    before = now;
    return true;
  };
  REQUIRE(bench.wait([&] {
    (void)adds_up();
    return bench.world.with_ledger([](auto& ledger) { return ledger.complete(); });
  }));
  CHECK(adds_up());
  CHECK(scrapes > 5);
  CHECK(wrong == 0);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
}

TEST_CASE("metrics: clients that shout, crawl or crowd do not keep a poll waiting") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 10, 1h);
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.all_arrive());
  std::vector<sandbox::Fd> crowd;
  const std::string garbage(3000, '\x7f');
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(connect_to(port));
    const std::string_view said = i % 2 == 0 ? std::string_view(garbage) : "GET /metrics HTTP/1.1\r\nX: ";
    (void)!::send(crowd.back().get(), said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  const std::size_t asked = bench.requests(org);
  bench.world.issue(org, 10);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return bench.requests(org) > asked + 10; }));
  crowd.clear();
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  for (const char* const page : {"/", "/status", "/status.txt", "/history", "/metrics", "/readyz"}) {
    const std::string body = http_get(port, page).body;
    CHECK_FALSE(body.empty());
    for (const std::string& secret : bench.secrets()) CHECK_FALSE(body.contains(secret));
    CHECK_FALSE(body.contains(bench.world.token()));
  }
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
