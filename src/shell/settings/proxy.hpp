// Proxy: the proxy to use, and which connections go through it.
//
// We read HTTPS_PROXY and NO_PROXY ourselves, libcurl does not. Only TLS goes through the proxy, in a CONNECT
// tunnel, so a proxy never sees a credential; cleartext and loopback connections never use it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"

namespace logzio_okta {

struct Proxy {
  Secret url;           ///< "http://user:password@proxy.example.com:3128"; empty if there is no proxy.
  std::string display;  ///< The same without user and password, for people.
  std::vector<std::string> no_proxy;  ///< Lower case, without the leading dot or "*.".

  /// `url`: "http://proxy:3128", "https://..." (TLS to the proxy), or "proxy:3128"; without a port, the
  /// scheme's default (80, 443); empty: no proxy. The error never quotes user or password. `no_proxy`:
  /// separated by commas or white space; "example.com" and ".example.com" match the host and all below it,
  /// "example.com:8071" only that port, "10.0.0.0/8" addresses, "*" everything.
  static Result<Proxy> from(std::string_view url, std::string_view no_proxy);

  /// Whether a TLS connection to this host (lower case, an IPv6 address in brackets) goes through the proxy.
  [[nodiscard]] bool applies_to(std::string_view host, std::uint16_t port) const;
};

}  // namespace logzio_okta
