// The header and claims of a service app's JWTs (RFC 7523 client assertions, RFC 9449 DPoP proofs), as text.
// The caller signs them.
//
//     const std::string input = signing_input(assertion_header(alg, kid), assertion_claims(claims));
//     const std::string jwt = input + '.' + base64url(sign(input));
//
// Every time is by Okta's clock, not ours (Org::okta_time): Okta refuses an assertion that is valid for an
// hour or more, and a proof from the future or older than five minutes (docs/okta.md 5.2, 5.3), and a wrong
// local clock must not cause that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {

/// The token endpoint of the org authorization server. No other server can grant okta.* scopes.
inline constexpr std::string_view token_path = "/oauth2/v1/token";
/// The scope for reading the System Log; no other is ever requested.
inline constexpr std::string_view logs_scope = "okta.logs.read";

struct AssertionClaims {
  std::string client_id;  ///< Issuer and subject.
  Origin origin;          ///< The org: its token endpoint is the audience, letter for letter.
  WallTime okta_now;      ///< The assertion expires limits::assertion_life later.
  std::string id;         ///< `jti`: valid for one request.
};

struct ProofClaims {
  std::string_view method;  ///< "GET"
  Origin origin;
  std::string_view target;  ///< As it is sent; a proof leaves out query and fragment.
  WallTime okta_now;        ///< The proof is dated limits::proof_iat_back earlier.
  std::string id;           ///< `jti`: valid for one sending.
  std::string nonce{};      ///< The org's latest; empty: none.
  std::string
      token_hash{};  ///< `ath`: SHA-256 of the access token, in base64url; empty at the token endpoint.
};

/// `key_id`: empty if the key has none.
[[nodiscard]] std::string assertion_header(std::string_view algorithm, std::string_view key_id);
[[nodiscard]] std::string assertion_claims(const AssertionClaims& claims);
/// `public_jwk`: a JSON object with the public members of the key that signs the proof, and no others.
[[nodiscard]] std::string proof_header(std::string_view algorithm, std::string_view public_jwk);
[[nodiscard]] std::string proof_claims(const ProofClaims& claims);

/// The signing input of a JWT: both parts in base64url with a dot between them.
[[nodiscard]] std::string signing_input(std::string_view header, std::string_view claims);

/// A public key as a JWK with the required members in the order of RFC 7638, so that its SHA-256 is the key's
/// thumbprint. The numbers are in base64url.
[[nodiscard]] std::string canonical_rsa_jwk(std::string_view modulus, std::string_view exponent);
[[nodiscard]] std::string canonical_ec_jwk(std::string_view curve, std::string_view x, std::string_view y);

/// The body of a token request. `assertion` is a JWT, whose characters need no escaping.
[[nodiscard]] std::string token_form(std::string_view assertion);

}  // namespace logzio_okta
