#include "sim/app_client.hpp"

#include <utility>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"

namespace logzio_okta::sim {
namespace {

constexpr std::string_view key_id = "key1";
constexpr std::size_t id_letters = 22;
constexpr std::size_t number_letters = 43;  // 32 bytes in base64url.

std::string pretended_sha256(std::string_view text) {
  std::string bytes;
  for (std::uint64_t part = 0; part < 4; ++part) {
    std::uint64_t hash = hash64(std::to_string(part) + std::string(text));
    for (int i = 0; i < 8; ++i, hash >>= 8U) bytes += static_cast<char>(hash & 0xffU);
  }
  return bytes;
}

std::string pretended_signature(std::string_view jwk, std::string_view input) {
  return pretended_sha256(std::string(jwk) + ' ' + std::string(input));
}

}  // namespace

model::Crypto pretended_crypto() {
  return {.verifies = [](std::string_view, std::string_view jwk, std::string_view input,
                         std::string_view signature) { return signature == pretended_signature(jwk, input); },
          .sha256 = &pretended_sha256};
}

AppClient::AppClient(std::string client_id, std::uint64_t seed)
    : id_(std::move(client_id)),
      random_(seed),
      own_(make_ec()),
      ec_(make_ec()),
      rsa_{.algorithm = "RS256", .jwk = canonical_rsa_jwk(letters(number_letters), "AQAB")} {}

std::string AppClient::letters(std::size_t count) {
  std::string text;
  while (text.size() < count) text += static_cast<char>('A' + random_.below(26));
  return text;
}

AppClient::PretendedKey AppClient::make_ec() {
  return {.algorithm = "ES256",
          .jwk = canonical_ec_jwk("P-256", letters(number_letters), letters(number_letters))};
}

std::vector<model::RegisteredKey> AppClient::keys() const {
  return {{.id = std::string(key_id), .jwk = own_.jwk}};
}

std::string AppClient::jwt(const PretendedKey& key, std::string_view header, std::string_view claims) {
  const std::string input = signing_input(header, claims);
  return input + '.' + base64url(pretended_signature(key.jwk, input));
}

model::Request AppClient::token_request(const MintToken& mint, WallTime okta_now) {
  const std::string assertion =
      jwt(own_, assertion_header(own_.algorithm, key_id),
          assertion_claims(
              {.client_id = id_, .origin = mint.origin, .okta_now = okta_now, .id = letters(id_letters)}));
  model::Request request{.method = "POST",
                         .target = std::string(token_path),
                         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                         .body = token_form(assertion)};
  if (mint.proof == ProofKind::none) return request;
  const PretendedKey& key = proof_key(mint.proof);
  request.headers.push_back({"DPoP", jwt(key, proof_header(key.algorithm, key.jwk),
                                         proof_claims({.method = "POST",
                                                       .origin = mint.origin,
                                                       .target = token_path,
                                                       .okta_now = okta_now,
                                                       .id = letters(id_letters),
                                                       .nonce = nonce_}))});
  return request;
}

MintResult AppClient::take_answer(ProofKind proof, HttpResult&& answer) {
  if (!answer) return std::move(answer.error());
  if (auto nonce = read_nonce(answer->headers)) nonce_ = std::move(*nonce);
  if (answer->status != 200) return read_token_refusal(std::move(*answer));
  const Result<TokenGrant> grant = read_token_grant(*answer);
  CHECK(grant.has_value());  // The endpoint gives no other kind.
  token_ = grant->token.expose();
  token_hash_ = base64url(pretended_sha256(token_));
  scheme_ = grant->facts.scheme;
  proof_ = proof;
  return TokenGranted{.facts = grant->facts, .headers = std::move(answer->headers)};
}

void AppClient::forget_token() {
  token_.clear();
  nonce_.clear();
}

Headers AppClient::headers(const Origin& origin, std::string_view target, WallTime okta_now) {
  CHECK(holds_token());
  Headers headers{{"Authorization", std::string(name_of(scheme_)) + ' ' + token_}};
  if (scheme_ == TokenScheme::bearer) return headers;
  const PretendedKey& key = proof_key(proof_);
  headers.push_back({"DPoP", jwt(key, proof_header(key.algorithm, key.jwk),
                                 proof_claims({.method = "GET",
                                               .origin = origin,
                                               .target = target,
                                               .okta_now = okta_now,
                                               .id = letters(id_letters),
                                               .token_hash = token_hash_}))});
  return headers;
}

}  // namespace logzio_okta::sim
