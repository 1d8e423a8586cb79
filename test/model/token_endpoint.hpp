// TokenEndpoint: an Okta org's authorization server for service apps, as strict as the service (okta.md
// section 5), and what its System Log asks of a token.
//
//     TokenEndpoint endpoint(crypto, "https://acme.okta.com");
//     endpoint.add_app({.client_id = "0oa1", .keys = {{.id = "k1", .jwk = public_jwk}}});
//     Answer answer = endpoint.handle({.method = "POST", .target = "/oauth2/v1/token", ...}, okta_now);
//     if (auto refusal = endpoint.refusal_of({.method = "GET", ...}, okta_now)) bend(answer, *refusal);
//
// It reads JWTs by itself and shares nothing with the code that writes them. Its Crypto decides whether a
// signature is good: OpenSSL in the sandbox, a pretence in the simulator. It records each request with its
// outcome and with any misuse.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"

#include "model/answer.hpp"
#include "model/fault.hpp"

namespace logzio_okta::model {

/// Strictly, as RFC 7515 has it.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

struct Crypto {
  /// Algorithm, public JWK, what was signed, signature.
  std::function<bool(std::string_view, std::string_view, std::string_view, std::string_view)> verifies;
  std::function<std::string(std::string_view)> sha256;  ///< 32 bytes.
};

struct RegisteredKey {
  std::string id;  ///< `kid`; may be absent in an assertion while the app has one key.
  std::string jwk;
};

struct ServiceApp {
  enum class Proofs : std::uint8_t {
    required,
    ignored,  ///< DPoP is off: a proof is ignored, and the token is a bearer token.
    refused,  ///< Likewise, but a proof is an error (never observed at Okta).
  };
  std::string client_id;
  std::vector<RegisteredKey> keys;
  Proofs proofs = Proofs::required;
  bool scope_granted = true;
  bool has_role = true;
  bool by_key = true;  ///< Authenticates by private_key_jwt.
  bool zoned = false;  ///< Its network zone excludes us.
  bool rsa_proofs_only = false;
  Duration token_life = 3600s;
};

struct TokenRecord {
  WallTime at;  ///< By the org's clock.
  std::string client_id;
  int status = 0;
  std::string error;  ///< OAuth's code; empty when it was granted, ...
  std::string description;
  bool proof = false;  ///< It came with a proof.
  std::string misuse;  ///< What a client must never do; empty when it did not.
};

class TokenEndpoint {
 public:
  TokenEndpoint(Crypto crypto, std::string base, std::uint64_t seed = 1)
      : crypto_(std::move(crypto)), base_(std::move(base)), random_(seed), nonce_(letters(22)) {}

  ServiceApp& add_app(ServiceApp app);
  [[nodiscard]] ServiceApp& app(const std::string& client_id) { return apps_.at(client_id); }
  [[nodiscard]] bool has_app(const std::string& client_id) const { return apps_.contains(client_id); }
  void set_base(std::string base) { base_ = std::move(base); }

  [[nodiscard]] Answer handle(const Request& request, WallTime at);
  /// Whether this is a request with a token, and not with an API key.
  [[nodiscard]] static bool carries_token(const Request& request);
  /// The app whose token this is; empty if the token is unknown.
  [[nodiscard]] std::string client_of(const Request& request) const;
  /// Why a request to the System Log with a token is refused. `misuse`: what a client must never do.
  [[nodiscard]] std::optional<fault::Status> refusal_of(const Request& request, WallTime at,
                                                        std::string& misuse);

  void revoke_tokens() { tokens_.clear(); }
  /// The previous nonce stays valid for a while; the one before that does not.
  void rotate_nonce();
  /// Forgets old and new: whatever nonce a client knows is useless.
  void forget_nonces();

  [[nodiscard]] const std::deque<TokenRecord>& records() const { return records_; }
  [[nodiscard]] std::size_t granted() const { return granted_; }
  [[nodiscard]] std::size_t misuses() const { return misuses_; }
  /// Every token it has granted, and the assertions and proofs it was shown: nobody may write them down.
  [[nodiscard]] const std::vector<std::string>& secrets() const { return secrets_; }

 private:
  struct Refusal {
    int status = 401;
    std::string error = "invalid_client";
    std::string description;
    std::string misuse{};
  };
  struct Jws {
    std::string header;
    std::string claims;
    std::string input;
    std::string signature;
  };
  struct Token {
    std::string client_id;
    std::string thumbprint;  ///< The key it is bound to; empty for a bearer token.
    WallTime until;
  };
  struct Proof {
    std::string thumbprint;
  };

  [[nodiscard]] std::optional<Refusal> grant(const Request& request, TokenRecord& record, Answer& answer);
  [[nodiscard]] std::optional<Refusal> check_form(const Request& request,
                                                  std::map<std::string, std::string>& form) const;
  [[nodiscard]] std::optional<Refusal> check_assertion(std::string_view assertion, TokenRecord& record);
  [[nodiscard]] std::optional<Refusal> check_proof(const Request& request, const ServiceApp& app,
                                                   std::string_view method, std::string_view access_token,
                                                   WallTime at, Proof& proof);
  [[nodiscard]] std::optional<Refusal> check_proof_claims(const Jws& jws, const Request& request,
                                                          std::string_view method,
                                                          std::string_view access_token, WallTime at);
  [[nodiscard]] std::optional<Refusal> check_token(const Request& request, WallTime at);
  [[nodiscard]] static std::optional<Jws> split(std::string_view compact);
  [[nodiscard]] std::string letters(std::size_t count);

  Crypto crypto_;
  std::string base_;
  Random random_;
  std::map<std::string, ServiceApp> apps_;
  std::map<std::string, Token> tokens_;
  std::set<std::string> ids_;  ///< The `jti` of assertions and proofs.
  std::string nonce_;
  std::string nonce_before_;
  std::deque<TokenRecord> records_;
  std::vector<std::string> secrets_;
  std::size_t granted_ = 0;
  std::size_t misuses_ = 0;
};

}  // namespace logzio_okta::model
