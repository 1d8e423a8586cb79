// AppClient: a service app's private key and access token, in place of the keyring: what it sends to Okta and
// keeps of the answers. The claims are those of the shell; signatures are pretended, which pretended_crypto()
// verifies.
//
//     org.enable_oauth(pretended_crypto());
//     AppClient client("0oa1", seed);
//     org.oauth().add_app({.client_id = client.id(), .keys = client.keys()});
//     model::Answer answer = org.handle(client.token_request(mint, okta_now), wall);
//     MintResult result = client.take_answer(mint.proof, model::as_result(answer));
//     request.headers = client.headers(origin, target, okta_now);  // Once there is a token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/http/url.hpp"

#include "model/answer.hpp"
#include "model/token_endpoint.hpp"

namespace logzio_okta::sim {

/// A signature is good if it is the hash of the public key and of what was signed: anyone can forge it, but
/// nobody by mistake.
[[nodiscard]] model::Crypto pretended_crypto();

class AppClient {
 public:
  AppClient(std::string client_id, std::uint64_t seed);

  [[nodiscard]] const std::string& id() const { return id_; }
  /// What the app's JWKS at Okta holds.
  [[nodiscard]] std::vector<model::RegisteredKey> keys() const;

  [[nodiscard]] model::Request token_request(const MintToken& mint, WallTime okta_now);
  [[nodiscard]] MintResult take_answer(ProofKind proof, HttpResult&& answer);

  [[nodiscard]] bool holds_token() const { return !token_.empty(); }
  /// The daemon that kept it has ended.
  void forget_token();
  /// Authorization, and a proof where the token is bound to a key.
  [[nodiscard]] Headers headers(const Origin& origin, std::string_view target, WallTime okta_now);

 private:
  struct PretendedKey {
    std::string algorithm;
    std::string jwk;
  };

  [[nodiscard]] std::string letters(std::size_t count);
  [[nodiscard]] PretendedKey make_ec();
  [[nodiscard]] static std::string jwt(const PretendedKey& key, std::string_view header,
                                       std::string_view claims);
  [[nodiscard]] const PretendedKey& proof_key(ProofKind kind) const {
    return kind == ProofKind::rsa ? rsa_ : ec_;
  }

  std::string id_;
  Random random_;
  PretendedKey own_;
  PretendedKey ec_;
  PretendedKey rsa_;
  std::string nonce_;
  std::string token_;
  std::string token_hash_;
  TokenScheme scheme_ = TokenScheme::bearer;
  ProofKind proof_ = ProofKind::none;  ///< The key that the token is bound to.
};

}  // namespace logzio_okta::sim
