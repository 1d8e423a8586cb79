// Domain: an Okta org's address. It exists only if it parsed, so any holder may send a key there.
//
// Accepts what people paste (scheme, spaces, capitals, trailing slash, the Issuer URI's or any other path)
// and refuses what cannot work, with the fix in the message: an -admin host, an IP address, user info. Any
// host name is allowed over HTTPS, because custom domains exist; http:// only for a loopback address.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {

class Domain {
 public:
  /// "acme.okta.com", "https://ACME.okta.com/oauth2/default/ ", "login.example.com:8443",
  /// "http://127.0.0.1:9001". The error is one line that quotes the text (cut, printable) and says what to
  /// write instead.
  static Result<Domain> parse(std::string_view text);

  /// "acme.okta.com", with ":port" if it is not 443 (or 80 for http): the value of `tenant_name`.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Origin& origin() const { return origin_; }
  friend bool operator==(const Domain& a, const Domain& b) { return a.origin_ == b.origin_; }

 private:
  Origin origin_;
  std::string name_;
};

/// Whether this is a name of Okta's own (docs/okta.md 6), not a customer's.
[[nodiscard]] bool is_okta_host(std::string_view host);

}  // namespace logzio_okta
