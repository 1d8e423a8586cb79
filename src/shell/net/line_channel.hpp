// LineChannel: one connected socket, with or without TLS, that never blocks.
//
// TLS is ours here, on the socket that libcurl connected: closing our side alone and waiting for the peer's
// is the whole point of a line connection, and libcurl's own TLS cannot do it. (Its SSL object may only be
// used within libcurl's calls, and an idle connection may be closed by it the moment the peer's end arrives.)
//
//     connected socket -> handshake() -> write()... -> finish() -> discard() until it says `ended`
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
    done,    ///< What was asked is done; for `discard`: some bytes were read, and there may be more.
    empty,   ///< Nothing more can be done before the socket can be read.
    full,    ///< Nothing more can be done before the socket can be written to.
    ended,   ///< The peer closed its side.
    broken,  ///< Reset, or a TLS error: see `trouble()`.
  };

  /// Takes the socket, connected and non-blocking, over.
  explicit LineChannel(int socket);
  /// The same, to speak TLS with `host` (an IPv6 address in brackets).
  LineChannel(int socket, ssl_ctx_st* context, const std::string& host);
  LineChannel(LineChannel&& other) noexcept;
  LineChannel& operator=(LineChannel&&) = delete;
  ~LineChannel();

  [[nodiscard]] Step handshake();
  /// Writes some of `bytes`; `count` is how many.
  [[nodiscard]] Step write(std::string_view bytes, std::size_t& count);
  /// Closes our side and leaves the peer's open.
  [[nodiscard]] Step finish();
  /// Reads what the peer says and drops it.
  [[nodiscard]] Step discard();

  /// After `discard` has said `ended`: `ended` once TCP has too (TLS ends by a message of its own, which may
  /// come from a peer whose system still holds unread bytes), `broken` if a reset came right after, else
  /// `empty`.
  [[nodiscard]] Step await_end();

  [[nodiscard]] int socket() const { return socket_; }
  /// Bytes we wrote that the peer's system has not acknowledged; our end counts as one.
  [[nodiscard]] std::size_t unsent() const;
  /// Why it broke, in a few words without a secret.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// OpenSSL's verify result: X509_V_OK unless the certificate is what broke the handshake.
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
