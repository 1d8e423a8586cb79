// SigningKey: a private key that signs JWTs, read from any form that Okta's console or OpenSSL writes, or
// generated in memory.
//
//     Result<SigningKey> key = SigningKey::read(text);  // JWK, JWKS, or PEM: PKCS#8, PKCS#1, SEC1; RSA or EC
//     Secret jwt = key->jwt(assertion_header(key->algorithm(), key->id()), assertion_claims(claims));
//
// Reading tolerates what happens to copied keys: "\n" as two characters, a byte order mark, spaces and line
// breaks anywhere. A key that cannot work is an error that says what to do: each key must sign and verify a
// message first, because a damaged number passes every other check. The text is never quoted, and the only
// copy of the private numbers in memory is OpenSSL's, which it wipes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY.

namespace logzio_okta {

/// SHA-256, 32 bytes.
[[nodiscard]] std::string sha256(std::string_view bytes);
/// 128 random bits in base64url: makes a JWT unique.
[[nodiscard]] std::string random_id();

class SigningKey {
 public:
  /// The error has no file name; the caller puts it in front.
  [[nodiscard]] static Result<SigningKey> read(std::string_view text);
  /// P-256; takes two milliseconds.
  [[nodiscard]] static SigningKey make_ec();
  /// RSA of 2048 bits; takes up to half a second.
  [[nodiscard]] static SigningKey make_rsa();

  /// The JWT name: "RS256", "ES384".
  [[nodiscard]] const std::string& algorithm() const { return algorithm_; }
  /// The `kid` of a JWK; empty if it has none.
  [[nodiscard]] const std::string& id() const { return id_; }
  /// Its public members, in the order of canonical_rsa_jwk() and canonical_ec_jwk().
  [[nodiscard]] const std::string& public_jwk() const { return public_jwk_; }
  /// SHA-256 of those, in base64url (RFC 7638): identical for the same key, in any form.
  [[nodiscard]] std::string thumbprint() const;
  /// The whole JWT, signed.
  [[nodiscard]] Secret jwt(std::string_view header, std::string_view claims) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using Handle = std::unique_ptr<evp_pkey_st, Free>;
  friend class KeyReader;

  SigningKey() = default;
  /// Determines its type and tests it.
  [[nodiscard]] static Result<SigningKey> adopt(Handle handle);
  [[nodiscard]] Result<void> describe_rsa();
  [[nodiscard]] Result<void> describe_ec();
  /// In the form of a JWS: for EC, both numbers one after the other, not DER.
  [[nodiscard]] std::string sign(std::string_view text) const;
  [[nodiscard]] bool verifies_itself() const;

  Handle handle_;
  std::string algorithm_;
  std::string id_;
  std::string public_jwk_;
  std::size_t number_bytes_ = 0;  ///< Size of each of an EC signature's two numbers; 0 for an RSA key.
};

}  // namespace logzio_okta
