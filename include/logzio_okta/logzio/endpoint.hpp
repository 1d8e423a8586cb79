// Endpoint: a listener's address and protocol.
//
// The port implies the protocol, as at Logz.io (docs/logzio.md 1): 8071 HTTPS bulk (the default), 5052
// newline JSON over TLS, 8070 HTTP bulk, 5050 newline JSON over TCP. `https:// tls:// http:// tcp://` set it
// for any port and imply the port if none is given. An unknown port without a scheme is an error that lists
// these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

enum class Protocol : std::uint8_t { https_bulk, http_bulk, tls_lines, tcp_lines };
[[nodiscard]] constexpr bool is_lines(Protocol p) {
  return p == Protocol::tls_lines || p == Protocol::tcp_lines;
}
[[nodiscard]] constexpr bool is_cleartext(Protocol p) {
  return p == Protocol::http_bulk || p == Protocol::tcp_lines;
}

struct Endpoint {
  Protocol protocol = Protocol::https_bulk;
  std::string host;  ///< Lower case; an IPv6 address in brackets.
  std::uint16_t port = 8071;

  /// `host`, `host:port` or `scheme://host:port`; spaces around and a trailing slash are forgiven. The error
  /// is one line that says what to write instead: ":5006" (lumberjack, the old image's) names 8071; cleartext
  /// beyond loopback needs its scheme written out; user info and a path are refused.
  static Result<Endpoint> parse(std::string_view text);
  /// The HTTPS listener of a region: us, eu, uk, ca or au, in any case. The error says what to write instead.
  static Result<Endpoint> of_region(std::string_view text);
  /// "https://listener.logz.io:8071", or "tls://...", "http://...", "tcp://...".
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// A region of Logz.io's accounts as event hooks name it, in lower case: us, au, ca, eu, uk.
[[nodiscard]] bool is_region(std::string_view text);
/// The listener of that region (docs/logzio.md 4), with the protocol of `usual`. An empty region, or a
/// `usual` that is not one of Logz.io's own (a relay takes everything), gives `usual`.
[[nodiscard]] Endpoint in_region(const Endpoint& usual, std::string_view region);

}  // namespace logzio_okta
