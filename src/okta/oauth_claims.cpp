#include "logzio_okta/okta/oauth_claims.hpp"

#include <chrono>
#include <cstddef>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      json += "\\u00";
      json += digits[byte >> 4U];
      json += digits[byte & 0xfU];
      continue;
    }
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json += '"';
}

// Whole seconds, as JWTs count.
std::string seconds(WallTime time) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

// Scheme, host and path. Okta compares it with the request's, in which two slashes in a row are not one.
std::string proof_target(const Origin& origin, std::string_view target) {
  return origin.text() + std::string(target.substr(0, target.find_first_of("?#")));
}

}  // namespace

std::string assertion_header(std::string_view algorithm, std::string_view key_id) {
  std::string json = "{\"alg\":" + quoted(algorithm);
  if (!key_id.empty()) json += ",\"kid\":" + quoted(key_id);
  return json += '}';
}

// Without `iat`, which may not be in the future and is not needed.
std::string assertion_claims(const AssertionClaims& claims) {
  return "{\"iss\":" + quoted(claims.client_id) + ",\"sub\":" + quoted(claims.client_id) +
         ",\"aud\":" + quoted(claims.origin.text() + std::string(token_path)) +
         ",\"exp\":" + seconds(claims.okta_now + to_ms(limits::assertion_life)) +
         ",\"jti\":" + quoted(claims.id) + '}';
}

std::string proof_header(std::string_view algorithm, std::string_view public_jwk) {
  return "{\"typ\":\"dpop+jwt\",\"alg\":" + quoted(algorithm) + ",\"jwk\":" + std::string(public_jwk) + '}';
}

std::string proof_claims(const ProofClaims& claims) {
  std::string json = "{\"htm\":" + quoted(claims.method) +
                     ",\"htu\":" + quoted(proof_target(claims.origin, claims.target)) +
                     ",\"iat\":" + seconds(claims.okta_now - to_ms(limits::proof_iat_back)) +
                     ",\"jti\":" + quoted(claims.id);
  if (!claims.nonce.empty()) json += ",\"nonce\":" + quoted(claims.nonce);
  if (!claims.token_hash.empty()) json += ",\"ath\":" + quoted(claims.token_hash);
  return json += '}';
}

std::string signing_input(std::string_view header, std::string_view claims) {
  return base64url(header) + '.' + base64url(claims);
}

std::string canonical_rsa_jwk(std::string_view modulus, std::string_view exponent) {
  return "{\"e\":" + quoted(exponent) + ",\"kty\":\"RSA\",\"n\":" + quoted(modulus) + '}';
}

std::string canonical_ec_jwk(std::string_view curve, std::string_view x, std::string_view y) {
  return "{\"crv\":" + quoted(curve) + ",\"kty\":\"EC\",\"x\":" + quoted(x) + ",\"y\":" + quoted(y) + '}';
}

std::string token_form(std::string_view assertion) {
  constexpr std::string_view before =
      "grant_type=client_credentials&scope=okta.logs.read&client_assertion_type="
      "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
  std::string form;
  form.reserve(before.size() + assertion.size());
  return form.append(before).append(assertion);
}

}  // namespace logzio_okta
