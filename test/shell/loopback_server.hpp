// LoopbackServer: a small server on an ephemeral loopback port that does what a test's script says.
//
//     LoopbackServer server([](Peer& peer) {
//       peer.read_request();
//       peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
//     });
//     connect_to(server.port());
//
// The script runs once per connection, in a thread of its own, and the connection ends with it. Every read
// gives up when the server is destroyed, so a script that waits for a silent peer still ends.
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/certificates.hpp"

namespace logzio_okta::test {

using ServerContext = std::unique_ptr<SSL_CTX, openssl::Release<SSL_CTX_free>>;

inline ServerContext server_context(const Certificate& certificate, int tls_max) {
  ServerContext context(SSL_CTX_new(TLS_server_method()));
  const openssl::Bio cert(BIO_new_mem_buf(certificate.certificate_pem.data(), -1));
  const openssl::Bio key(BIO_new_mem_buf(certificate.key_pem.data(), -1));
  const openssl::Cert x(PEM_read_bio_X509(cert.get(), nullptr, nullptr, nullptr));
  const openssl::Key k(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
  openssl::require(SSL_CTX_use_certificate(context.get(), x.get()) == 1, "use the certificate");
  openssl::require(SSL_CTX_use_PrivateKey(context.get(), k.get()) == 1, "use the key");
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), tls_max);
  return context;
}

