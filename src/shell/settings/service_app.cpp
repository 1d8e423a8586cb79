#include "shell/settings/service_app.hpp"

#include <utility>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"

#include "shell/os/background.hpp"

namespace logzio_okta {
namespace {

// Reserves the exact size, so that a growing string leaves no partial copy behind.
Secret joined(std::string_view before, std::string_view middle, std::string_view secret) {
  std::string text;
  text.reserve(before.size() + middle.size() + secret.size());
  text.append(before).append(middle).append(secret);
  return Secret(std::move(text));
}

}  // namespace

ServiceApp::ServiceApp(std::string client_id, std::shared_ptr<const SigningKey> key, std::string key_id)
    : client_id_(std::move(client_id)), key_(std::move(key)), key_id_(std::move(key_id)) {
  CHECK(key_ != nullptr);
  if (key_id_.empty()) key_id_ = key_->id();
}

bool ServiceApp::same_as(const ServiceApp& other) const {
  return client_id_ == other.client_id_ && key_id_ == other.key_id_ &&
         key_->algorithm() == other.key_->algorithm() && key_->public_jwk() == other.key_->public_jwk();
}

// Not secret, but at its full length the log would redact it like a credential.
std::string ServiceApp::key_name() const {
  constexpr std::size_t letters_shown = 8;
  const auto shown = [](const std::string& name) {
    return name.size() > 2 * letters_shown ? name.substr(0, letters_shown) + "..." : name;
  };
  return key_id_.empty() ? "thumbprint " + shown(key_->thumbprint()) : "key id " + shown(key_id_);
}

bool ServiceApp::prepare(ProofKind kind, const Origin& origin, WallTime okta_now) {
  if (!can_prove(kind)) return false;  // First: two threads for one request are one too many.
  if (!assertion_.valid()) sign_assertion(origin, okta_now);
  if (!is_done(assertion_)) return false;
  const bool stale = okta_now < asserted_at_ || okta_now - asserted_at_ > to_ms(limits::assertion_wait_max);
  if (stale) sign_assertion(origin, okta_now);
  return !stale;
}

bool ServiceApp::is_busy() const {
  return (assertion_.valid() && !is_done(assertion_)) ||
         (rsa_in_the_making_.valid() && !is_done(rsa_in_the_making_));
}

void ServiceApp::sign_assertion(const Origin& origin, WallTime okta_now) {
  asserted_at_ = okta_now;
  assertion_ = in_background(
      [key = key_, header = assertion_header(key_->algorithm(), key_id_),
       claims = assertion_claims(
           {.client_id = client_id_, .origin = origin, .okta_now = okta_now, .id = random_id()})] {
        return key->jwt(header, claims);
      });
}

bool ServiceApp::can_prove(ProofKind kind) {
  if (kind == ProofKind::ec && !ec_) ec_ = SigningKey::make_ec();
  if (kind != ProofKind::rsa || rsa_) return true;
  if (!rsa_in_the_making_.valid()) rsa_in_the_making_ = in_background(&SigningKey::make_rsa);
  if (!is_done(rsa_in_the_making_)) return false;
  rsa_ = rsa_in_the_making_.get();
  return true;
}

const SigningKey& ServiceApp::proof_key(ProofKind kind) const {
  const std::optional<SigningKey>& key = kind == ProofKind::rsa ? rsa_ : ec_;
  CHECK(key.has_value());
  return *key;
}

Secret ServiceApp::token_form() {
  CHECK(assertion_.valid());
  const Secret assertion = assertion_.get();
  return Secret(logzio_okta::token_form(assertion.expose()));
}

Secret ServiceApp::proof_header_of(ProofKind kind, std::string_view claims) const {
  const SigningKey& key = proof_key(kind);
  const Secret proof = key.jwt(proof_header(key.algorithm(), key.public_jwk()), claims);
  return joined("DPoP: ", "", proof.expose());
}

Secret ServiceApp::token_proof(ProofKind kind, const Origin& origin, WallTime okta_now) const {
  return proof_header_of(kind, proof_claims({.method = "POST",
                                             .origin = origin,
                                             .target = token_path,
                                             .okta_now = okta_now,
                                             .id = random_id(),
                                             .nonce = token_nonce_}));
}

MintResult ServiceApp::take_answer(ProofKind kind, HttpResult&& answer) {
  if (!answer) return std::move(answer.error());
  if (auto nonce = read_nonce(answer->headers)) token_nonce_ = std::move(*nonce);
  if (answer->status != 200) return read_token_refusal(std::move(*answer));
  Result<TokenGrant> grant = read_token_grant(*answer);
  if (!grant) {
    return TokenRefusal{
        .status = 200, .headers = {}, .of_okta = false, .error = {}, .description = grant.error().text};
  }
  if (grant->facts.scheme == TokenScheme::dpop && kind == ProofKind::none) {
    return TokenRefusal{.status = 200,
                        .headers = {},
                        .of_okta = false,
                        .error = {},
                        .description = "a token bound to a proof that was not sent"};
  }
  token_ = Token{.bytes = std::move(grant->token), .scheme = grant->facts.scheme, .proof = kind, .hash = {}};
  token_->hash = base64url(sha256(token_->bytes.expose()));
  return TokenGranted{.facts = grant->facts, .headers = std::move(answer->headers)};
}

Secret ServiceApp::authorization() const {
  CHECK(token_.has_value());
  return joined("Authorization: ", std::string(name_of(token_->scheme)) + ' ', token_->bytes.expose());
}

Secret ServiceApp::proof(std::string_view method, const Origin& origin, std::string_view target,
                         WallTime okta_now) const {
  CHECK(token_.has_value());
  if (token_->scheme == TokenScheme::bearer) return {};
  return proof_header_of(token_->proof, proof_claims({.method = method,
                                                      .origin = origin,
                                                      .target = target,
                                                      .okta_now = okta_now,
                                                      .id = random_id(),
                                                      .nonce = logs_nonce_,
                                                      .token_hash = token_->hash}));
}

void ServiceApp::hear(const Headers& headers) {
  if (auto nonce = read_nonce(headers)) logs_nonce_ = std::move(*nonce);
}

}  // namespace logzio_okta
