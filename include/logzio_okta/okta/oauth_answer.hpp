// Okta's answers to a service app: a token, or why there is none (RFC 6749 section 5); and what an answer of
// the System Log says about the credential used (RFC 6750 and RFC 9449).
//
// Only the shell reads the token, where it is kept; all else is for the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// How a token is used: by any holder, or only with a proof by the key it is bound to.
enum class TokenScheme : std::uint8_t { bearer, dpop };
/// "Bearer", "DPoP".
[[nodiscard]] std::string_view name_of(TokenScheme scheme);

/// What the core knows about a token.
struct TokenFacts {
  TokenScheme scheme = TokenScheme::bearer;
  Duration life{};  ///< Since the request; limits::token_life_assumed if the answer does not say.
  friend bool operator==(const TokenFacts&, const TokenFacts&) = default;
};
struct TokenGrant {
  Secret token;  ///< Fits a header: visible ASCII, at most limits::token_bytes_max.
  TokenFacts facts;
};
/// Reads a 200 of the token endpoint and wipes its body. The error is one line without secrets.
[[nodiscard]] Result<TokenGrant> read_token_grant(HttpAnswer& answer);

/// An answer of the token endpoint other than 200, without its body: something in between may have repeated
/// our request in it, including the assertion.
struct TokenRefusal {
  int status = 0;
  Headers headers;
  bool of_okta = false;     ///< Not of something in between.
  std::string error;        ///< OAuth's name, "invalid_client"; for another Okta error, its code.
  std::string description;  ///< In Okta's words; both are printable and at most limits::error_text_bytes_max.
};
[[nodiscard]] TokenRefusal read_token_refusal(HttpAnswer&& answer);
/// For the log: "401 invalid_client: The client_assertion token is expired.".
[[nodiscard]] std::string describe(const TokenRefusal& refusal);

/// What is wrong, as far as it decides the next step.
enum class TokenTrouble : std::uint8_t {
  nonce,            ///< The proof needs the nonce that this answer brings.
  clock,            ///< The assertion or the proof is too old, too new or from the future.
  used,             ///< An assertion or proof with this id was seen before.
  proof_algorithm,  ///< The proof's algorithm is not accepted by this org.
  proof_unwanted,   ///< Apparently about the proof, without naming a claim of it.
  proof_missing,    ///< The app needs a proof.
  proof,            ///< Okta refuses the proof for another reason.
  client,           ///< Client id, key or the app's authentication method.
  scope,            ///< okta.logs.read is not granted.
  zone,             ///< This machine's address is not allowed.
  no_org,           ///< 404: no token endpoint here.
  limited,          ///< 429
  outage,           ///< 5xx, or not Okta: says nothing about the credential.
  other,            ///< Refused in words we do not know.
};
inline constexpr std::size_t token_troubles_count = static_cast<std::size_t>(TokenTrouble::other) + 1;
[[nodiscard]] TokenTrouble trouble_of(const TokenRefusal& refusal);
/// The value of a metric's label: "nonce", "clock", ...
[[nodiscard]] std::string_view name_of(TokenTrouble trouble);
/// What the administrator should do, derived from Okta's words; empty if there is nothing to do but wait.
/// `key`: identifies the private key, for example its fingerprint.
[[nodiscard]] std::string cure_of(const TokenRefusal& refusal, std::string_view key);

/// What an answer of the System Log says about a service app's token or proof.
enum class CredentialComplaint : std::uint8_t {
  none,             ///< Nothing: it is about the question, the budget or a role.
  token,            ///< The token is expired, revoked, or no longer of the kind that the app requires.
  proof_used,       ///< A proof with this id was seen before: libcurl or a proxy sent it twice.
  proof_clock,      ///< The proof is too old or from the future.
  proof_nonce,      ///< It needs the nonce that this answer brings.
  proof_algorithm,  ///< Its algorithm is not accepted by this org.
  proof,            ///< Another claim of the proof.
  scope,            ///< The token lacks the required scope.
};
[[nodiscard]] CredentialComplaint complaint_of(const HttpAnswer& answer);
/// What the administrator should do about a proof that stays refused; empty if it is not about a proof.
[[nodiscard]] std::string_view cure_of(CredentialComplaint complaint);
/// For the log: "invalid_token: The access token is expired. (request id ...)".
[[nodiscard]] std::string describe_credential_doubt(const HttpAnswer& answer);

/// One challenge of WWW-Authenticate (RFC 9110 section 11.6.1), as far as OAuth defines it.
struct Challenge {
  std::string scheme;
  std::string error;
  std::string description;
};
/// The first challenge with an error, of DPoP or Bearer; nothing if there is none.
[[nodiscard]] std::optional<Challenge> read_challenge(const Headers& headers);

/// The DPoP-Nonce of any answer, if it fits a claim.
[[nodiscard]] std::optional<std::string> read_nonce(const Headers& headers);

}  // namespace logzio_okta