/// The server's end of one connection. Blocking, for scripts.
class Peer {
 public:
  Peer(int socket, const std::atomic<bool>& stop) : socket_(socket), stop_(stop) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    ssl_.reset();
    if (socket_ >= 0) ::close(socket_);
  }

  /// False once the client has gone.
  bool start_tls(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), socket_);
    return wait_readable() && SSL_accept(ssl_.get()) == 1;
  }

  /// Up to `size` bytes; empty at the end of the stream, after a reset, or when the server stops.
  std::string read(std::size_t size = 65'536) {
    std::string bytes(size, '\0');
    if ((ssl_ == nullptr || SSL_pending(ssl_.get()) == 0) && !wait_readable()) return {};
    const long count = ssl_ ? SSL_read(ssl_.get(), bytes.data(), static_cast<int>(size))
                            : ::recv(socket_, bytes.data(), size, 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  std::string read_all() {
    std::string all;
    for (std::string bytes = read(); !bytes.empty(); bytes = read()) all += bytes;
    return all;
  }
  /// Up to and including the empty line; what came after it waits for `read_body`.
  std::string read_head() {
    std::size_t end = std::string::npos;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
      const std::string bytes = read();
      if (bytes.empty()) return {};
      unread_ += bytes;
    }
    std::string head = unread_.substr(0, end + 4);
    unread_.erase(0, end + 4);
    return head;
  }
  std::string read_body(std::size_t size) {
    while (unread_.size() < size) {
      const std::string bytes = read();
      if (bytes.empty()) break;
      unread_ += bytes;
    }
    std::string body = unread_.substr(0, size);
    unread_.erase(0, size);
    return body;
  }

  /// False once the client is gone.
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const long count = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// "HTTP/1.1 200 OK", these header lines, a Content-Length, and the body.
  void answer(std::string_view status, std::string_view header_lines, std::string_view body) {
    std::string text = "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(header_lines) +
                       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    write(text.append(body));
  }
  /// Closes with a reset instead of an end of stream.
  void reset() {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ::close(std::exchange(socket_, -1));
  }
  void close_notify() { SSL_shutdown(ssl_.get()); }
  /// Until the test is over.
  void hold() {
    hold_until([] { return false; });
  }
  /// TLS records that bring no data: key updates, or requests to renegotiate before TLS 1.3. How many of them
  /// were sent before the client was gone.
  int send_idle_records(int count) {
    for (int i = 0; i < count && !stop_; ++i) {
      const bool begun = SSL_version(ssl_.get()) == TLS1_3_VERSION
                             ? SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1
                             : SSL_renegotiate(ssl_.get()) == 1;
      if (!begun || SSL_do_handshake(ssl_.get()) != 1) return i;
    }
    return count;
  }
  /// Waits until the condition holds or the test is over.
  void hold_until(const std::function<bool()>& so) {
    while (!stop_ && !so()) pause();
  }
  /// Two milliseconds, to send slowly; nothing may depend on how long it really takes.
  static void pause() { poll(nullptr, 0, 2); }
  [[nodiscard]] int socket() const { return socket_; }
  /// Bytes received and not read yet.
  [[nodiscard]] int pending() const {
    int count = 0;
    ioctl(socket_, FIONREAD, &count);
    return count;
  }

  /// Carries bytes between the two until either ends: what a proxy does with an open tunnel.
  void relay_to(int other) {
    std::array<pollfd, 2> fds{{{socket_, POLLIN, 0}, {other, POLLIN, 0}}};
    std::array<char, 16'384> room{};
    while (!stop_) {
      poll(fds.data(), fds.size(), 5);
      for (std::size_t i = 0; i < fds.size(); ++i) {
        if (fds.at(i).revents == 0) continue;
        const ssize_t count = ::recv(fds.at(i).fd, room.data(), room.size(), 0);
        if (count <= 0) return;
        ::send(fds.at(1 - i).fd, room.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
      }
    }
  }

 private:
  bool wait_readable() {
    pollfd fd{.fd = socket_, .events = POLLIN, .revents = 0};
    while (!stop_) {
      if (poll(&fd, 1, 5) > 0) return true;
    }
    return false;
  }

  int socket_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<SSL, openssl::Release<SSL_free>> ssl_;
  std::string unread_;
};

class LoopbackServer {
 public:
  using Script = std::function<void(Peer&)>;

  explicit LoopbackServer(Script script) : LoopbackServer(std::move(script), nullptr) {}
  LoopbackServer(const Certificate& certificate, Script script, int tls_max = TLS1_3_VERSION)
      : LoopbackServer(std::move(script), server_context(certificate, tls_max)) {}
  /// Over TLS; the buffers between both sides hold only a few kilobytes, as on a slow link.
  struct Narrow {};
  LoopbackServer(Narrow, const Certificate& certificate, Script script)
      : LoopbackServer(std::move(script), server_context(certificate, TLS1_3_VERSION), true) {}
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() {
    stop_ = true;
    acceptor_.join();
    for (std::thread& connection : threads_) connection.join();
    ::close(socket_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Connections accepted so far.
  [[nodiscard]] int connections() const { return connections_; }

  /// A connection to a loopback port, for proxies.
  static int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to loopback");
    }
    return fd;
  }

 private:
  LoopbackServer(Script script, ServerContext context, bool narrow = false)
      : script_(std::move(script)),
        context_(std::move(context)),
        socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    const int few = 4096;
    const int small = 536;  // What every network carries; the other side sizes its queue by it.
    if (narrow && (::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &few, sizeof few) != 0 ||
                   ::setsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &small, sizeof small) != 0)) {
      throw std::runtime_error("cannot narrow a connection");
    }
    if (::bind(socket_, raw, size) != 0 || ::listen(socket_, 64) != 0 ||
        ::getsockname(socket_, raw, &size) != 0) {
      throw std::runtime_error("cannot listen on loopback");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void accept_all() {
    pollfd fd{.fd = socket_, .events = POLLIN, .revents = 0};
    while (!stop_) {
      if (poll(&fd, 1, 5) <= 0) continue;
      const int peer = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) continue;
      ++connections_;
      threads_.emplace_back([this, peer] {
        Peer connection(peer, stop_);
        if (!context_ || connection.start_tls(context_.get())) script_(connection);
      });
    }
  }

  Script script_;
  ServerContext context_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  int socket_;
  std::uint16_t port_ = 0;
  std::vector<std::thread> threads_;  // Only the acceptor adds to it.
  std::thread acceptor_;
};

/// What a script saw, for the test to read.
class Recorder {
 public:
  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

/// A file that is removed with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    const int fd = ::mkstemp(path_.data());
    if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("cannot write a temporary file");
    }
    ::close(fd);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/logzio-okta-test-XXXXXX";
};

}  // namespace logzio_okta::test
