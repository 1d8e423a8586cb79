// ServerTls: our own certificate, and connections accepted under it.
//
// A certificate is renewed while we run; then a new ServerTls takes the place of the old one, whose
// connections go on undisturbed.
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
  /// PEM files: the certificate followed by its chain, and its key, without a passphrase. Adds a warning when
  /// every user of the machine can read the key. The error names the file, what is wrong and what to do.
  static Result<ServerTls> load(const std::string& certificate, const std::string& key,
                                std::vector<std::string>& warnings);

  /// Replaces the key of the tickets when it has lived for so long. With it one can read what was said under
  /// TLS 1.2 on connections that began with a ticket, so an old one must not be found here later. A ticket
  /// from before costs its client a whole handshake.
  void renew_ticket_key(Instant now, Duration life);

 private:
  friend class ServerChannel;
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
  Instant ticket_key_until_{};
};

/// What came of reading or writing.
enum class Flow : std::uint8_t {
  moved,        ///< Some bytes were.
  wants_read,   ///< Go on when the socket can be read,
  wants_write,  ///< or written.
  ended,        ///< The peer closed its side, or the connection is broken.
};

/// One accepted connection, in the clear or under TLS. Never blocks.
class ServerChannel {
 public:
  /// `tls`: nullptr for none.
  ServerChannel(Descriptor socket, const ServerTls* tls);

  /// Until it says `moved`, nothing can be read or written.
  [[nodiscard]] Flow shake_hands();
  /// `moved`: `bytes` were read to the front of `into`.
  [[nodiscard]] Flow read(char* into, std::size_t size, std::size_t& bytes);
  [[nodiscard]] Flow write(std::string_view from, std::size_t& bytes);
  /// Says that nothing more will be written.
  void end_writing();
  /// It ended because of what the client sent within TLS: see bound_tls().
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
