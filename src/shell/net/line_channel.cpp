#include "shell/net/line_channel.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/net/tls_bounds.hpp"

namespace logzio_okta {

void TlsContextRelease::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

TlsContext line_tls_context(const Trust& trust) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  CHECK(context != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  // Many servers answer our close_notify with a plain end of stream. If that counted as a fault, we would
  // send every bulk again, for ever; before our own end it is still a fault.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  trust.attach(context.get());
  bound_tls(context.get());
  return context;
}

void LineChannel::SslRelease::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

LineChannel::LineChannel(int socket) : socket_(socket) {}

LineChannel::LineChannel(int socket, ssl_ctx_st* context, const std::string& host)
    : socket_(socket), ssl_(SSL_new(context)) {
  CHECK(ssl_ != nullptr);
  CHECK(SSL_set_fd(ssl_.get(), socket) == 1);
  SSL_set_connect_state(ssl_.get());
  if (is_ip_address(host)) {
    const bool bracketed = host.front() == '[';
    const std::string address = bracketed ? host.substr(1, host.size() - 2) : host;
    CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), address.c_str()) == 1);
    return;
  }
  SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  CHECK(SSL_set1_host(ssl_.get(), host.c_str()) == 1);
  // The macro SSL_set_tlsext_host_name casts away const in a way the compiler dislikes.
  std::string name = host;
  CHECK(SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1);
}

LineChannel::LineChannel(LineChannel&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      ssl_(std::move(other.ssl_)),
      trouble_(std::move(other.trouble_)) {}

LineChannel::~LineChannel() {
  if (socket_ >= 0) close(socket_);
}

LineChannel::Step LineChannel::handshake() {
  if (!ssl_) return Step::done;
  ERR_clear_error();
  return tls_step(SSL_do_handshake(ssl_.get()));
}

LineChannel::Step LineChannel::write(std::string_view bytes, std::size_t& count) {
  count = 0;
  if (ssl_) {
    ERR_clear_error();
    return tls_step(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count));
  }
  const ssize_t written = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (written < 0) return system_step(Step::full);
  count = static_cast<std::size_t>(written);
  return Step::done;
}

LineChannel::Step LineChannel::finish() {
  if (ssl_) {
    ERR_clear_error();
    // 0: our close_notify is sent, the peer's has not come yet, which is what we want.
    const int result = SSL_shutdown(ssl_.get());
    if (result < 0) return tls_step(result);
  }
  // After a close_notify as well: something in between may only understand this one.
  if (shutdown(socket_, SHUT_WR) != 0) return system_step(Step::full);
  return Step::done;
}

LineChannel::Step LineChannel::discard() {
  std::array<char, 16 * limits::KiB> room{};
  if (ssl_) {
    ERR_clear_error();
    std::size_t count = 0;
    return tls_step(SSL_read_ex(ssl_.get(), room.data(), room.size(), &count));
  }
  const ssize_t count = recv(socket_, room.data(), room.size(), 0);
  if (count == 0) return Step::ended;
  return count < 0 ? system_step(Step::empty) : Step::done;
}

LineChannel::Step LineChannel::await_end() {
  std::array<char, 16 * limits::KiB> room{};
  const ssize_t count = recv(socket_, room.data(), room.size(), 0);
  if (count < 0) return system_step(Step::empty);
  if (count > 0) return Step::empty;
  // After an end, recv() no longer reports a reset.
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error == 0) return Step::ended;
  trouble_ = std::strerror(error);
  return Step::broken;
}

std::size_t LineChannel::unsent() const {
  int bytes = 0;
  // A socket that cannot answer has nothing left to send.
  if (ioctl(socket_, SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<std::size_t>(bytes);
}

long LineChannel::verify_result() const {
  return ssl_ ? SSL_get_verify_result(ssl_.get()) : static_cast<long>(X509_V_OK);
}

// `result`: of an OpenSSL call, before which the error queue was cleared.
LineChannel::Step LineChannel::tls_step(int result) {
  const int system_error = errno;
  // Not the peer's own end, which would settle the written lines.
  if (result <= 0 && is_over_bounds(ssl_.get())) {
    trouble_ = "it sends TLS records without data, one after another";
    ERR_clear_error();
    return Step::broken;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Step::done;
    case SSL_ERROR_WANT_READ:
      return Step::empty;
    case SSL_ERROR_WANT_WRITE:
      return Step::full;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;
    case SSL_ERROR_SYSCALL:
      trouble_ = system_error != 0 ? std::strerror(system_error) : "the connection ended";
      return Step::broken;
    default: {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      trouble_ = reason != nullptr ? reason : "TLS failed";
      ERR_clear_error();
      return Step::broken;
    }
  }
}

// After a failed system call; `later`: what to wait for before a retry.
LineChannel::Step LineChannel::system_step(Step later) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return later;
  trouble_ = std::strerror(errno);
  return Step::broken;
}

}  // namespace logzio_okta
