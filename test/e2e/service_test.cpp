// As a service: what the service manager is told, and which user a daemon started as root becomes.
#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

/// The end of the service manager: everything it was told, in order.
class Manager {
 public:
  explicit Manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const void* raw = &address;
    REQUIRE(::bind(socket_, static_cast<const sockaddr*>(raw), sizeof address) == 0);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::close(socket_); }

  /// How often it has heard this word by now.
  [[nodiscard]] std::size_t heard(std::string_view word) {
    std::array<char, 4096> text{};
    for (ssize_t size = 0; (size = ::recv(socket_, text.data(), text.size(), 0)) > 0;) {
      said_.append(text.data(), static_cast<std::size_t>(size)).append("\n");
    }
    std::size_t times = 0;
    for (std::size_t at = 0; (at = said_.find(word, at)) != std::string::npos; at += word.size()) ++times;
    return times;
  }

 private:
  int socket_;
  std::string said_;
};

}  // namespace

TEST_CASE_METHOD(Bench, "service: the manager hears that it is ready, turns, reloads and stops") {
  const std::size_t org = add_org();
  add_listener();
  world.issue_past(org, 10, 1h);
  Manager manager(path("notify"));
  start({.env = {{"NOTIFY_SOCKET", path("notify")}, {"WATCHDOG_USEC", "200000"}}});
  CHECK(wait([&] { return manager.heard("READY=1") == 1; }));
  REQUIRE(all_arrive());
  CHECK(wait([&] { return manager.heard("WATCHDOG=1\nSTATUS=1 tenant, 10 events delivered") >= 2; }));
  daemon().signal(SIGHUP);
  CHECK(wait([&] { return manager.heard("RELOADING=1\nMONOTONIC_USEC=") == 1; }));
  CHECK(wait([&] { return manager.heard("READY=1") == 2; }));
  CHECK(says(": 1 entry"));
  CHECK(stop() == 0);
  CHECK(manager.heard("STOPPING=1") == 1);
}

TEST_CASE_METHOD(Bench, "service: started as root it becomes the user, and reads root's own file again") {
  if (::geteuid() != 0) {
    WARN("not tried: only root can become somebody else");
    return;
  }
  const std::size_t org = add_org();
  add_listener();
  world.issue_past(org, 10, 1h);
  write_tenants();  // 0600, of root.
  REQUIRE(::chmod(path("").c_str(), 0711) == 0);
  start({.flags = {"--user", "12345:12346"}});
  REQUIRE(all_arrive());

  const std::string status = read_whole("/proc/" + std::to_string(daemon().pid()) + "/status");
  CHECK_THAT(status, Catch::Matchers::Contains("Uid:\t12345\t12345\t12345\t12345\n"));
  CHECK_THAT(status, Catch::Matchers::Contains("Gid:\t12346\t12346\t12346\t12346\n"));
  CHECK_THAT(status, Catch::Matchers::Contains("CapPrm:\t0000000000000000\n"));
  CHECK_THAT(status, Catch::Matchers::Contains("NoNewPrivs:\t1\n"));
  struct stat state{};
  REQUIRE(::stat((state_dir() + "/state.sqlite").c_str(), &state) == 0);
  CHECK(state.st_uid == 12'345);

  std::filesystem::rename(tenants_file(), path("kept"));
  std::filesystem::rename(path("kept"), tenants_file());
  daemon().signal(SIGHUP);
  CHECK(says(": 1 entry"));

  write_tenants();  // By rename, so it is another file, which the user it is now cannot read.
  CHECK(says("uid 12345"));
  CHECK(says("The tenants read before stay in force"));
  CHECK(stop() == 0);
  CHECK(proven_once());
}

}  // namespace logzio_okta::e2e
