// What a service app says of itself to Okta (RFC 7523 client assertions, RFC 9449 DPoP proofs): the two parts
// of a JWT that are signed, as text. Who signs them, and with what key, is the caller's business.
//
//     const std::string input = signing_input(assertion_header(alg, kid), assertion_claims(claims));
//     const std::string jwt = input + '.' + base64url(sign(input));
//
// Every moment is Okta's, not ours (Org::okta_time): Okta refuses an assertion that lives for an hour or
// more, and a proof from the future or older than five minutes (docs/okta.md 5.2, 5.3), and a machine whose
// clock is off must not fail for that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {

/// Where a service app gets its tokens: the org authorization server. No other one can grant okta.* scopes.
inline constexpr std::string_view token_path = "/oauth2/v1/token";
/// Reading the System Log; the only scope that is ever asked for.
inline constexpr std::string_view logs_scope = "okta.logs.read";

struct AssertionClaims {
  std::string client_id;  ///< Issuer and subject.
  Origin origin;          ///< The org that is asked: its token endpoint is the audience, letter for letter.
  WallTime okta_now;      ///< The assertion ends limits::assertion_life after it.
  std::string id;         ///< `jti`: good for one request.
};

struct ProofClaims {
  std::string_view method;  ///< "GET"
  Origin origin;
  std::string_view target;  ///< As it is sent: query and fragment are no part of a proof.
  WallTime okta_now;        ///< The proof is dated limits::proof_iat_back before it.
  std::string id;           ///< `jti`: good for one sending.
  std::string nonce{};      ///< As the org named it last; empty: none.
  std::string
      token_hash{};  ///< `ath`: SHA-256 of the access token, in base64url; empty at the token endpoint.
};

/// `key_id`: empty where the key has none.
[[nodiscard]] std::string assertion_header(std::string_view algorithm, std::string_view key_id);
[[nodiscard]] std::string assertion_claims(const AssertionClaims& claims);
/// `public_jwk`: a JSON object with the public members of the key that signs the proof, and no others.
[[nodiscard]] std::string proof_header(std::string_view algorithm, std::string_view public_jwk);
[[nodiscard]] std::string proof_claims(const ProofClaims& claims);

/// What is signed of a JWT: both parts in base64url with a dot between them.
[[nodiscard]] std::string signing_input(std::string_view header, std::string_view claims);

/// A public key as a JWK whose members are the required ones in the order of RFC 7638, so that its SHA-256 is
/// the key's thumbprint. The numbers are in base64url.
[[nodiscard]] std::string canonical_rsa_jwk(std::string_view modulus, std::string_view exponent);
[[nodiscard]] std::string canonical_ec_jwk(std::string_view curve, std::string_view x, std::string_view y);

/// The form of a token request. `assertion` is a JWT, whose letters need no escape.
[[nodiscard]] std::string token_form(std::string_view assertion);

}  // namespace logzio_okta
