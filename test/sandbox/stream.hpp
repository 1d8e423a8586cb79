// Stream: a non-blocking connection, plain or TLS, that can be ended in every way a peer may meet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <openssl/ssl.h>
#include <sys/types.h>

namespace logzio_okta::sandbox {

/// A file descriptor that is closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

using TlsContext = std::shared_ptr<SSL_CTX>;

enum class IoState : std::uint8_t {
  moved,   ///< Some bytes were transferred.
  again,   ///< Not now: wait until the descriptor is ready.
  ended,   ///< The peer has ended its side cleanly.
  broken,  ///< Reset, or TLS failed.
};
struct IoResult {
  IoState state = IoState::again;
  std::size_t bytes = 0;
};

class Stream {
 public:
  explicit Stream(Fd fd) : fd_(std::move(fd)) {}

  /// Switches to TLS as the server; the handshake happens in the first reads and writes.
  void start_tls(const TlsContext& context);
  [[nodiscard]] IoResult read(std::span<char> room);
  [[nodiscard]] IoResult write(std::string_view bytes);
  /// Ends our side cleanly: close_notify under TLS, then FIN. The peer may still send.
  void end_output();
  /// FIN without close_notify, after what was sent so far.
  void cut_output();
  /// Closes with a reset.
  void reset();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// TLS has to write before it can go on reading.
  [[nodiscard]] bool wants_write() const { return wants_write_; }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  [[nodiscard]] IoResult tls_result(int outcome);

  Fd fd_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool wants_write_ = false;
};

/// A socket bound to a free port of 127.0.0.1 (or to this one), not yet listening. Throws std::system_error.
[[nodiscard]] Fd bind_loopback(std::uint16_t port = 0);
[[nodiscard]] std::uint16_t port_of(const Fd& socket);

}  // namespace logzio_okta::sandbox
