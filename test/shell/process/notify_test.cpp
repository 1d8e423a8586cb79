#include "shell/process/notify.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using Catch::Generators::as;

/// A service manager's end, at a path or, with '@' in front, at a name in the abstract namespace.
class Manager {
 public:
  explicit Manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.starts_with('@')) address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const void* raw = &address;
    REQUIRE(::bind(socket_, static_cast<const sockaddr*>(raw), size) == 0);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::close(socket_); }

  /// The next datagram; empty when there is none.
  [[nodiscard]] std::string heard() const {
    std::array<char, 4096> text{};
    const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
    return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  int socket_;
};

}  // namespace

TEST_CASE("notify: what is said arrives at the socket of the environment, one datagram each") {
  const test::TempDir dir;
  const std::string file = dir / "notify";
  const std::string abstract = "@logzio-okta-test-" + std::to_string(::getpid());
  const std::string path = GENERATE_COPY(as<std::string>{}, file, abstract);
  const Manager manager(path);
  const Notify notify(Environment({{"NOTIFY_SOCKET", path}}));
  notify.say("READY=1\nSTATUS=two lines");
  notify.say("STOPPING=1");
  CHECK(manager.heard() == "READY=1\nSTATUS=two lines");
  CHECK(manager.heard() == "STOPPING=1");
  notify.say_reloading();
  const std::string reloading = manager.heard();
  CHECK(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(reloading.size() > std::string_view("RELOADING=1\nMONOTONIC_USEC=").size());
}

TEST_CASE("notify: a missing socket, one without a listener or an invalid name does no harm") {
  const test::TempDir dir;
  const std::string gone = dir / "gone";
  const std::string path = GENERATE_COPY(as<std::string>{}, gone, std::string(200, 'x'), "");
  const Notify notify(Environment({{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "1000000"}}));
  notify.say("READY=1");
  CHECK_FALSE(notify.watchdog());
}

TEST_CASE("notify: a manager that does not read never blocks us") {
  const test::TempDir dir;
  const Manager manager(dir / "notify");
  const Notify notify(Environment({{"NOTIFY_SOCKET", dir / "notify"}}));
  for (int i = 0; i < 10'000; ++i) notify.say("WATCHDOG=1");
  CHECK(manager.heard() == "WATCHDOG=1");
}

TEST_CASE("notify: the watchdog is due at half of its time, and only from the process it names") {
  const test::TempDir dir;
  const Manager manager(dir / "notify");
  const auto watchdog = [&](std::string_view microseconds, std::string_view pid) {
    return Notify(Environment({{"NOTIFY_SOCKET", dir / "notify"},
                               {"WATCHDOG_USEC", std::string(microseconds)},
                               {"WATCHDOG_PID", std::string(pid)}}))
        .watchdog();
  };
  const std::string self = std::to_string(::getpid());
  CHECK(watchdog("90000000", self) == 45s);
  CHECK(watchdog("90000000", "") == 45s);
  CHECK_FALSE(watchdog("90000000", "1"));
  CHECK_FALSE(watchdog("", self));
  CHECK_FALSE(watchdog("0", self));
  CHECK_FALSE(watchdog("soon", self));
  CHECK(watchdog("18446744073709551615", self) == 12h);
}

}  // namespace logzio_okta
