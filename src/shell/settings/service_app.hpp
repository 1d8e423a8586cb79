// ServiceApp: a service app's keys and its access token, and the pieces of requests that need them. The
// keyring has one for each; it decides where a piece may go.
//
//     ServiceApp app("0oa1b2c3d4", std::move(*key), key_id);
//     if (app.can_prove(ProofKind::ec))
//       post(app.token_form(origin, okta_now), app.token_proof(ProofKind::ec, origin, okta_now));
//     const MintResult result = app.take_answer(ProofKind::ec, std::move(answer));
//     if (app.has_token()) get(app.authorization(), app.proof("GET", origin, target, okta_now));
//
// The key of the proofs is another one than the app's: it is made in memory when it is first needed, lives as
// long as the app is in the tenants file, and is never saved. A token is proved with the key it was asked for
// with, whatever is asked for since.
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
  /// `key_id`: empty where none is sent.
  ServiceApp(std::string client_id, SigningKey key, std::string key_id);

  /// The same app and the same key, in whatever form it was read.
  [[nodiscard]] bool same_as(const ServiceApp& other) const;
  /// For people, without the whole of what names the key: "key id AbCdEfGh...".
  [[nodiscard]] std::string key_name() const;

  /// Whether a proof of this kind can be made now. An RSA key takes its time, on a thread of its own, and is
  /// begun by asking.
  [[nodiscard]] bool can_prove(ProofKind kind);
  /// The form of a token request: a client assertion that is good for one.
  [[nodiscard]] Secret token_form(const Origin& origin, WallTime okta_now) const;
  /// "DPoP: <proof>" for it, fresh for each sending.
  [[nodiscard]] Secret token_proof(ProofKind kind, const Origin& origin, WallTime okta_now) const;
  /// Keeps the token, and whatever nonce came with the answer. `kind`: as it was asked for.
  [[nodiscard]] MintResult take_answer(ProofKind kind, HttpResult&& answer);

  [[nodiscard]] bool has_token() const { return token_.has_value(); }
  /// "Authorization: DPoP <token>"; there is one.
  [[nodiscard]] Secret authorization() const;
  /// "DPoP: <proof>" for one sending; empty for a token that needs none.
  [[nodiscard]] Secret proof(std::string_view method, const Origin& origin, std::string_view target,
                             WallTime okta_now) const;
  /// The nonce that an answer of the System Log names.
  void hear(const Headers& headers);

 private:
  struct Token {
    Secret bytes;
    TokenScheme scheme = TokenScheme::bearer;
    ProofKind proof = ProofKind::none;
    std::string hash;  ///< `ath`
  };
  [[nodiscard]] const SigningKey& proof_key(ProofKind kind) const;
  [[nodiscard]] Secret proof_header_of(ProofKind kind, std::string_view claims) const;

  std::string client_id_;
  SigningKey key_;
  std::string key_id_;
  std::optional<SigningKey> ec_;
  std::optional<SigningKey> rsa_;
  std::future<SigningKey> rsa_in_the_making_;
  std::optional<Token> token_;
  std::string token_nonce_;
  std::string logs_nonce_;
};

}  // namespace logzio_okta
