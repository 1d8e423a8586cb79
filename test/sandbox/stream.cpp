#include "sandbox/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace logzio_okta::sandbox {
namespace {

[[noreturn]] void fail_with_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

IoResult plain_result(ssize_t outcome) {
  if (outcome > 0) return {IoState::moved, static_cast<std::size_t>(outcome)};
  if (outcome == 0) return {IoState::ended, 0};
  return {errno == EAGAIN || errno == EINTR ? IoState::again : IoState::broken, 0};
}

int tls_size(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

void Stream::start_tls(const TlsContext& context) {
  ssl_.reset(SSL_new(context.get()));
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_accept_state(ssl_.get());
}

IoResult Stream::read(std::span<char> room) {
  if (!ssl_) return plain_result(recv(fd_.get(), room.data(), room.size(), 0));
  ERR_clear_error();
  return tls_result(SSL_read(ssl_.get(), room.data(), tls_size(room.size())));
}

IoResult Stream::write(std::string_view bytes) {
  if (!ssl_) return plain_result(send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ERR_clear_error();
  return tls_result(SSL_write(ssl_.get(), bytes.data(), tls_size(bytes.size())));
}

IoResult Stream::tls_result(int outcome) {
  wants_write_ = false;
  if (outcome > 0) return {IoState::moved, static_cast<std::size_t>(outcome)};
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      return {IoState::again, 0};
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return {IoState::again, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoState::ended, 0};
    default:
      return {IoState::broken, 0};
  }
}

void Stream::end_output() {
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  cut_output();
}

void Stream::cut_output() {
  shutdown(fd_.get(), SHUT_WR);
}

void Stream::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ssl_.reset();
  fd_ = Fd();
}

Fd bind_loopback(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) fail_with_errno("socket");
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // The socket API takes every kind of address through this one type.
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail_with_errno("bind");
  return socket;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail_with_errno("getsockname");
  return ntohs(address.sin_port);
}

}  // namespace logzio_okta::sandbox
