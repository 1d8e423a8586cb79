#include "shell/net/listen_socket.hpp"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace logzio_okta {
namespace {

/// An address of either family, in the form of the socket calls.
class SocketAddress {
 public:
  /// Nothing if it is not an address (or "localhost").
  static std::optional<SocketAddress> parse(std::string host, std::uint16_t port) {
    if (host == "localhost") host = "127.0.0.1";
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    SocketAddress address;
    if (::inet_pton(AF_INET, host.c_str(), &address.v4_.sin_addr) == 1) {
      address.v4_.sin_family = AF_INET;
      address.v4_.sin_port = htons(port);
      return address;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &address.v6_.sin6_addr) == 1) {
      address.v6_.sin6_family = AF_INET6;
      address.v6_.sin6_port = htons(port);
      address.is_v6_ = true;
      return address;
    }
    return std::nullopt;
  }

  [[nodiscard]] int family() const { return is_v6_ ? AF_INET6 : AF_INET; }
  [[nodiscard]] bool is_v6() const { return is_v6_; }
  [[nodiscard]] bool bind_to(int socket) const {
    return ::bind(socket, raw(), is_v6_ ? sizeof v6_ : sizeof v4_) == 0;
  }

 private:
  [[nodiscard]] const sockaddr* raw() const {
    const void* address = is_v6_ ? static_cast<const void*>(&v6_) : static_cast<const void*>(&v4_);
    return static_cast<const sockaddr*>(address);
  }

  sockaddr_in v4_{};
  sockaddr_in6 v6_{};
  bool is_v6_ = false;
};

std::string explain(const std::string& where, const std::string& flag, int error) {
  std::string words =
      "cannot listen on " + where + " for " + flag + ": " + std::generic_category().message(error);
  switch (error) {
    case EADDRINUSE:
      return words + "; another program uses the port: choose another port, or disable this with " + flag +
             " off";
    case EACCES:
      return words + "; choose a port above 1023";
    case EADDRNOTAVAIL:
      return words + "; this machine has no such address";
    default:
      return words;
  }
}

/// Nothing after a failure, with errno set.
Descriptor open_socket(const SocketAddress& address) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {};
  const int fd = socket.get();
  const int on = 1;
  // A restart must not wait until the last run's connections have expired.
  const bool ready = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                     (!address.is_v6() || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
                     address.bind_to(fd) && ::listen(fd, SOMAXCONN) == 0;
  if (ready) return socket;
  const int error = errno;
  socket = {};
  errno = error;
  return {};
}

}  // namespace

std::expected<Descriptor, std::string> listen_on(const AdminAddress& address, const std::string& flag) {
  const bool bare_v6 = address.host.contains(':') && !address.host.starts_with('[');
  const std::string where =
      (bare_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
  const auto socket_address = SocketAddress::parse(address.host, address.port);
  if (!socket_address) {
    return std::unexpected("cannot listen on " + where + " for " + flag +
                           ": the host must be an IPv4 or IPv6 address or localhost");
  }
  Descriptor socket = open_socket(*socket_address);
  if (!socket) return std::unexpected(explain(where, flag, errno));
  return socket;
}

std::uint16_t port_of(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), &size) != 0) return 0;
  const void* raw = &address;
  if (address.ss_family == AF_INET6) return ntohs(static_cast<const sockaddr_in6*>(raw)->sin6_port);
  return ntohs(static_cast<const sockaddr_in*>(raw)->sin_port);
}

}  // namespace logzio_okta
