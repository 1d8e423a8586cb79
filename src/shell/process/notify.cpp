#include "shell/process/notify.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

/// A socket connected to `path`, or none. A name that begins with '@' is in the abstract namespace.
Descriptor connect_to(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::ranges::copy(path, address.sun_path);
  if (path.starts_with('@')) address.sun_path[0] = '\0';
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const void* raw = &address;
  if (::connect(socket.get(), static_cast<const sockaddr*>(raw), size) != 0) return {};
  return socket;
}

/// Only if set for this process, not for a parent that left its variables behind.
std::optional<Duration> watchdog_interval(const Environment& environment) {
  const auto allowed = ascii::whole_number(environment.get("WATCHDOG_USEC").value_or(""));
  const auto pid = environment.get("WATCHDOG_PID");
  if (!allowed || *allowed == 0 || (pid && *pid != std::to_string(::getpid()))) return std::nullopt;
  constexpr std::uint64_t longest = std::chrono::microseconds(24h).count();
  return std::chrono::microseconds(static_cast<std::int64_t>(std::min(*allowed, longest))) / 2;
}

}  // namespace

Notify::Notify(const Environment& environment) {
  if (const auto path = environment.get("NOTIFY_SOCKET")) socket_ = connect_to(*path);
  if (socket_) watchdog_ = watchdog_interval(environment);
}

void Notify::say(std::string_view lines) const {
  if (!socket_) return;
  [[maybe_unused]] const ssize_t sent = ::send(socket_.get(), lines.data(), lines.size(), MSG_NOSIGNAL);
}

void Notify::say_reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto moment = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(moment).count();
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

}  // namespace logzio_okta
