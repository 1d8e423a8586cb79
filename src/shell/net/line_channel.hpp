// LineChannel: one connected, non-blocking socket, with or without TLS.
//
// We run TLS ourselves here, on the socket that libcurl connected: a line connection closes our side alone
// and waits for the peer's, which libcurl's own TLS cannot do. (Its SSL object may only be used within
// libcurl's calls, and libcurl may close an idle connection the moment the peer's end arrives.)
//
//     connected socket -> handshake() -> write()... -> finish() -> discard() until it returns `ended`
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "shell/net/trust.hpp"

struct ssl_st;

namespace logzio_okta {

/// A context for line connections: TLS 1.2 or newer, verified by `trust` alone.
struct TlsContextRelease {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, TlsContextRelease>;
[[nodiscard]] TlsContext line_tls_context(const Trust& trust);

class LineChannel {
 public:
  enum class Step {
    done,    ///< Done; for `discard`: some bytes were read, and there may be more.
    empty,   ///< Nothing more can be done until the socket is readable.
    full,    ///< Nothing more can be done until the socket is writable.
    ended,   ///< The peer closed its side.
    broken,  ///< Reset, or a TLS error: see `trouble()`.
  };

  /// Takes over the socket, which is connected and non-blocking.
  explicit LineChannel(int socket);
  /// The same, for TLS with `host` (an IPv6 address in brackets).
  LineChannel(int socket, ssl_ctx_st* context, const std::string& host);
  LineChannel(LineChannel&& other) noexcept;
  LineChannel& operator=(LineChannel&&) = delete;
  ~LineChannel();

  [[nodiscard]] Step handshake();
  /// Writes some of `bytes`; `count` is set to how many.
  [[nodiscard]] Step write(std::string_view bytes, std::size_t& count);
  /// Closes our side and leaves the peer's open.
  [[nodiscard]] Step finish();
  /// Reads and discards what the peer sends.
  [[nodiscard]] Step discard();

  /// After `discard` has returned `ended`: `ended` once TCP has ended too (TLS ends with its own message,
  /// which may come from a peer whose system still has unread bytes), `broken` if a reset followed, else
  /// `empty`.
  [[nodiscard]] Step await_end();

  [[nodiscard]] int socket() const { return socket_; }
  /// Bytes written that the peer's system has not acknowledged; our end counts as one.
  [[nodiscard]] std::size_t unsent() const;
  /// Why it broke, in a few words without a secret.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// OpenSSL's verify result: X509_V_OK unless the certificate broke the handshake.
  [[nodiscard]] long verify_result() const;

 private:
  struct SslRelease {
    void operator()(ssl_st* ssl) const;
  };
  Step tls_step(int result);
  Step system_step(Step later);

  int socket_ = -1;
  std::unique_ptr<ssl_st, SslRelease> ssl_;  // Null: no TLS.
  std::string trouble_;
};

}  // namespace logzio_okta
