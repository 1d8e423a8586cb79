// A client's side of one connection to a server under test on loopback; never blocks.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "catch.hpp"

namespace logzio_okta {

class Client {
 public:
  /// `host`: in the host's byte order; another address of this machine.
  explicit Client(std::uint16_t port, in_addr_t host = INADDR_LOOPBACK)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(host);
    const void* raw = &address;
    // The kernel completes the connection from the backlog, so this does not wait for the server.
    REQUIRE(::connect(fd_, static_cast<const sockaddr*>(raw), sizeof address) == 0);
    REQUIRE(::fcntl(fd_, F_SETFL, O_NONBLOCK) == 0);
  }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), heard_(std::move(other.heard_)), closed_(other.closed_) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int fd() const { return fd_; }
  void say(const std::string& bytes) const {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void listen() {
    std::array<char, 65536> bytes{};
    for (;;) {
      const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
      if (size > 0) {
        heard_.append(bytes.data(), static_cast<std::size_t>(size));
        continue;
      }
      closed_ = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
      return;
    }
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::string& heard() const { return heard_; }

 private:
  int fd_;
  std::string heard_;
  bool closed_ = false;
};

}  // namespace logzio_okta
