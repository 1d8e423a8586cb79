// Key pairs made at test time by OpenSSL, in every form that people use.
//
//     const KeyPair pair = KeyPair::rsa();
//     SigningKey::read(pair.pkcs8());  SigningKey::read(pair.jwk());
//     org.register_key({.jwk = pair.public_jwk(), .id = "k1"});
//
// Writes its own JWK and base64url, so that a mistake of the daemon's is not repeated by its judge.
#pragma once

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace logzio_okta::test {

/// base64url by OpenSSL's base64.
inline std::string to_base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

class KeyPair {
 public:
  static KeyPair rsa(unsigned bits = 2048) { return KeyPair(EVP_RSA_gen(bits)); }
  static KeyPair ec(const char* curve = "P-256") { return KeyPair(EVP_EC_gen(curve)); }

  [[nodiscard]] std::string pkcs8() const {
    return written([&](BIO* out) {
      return PEM_write_bio_PKCS8PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  /// PKCS#1 or SEC1.
  [[nodiscard]] std::string traditional() const {
    return written([&](BIO* out) {
      return PEM_write_bio_PrivateKey_traditional(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  [[nodiscard]] std::string encrypted() const {
    return written([&](BIO* out) {
      return PEM_write_bio_PKCS8PrivateKey(out, key_.get(), EVP_aes_256_cbc(), "passphrase", 10, nullptr,
                                           nullptr);
    });
  }
  [[nodiscard]] std::string traditional_encrypted() const {
    std::string phrase = "passphrase";
    return written([&](BIO* out) {
      return PEM_write_bio_PrivateKey_traditional(out, key_.get(), EVP_aes_128_cbc(),
                                                  reinterpret_cast<unsigned char*>(phrase.data()), 10,
                                                  nullptr, nullptr);
    });
  }
  [[nodiscard]] std::string public_pem() const {
    return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
  }

  /// `more`: further members, each with a comma after it: `"kid":"k1",`.
  [[nodiscard]] std::string jwk(const std::string& more = {}) const {
    std::string json = "{" + more + inner(public_jwk());
    if (is_rsa()) {
      for (const auto& [name, parameter] : rsa_private)
        json += ",\"" + std::string(name) + "\":\"" + number(parameter) + '"';
    } else {
      json += ",\"d\":\"" + number(OSSL_PKEY_PARAM_PRIV_KEY, coordinate_bytes()) + '"';
    }
    return json + '}';
  }
  [[nodiscard]] std::string public_jwk(const std::string& more = {}) const {
    if (is_rsa()) {
      return "{" + more + "\"kty\":\"RSA\",\"n\":\"" + number(OSSL_PKEY_PARAM_RSA_N) + "\",\"e\":\"" +
             number(OSSL_PKEY_PARAM_RSA_E) + "\"}";
    }
    const std::size_t bytes = coordinate_bytes();
    return "{" + more + "\"kty\":\"EC\",\"crv\":\"P-" + std::to_string(EVP_PKEY_get_bits(key_.get())) +
           "\",\"x\":\"" + number(OSSL_PKEY_PARAM_EC_PUB_X, bytes) + "\",\"y\":\"" +
           number(OSSL_PKEY_PARAM_EC_PUB_Y, bytes) + "\"}";
  }
  [[nodiscard]] bool is_rsa() const { return EVP_PKEY_is_a(key_.get(), "RSA") == 1; }
  /// A private or public number in base64url, as JWKs have it.
  [[nodiscard]] std::string number(const char* parameter, std::size_t bytes = 0) const {
    BIGNUM* raw = nullptr;
    require(EVP_PKEY_get_bn_param(key_.get(), parameter, &raw) == 1);
    if (bytes == 0) bytes = static_cast<std::size_t>(BN_num_bytes(raw));
    std::string text(bytes, '\0');
    BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(bytes));
    BN_free(raw);
    return to_base64url(text);
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct Name {
    const char* jwk;
    const char* openssl;
  };
  static constexpr std::array rsa_private = {
      Name{"d", OSSL_PKEY_PARAM_RSA_D},          Name{"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
      Name{"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    Name{"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
      Name{"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, Name{"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};

  explicit KeyPair(EVP_PKEY* key) : key_(key, Free{}) { require(key != nullptr); }
  static void require(bool good) {
    if (!good) throw std::runtime_error("key pair: OpenSSL cannot");
  }
  [[nodiscard]] std::size_t coordinate_bytes() const {
    return (static_cast<std::size_t>(EVP_PKEY_get_bits(key_.get())) + 7) / 8;
  }
  static std::string inner(const std::string& object) { return object.substr(1, object.size() - 2); }
  template <class F>
  static std::string written(F write) {
    BIO* out = BIO_new(BIO_s_mem());
    require(write(out) == 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
  }

  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace logzio_okta::test
