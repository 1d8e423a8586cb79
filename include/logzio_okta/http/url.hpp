// Url: the parts of an absolute http(s) URL that decide who gets a credential.
//
// Strict on purpose: user info, control characters, backslashes, white space, an empty host and a port that
// is not a number are refused, because two parsers reading such a URL differently is how credentials leave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace logzio_okta {

/// Scheme, host and port: two URLs with the same origin lead to the same server.
struct Origin {
  std::string scheme;  ///< "https" or "http".
  std::string host;    ///< Lower case; an IPv6 address in brackets.
  std::uint16_t port = 0;
  friend bool operator==(const Origin&, const Origin&) = default;
  /// "https://acme.okta.com", with the port only if it is not the scheme's default.
  [[nodiscard]] std::string text() const;
};

struct Url {
  Origin origin;
  std::string target;  ///< Path and query exactly as written, at least "/"; a fragment is dropped.
};

/// nullopt for anything that is not an absolute http or https URL in the strict sense above.
[[nodiscard]] std::optional<Url> parse_url(std::string_view text);
/// The path of a target: everything before '?'.
[[nodiscard]] std::string_view path_of(std::string_view target);
/// 127.0.0.0/8, [::1] or "localhost".
[[nodiscard]] bool is_loopback(std::string_view host);
/// An IPv4 address in dotted form or an IPv6 address in brackets.
[[nodiscard]] bool is_ip_address(std::string_view host);

}  // namespace logzio_okta
