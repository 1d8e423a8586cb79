// What the administrator sees while it runs.
#include <sys/socket.h>

#include "e2e/bench.hpp"
#include "sandbox/stream.hpp"

namespace logzio_okta::e2e {
namespace {

/// The value of a metric without labels, or with exactly these.
std::string metric(std::uint16_t port, const std::string& name) {
  const std::string text = "\n" + http_get(port, "/metrics").body;
  const std::size_t at = text.find("\n" + name + " ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST_CASE(
    "admin: it is alive at once, ready when events flow, not ready while the listener refuses, and counts "
    "what it did") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 2500, 24h);
  bench.world.issue_special(org, model::Special::bad_utf8);
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  CHECK(http_get(port, "/healthz").status == 200);
  CHECK(http_get(port, "/nowhere").status == 404);

  const std::string listener =
      "{listener=\"https://localhost:" + std::to_string(bench.world.port(bench.world.listener_port(0))) +
      "\",destination=\"default\"}";
  REQUIRE(bench.wait([&] { return metric(port, "logzio_okta_lines_taken_total" + listener) == "2500"; }));
  const std::string labels = "{tenant=\"" + bench.world.org_name(org) + "\"}";
  CHECK(metric(port, "logzio_okta_events_fetched_total" + labels) == "2501");
  CHECK(metric(port, "logzio_okta_events_in_flight" + labels) == "0");
  CHECK(metric(port, "logzio_okta_ready") == "1");
  const std::string status = http_get(port, "/status").body;
  CHECK(status.contains("\"delivered\":2500"));
  CHECK(status.contains("\"set_aside\":1"));

  bench.world.refuse(bench.world.listener_port(0), true);
  bench.world.issue(org, 10);
  REQUIRE(bench.says("did not take a bulk"));
  CHECK(http_get(port, "/readyz").status == 503);
  CHECK(http_get(port, "/healthz").status == 200);
  CHECK(metric(port, "logzio_okta_ready") == "0");
  bench.world.refuse(bench.world.listener_port(0), false);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  CHECK(bench.stop() == 0);
}

TEST_CASE("admin: idle connections keep out no health check, and no page elsewhere learns anything") {
  Bench bench;
  bench.add_org();
  bench.add_listener();
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  std::vector<sandbox::Fd> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(connect_to(port));
    REQUIRE(idle.back().open());
  }
  for (int i = 0; i < 10; ++i) CHECK(http_get(port, "/healthz").status == 200);
  const HttpReply rebound = http_get(port, "/status", "evil.example:" + std::to_string(port));
  CHECK(rebound.status == 421);
  CHECK_FALSE(rebound.body.contains("delivered"));
  CHECK(bench.stop() == 0);
}

TEST_CASE("admin: with every tenant refused it is alive and not ready") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.inject(org, fault::okta_unauthorized());
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.says("401"));
  CHECK(http_get(port, "/healthz").status == 200);
  const HttpReply ready = http_get(port, "/readyz");
  CHECK(ready.status == 503);
  CHECK(ready.body.contains("no tenant flows"));
}

TEST_CASE("admin: a given port that is taken is an error that names it, and no connection was made") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const sandbox::Fd taken = sandbox::bind_loopback();
  REQUIRE(listen(taken.get(), 1) == 0);
  const std::string address = "127.0.0.1:" + std::to_string(sandbox::port_of(taken));
  bench.start({.admin = address});
  CHECK(bench.daemon().wait_exit(patience) == 78);
  CHECK(bench.says(address));
  CHECK(bench.world.accepted(bench.world.org_port(org)) == 0);
}

TEST_CASE("admin: the default port taken is only a warning") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  std::optional<sandbox::Fd> taken;
  try {
    taken.emplace(sandbox::bind_loopback(9810));
    REQUIRE(listen(taken->get(), 1) == 0);
  } catch (const std::system_error&) {
    // Another process has it, which serves as well.
  }
  bench.world.issue(org, 10);
  Words flags = bench.flags_of({});
  const auto admin = std::ranges::find(flags, "--admin");
  flags.erase(admin, admin + 2);
  bench.write_tenants();
  bench.start_process({.args = flags, .env = bench.environment_of({})});
  REQUIRE(bench.says("127.0.0.1:9810"));
  REQUIRE(bench.all_arrive());
  CHECK(bench.daemon().log().contains("WARN"));
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
