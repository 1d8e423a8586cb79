// Paths that are not regular files, and a state directory that goes away or comes back older, under the
// running program.
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

/// In the place of what was there, as `mkfifo` puts it.
void put_pipe(const std::string& path) {
  std::filesystem::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
}

TEST_CASE(
    "files: a pipe in the place of any file that is read again blocks nothing, and the old value stays") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  write_file(bench.path("token"), bench.world.token() + "\n");
  write_file(bench.path("key"), bench.world.org_key(org) + "\n");
  const std::string secret = "a secret of the hook";
  bench.add_secret(secret);
  write_file(bench.path("secrets"), secret + "\n");
  bench.write_tenants("tenants_credentials:\n  - okta_api_key_file: key\n    okta_domain: " +
                      bench.world.org_domain(org) + "\n");
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port),
               .flags = {"--token-file", bench.path("token"), "--hooks", "127.0.0.1:0", "--hooks-secrets",
                         bench.path("secrets")},
               .env = {{"LOGZIO_TOKEN", ""}}});
  bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());

  put_pipe(bench.path("key"));
  REQUIRE(bench.says("/key is a pipe, not a file"));
  put_pipe(bench.path("token"));
  REQUIRE(bench.says("The token read before stays in force"));
  put_pipe(bench.path("secrets"));
  REQUIRE(bench.says("The secrets read before stay in force"));
  put_pipe(bench.tenants_file());
  ::kill(bench.daemon().pid(), SIGHUP);
  bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());
  CHECK(http_get(port, "/healthz").status == 200);
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("files: what is given as a pipe at the start is read once") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue(org, 5);
  const std::string pipe = bench.path("token-pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::jthread writer([line = bench.world.token() + "\n", &pipe] {
    const sandbox::Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));  // Waits for the reader.
    [[maybe_unused]] const auto written = ::write(end.get(), line.data(), line.size());
  });
  bench.start({.flags = {"--token-file", pipe}, .env = {{"LOGZIO_TOKEN", ""}}});
  REQUIRE(bench.all_arrive());
  CHECK(bench.says(pipe + " is a pipe, which can be read only once"));
  ::kill(bench.daemon().pid(), SIGHUP);
  bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE(
    "files: a state directory that is removed holds everything, says so, and is believed when it is back") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const std::uint16_t port = free_port();
  bench.start({.admin = "127.0.0.1:" + std::to_string(port)});
  bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));

  std::filesystem::rename(bench.state_dir(), bench.path("aside"));
  REQUIRE(bench.says("was removed or replaced while this daemon uses it"));
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 503; }));
  std::filesystem::rename(bench.path("aside"), bench.state_dir());
  bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return http_get(port, "/readyz").status == 200; }));
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
}

TEST_CASE("files: a state put back from an older copy repeats nothing without a mark") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  bench.world.issue(org, 10);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  using std::filesystem::copy_options;
  std::filesystem::copy(bench.state_dir(), bench.path("copy"), copy_options::recursive);
  bench.start();
  bench.world.issue(org, 3000);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());

  std::filesystem::copy(bench.path("copy"), bench.state_dir(),
                        copy_options::recursive | copy_options::overwrite_existing);
  bench.start();
  REQUIRE(bench.says("put back from a copy"));
  bench.world.issue(org, 5);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 3000);
}

TEST_CASE("files: status says if the daemon of another state has answered") {
  Bench bench;
  bench.add_org();
  bench.add_listener();
  const std::string admin = "127.0.0.1:" + std::to_string(free_port());
  bench.start({.admin = admin});
  REQUIRE(bench.wait([&] { return bench.daemon().log().contains("state in"); }));
  const auto status = [&](const std::string& dir) {
    Daemon asked({.binary = Bench::binary(), .args = {"status", "--admin", admin, "--state-dir", dir}});
    const auto code = asked.wait_exit(patience);
    return std::pair(code, asked.log().contains("this is the daemon whose state is in " + bench.state_dir()));
  };
  const auto ready = [&] { return status(bench.state_dir()) == std::pair(std::optional(0), false); };
  REQUIRE(bench.wait(ready));
  CHECK(status(bench.path("elsewhere")) == std::pair(std::optional(69), true));
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
