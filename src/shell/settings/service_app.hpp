// ServiceApp: a service app's keys and access token, and the parts of requests that need them. The keyring
// has one for each app and decides where a part may go.
//
//     ServiceApp app("0oa1b2c3d4", key, key_id);
//     if (app.prepare(ProofKind::ec, origin, okta_now))
//       post(app.token_form(), app.token_proof(ProofKind::ec, origin, okta_now));
//     const MintResult result = app.take_answer(ProofKind::ec, std::move(answer));
//     if (app.has_token()) get(app.authorization(), app.proof("GET", origin, target, okta_now));
//
// Proofs are not signed with the app's own key but with one that is generated in memory when first needed,
// kept as long as the app is in the tenants file, and never saved. A token keeps the proof key of its own
// request, whatever is requested later.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/mint.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/settings/signing_key.hpp"

namespace logzio_okta {

class ServiceApp {
 public:
  /// `key_id`: empty if none is sent.
  ServiceApp(std::string client_id, std::shared_ptr<const SigningKey> key, std::string key_id);

  /// The same app and the same key, in any form.
  [[nodiscard]] bool same_as(const ServiceApp& other) const;
  /// For people, with the key's id shortened: "key id AbCdEfGh...".
  [[nodiscard]] std::string key_name() const;

  /// Whether a token request with a proof of this kind can be made now. Signing its client assertion takes
  /// milliseconds, and generating an RSA key for the proof up to half a second: in threads of their own,
  /// which the first call starts.
  [[nodiscard]] bool prepare(ProofKind kind, const Origin& origin, WallTime okta_now);
  /// Whether destroying it would wait for such a thread.
  [[nodiscard]] bool is_busy() const;
  /// The body of the token request that was prepared. Its assertion is valid for one request.
  [[nodiscard]] Secret token_form();
  /// "DPoP: <proof>" for it, new for each sending.
  [[nodiscard]] Secret token_proof(ProofKind kind, const Origin& origin, WallTime okta_now) const;
  /// Keeps the token and the nonce of the answer. `kind`: that of the request.
  [[nodiscard]] MintResult take_answer(ProofKind kind, HttpResult&& answer);

  [[nodiscard]] bool has_token() const { return token_.has_value(); }
  /// "Authorization: DPoP <token>"; requires has_token().
  [[nodiscard]] Secret authorization() const;
  /// "DPoP: <proof>" for one sending; empty if the token needs none.
  [[nodiscard]] Secret proof(std::string_view method, const Origin& origin, std::string_view target,
                             WallTime okta_now) const;
  /// Takes the nonce from an answer of the System Log.
  void hear(const Headers& headers);

 private:
  struct Token {
    Secret bytes;
    TokenScheme scheme = TokenScheme::bearer;
    ProofKind proof = ProofKind::none;
    std::string hash;  ///< `ath`
  };
  [[nodiscard]] bool can_prove(ProofKind kind);
  void sign_assertion(const Origin& origin, WallTime okta_now);
  [[nodiscard]] const SigningKey& proof_key(ProofKind kind) const;
  [[nodiscard]] Secret proof_header_of(ProofKind kind, std::string_view claims) const;

  std::string client_id_;
  std::shared_ptr<const SigningKey> key_;
  std::string key_id_;
  std::optional<SigningKey> ec_;
  std::optional<SigningKey> rsa_;
  std::future<SigningKey> rsa_in_the_making_;
  std::future<Secret> assertion_;
  WallTime asserted_at_;
  std::optional<Token> token_;
  std::string token_nonce_;
  std::string logs_nonce_;
};

}  // namespace logzio_okta
