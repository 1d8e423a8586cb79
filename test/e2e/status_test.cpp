// The command `status` beside the running daemon.
#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

struct Said {
  std::optional<int> code;
  std::string text;
};

Said status(std::uint16_t port, const Words& flags = {}) {
  Words words = {"status", "--admin", "127.0.0.1:" + std::to_string(port)};
  words.insert(words.end(), flags.begin(), flags.end());
  Daemon process({.binary = Bench::binary(), .args = words});
  const auto code = process.wait_exit(patience);
  return {code, process.out() + process.log()};
}

TEST_CASE("status: shows each tenant and the listener, and its exit code says whether it works") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue_past(org, 120, 24h);
  const std::uint16_t port = free_port();
  const Said nobody = status(port);
  CHECK(nobody.code == 69);
  CHECK(nobody.text.contains("nothing listens on http://127.0.0.1:" + std::to_string(port)));

  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  REQUIRE(bench.wait([&] { return http_get(port, "/status").body.contains("\"delivered\":120"); }));
  const Said table = status(port);
  CHECK(table.code == 0);
  CHECK(table.text.contains(bench.world.org_name(org)));
  CHECK(table.text.contains("120 fetched = 120 delivered"));
  const Said json = status(port, {"--json"});
  CHECK(json.code == 0);
  CHECK(json.text.starts_with("{\"version\""));

  bench.world.refuse(bench.world.listener_port(0), true);
  bench.world.issue(org, 10);
  REQUIRE(bench.says("did not take a bulk"));
  const Said broken = status(port);
  CHECK(broken.code == 69);
  CHECK(broken.text.contains("NOT READY"));
  bench.world.refuse(bench.world.listener_port(0), false);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
