// ServerTls: our own certificate, and connections accepted under it.
//
// If the certificate is renewed while we run, a new ServerTls replaces the old one, whose connections
// continue undisturbed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"

#include "shell/os/descriptor.hpp"

namespace logzio_okta {

class ServerTls {
 public:
  /// PEM files: the certificate followed by its chain, and its key, without a passphrase. Adds a warning if
  /// every user of the machine can read the key. The error names the file, what is wrong and what to do.
  static Result<ServerTls> load(const std::string& certificate, const std::string& key,
                                std::vector<std::string>& warnings);

  /// Replaces the ticket key when it is older than `life`. The key decrypts TLS 1.2 connections that began
  /// with a ticket, so an old one must not be found here later. An earlier ticket then costs its client a
  /// full handshake.
  void renew_ticket_key(Instant now, Duration life);

 private:
  friend class ServerChannel;
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  Instant ticket_key_until_{};
};

/// The result of reading or writing.
enum class Flow : std::uint8_t {
  moved,        ///< Some bytes were transferred.
  wants_read,   ///< Continue when the socket is readable,
  wants_write,  ///< or writable.
  ended,        ///< The peer closed its side, or the connection is broken.
};

/// One accepted connection, in the clear or under TLS. Never blocks.
class ServerChannel {
 public:
  /// `tls`: nullptr for none.
  ServerChannel(Descriptor socket, const ServerTls* tls);

  /// Until it returns `moved`, nothing can be read or written.
  [[nodiscard]] Flow shake_hands();
  /// `moved`: `bytes` were read to the front of `into`.
  [[nodiscard]] Flow read(char* into, std::size_t size, std::size_t& bytes);
  [[nodiscard]] Flow write(std::string_view from, std::size_t& bytes);
  /// Tells the peer that nothing more will be written.
  void end_writing();
  /// It was ended because of the client's TLS records: see bound_tls().
  [[nodiscard]] bool is_abused() const;
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  [[nodiscard]] Flow why(int result);

  Descriptor socket_;
  std::unique_ptr<SSL, Free> ssl_;
  bool shaken_ = false;
};

}  // namespace logzio_okta
