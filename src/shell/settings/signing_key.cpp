#include "shell/settings/signing_key.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"

namespace logzio_okta {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Release<BN_clear_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Release<ECDSA_SIG_free>>;

struct Curve {
  std::string_view jwk;  ///< As JWK names it,
  const char* openssl;   ///< and OpenSSL.
  std::string_view algorithm;
  std::size_t number_bytes;
};
constexpr std::array curves = {Curve{"P-256", "prime256v1", "ES256", 32},
                               Curve{"P-384", "secp384r1", "ES384", 48},
                               Curve{"P-521", "secp521r1", "ES512", 66}};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* digest_of(std::string_view algorithm) {
  if (algorithm.ends_with("384")) return EVP_sha384();
  return algorithm.ends_with("512") ? EVP_sha512() : EVP_sha256();
}

Number number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  return EVP_PKEY_get_bn_param(key, name, &number) == 1 ? Number(number) : nullptr;
}

std::string big_endian(const BIGNUM* number, std::size_t bytes) {
  std::string text(bytes, '\0');
  CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(bytes)) >= 0);
  return text;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string hash(32, '\0');
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()), &size,
                   EVP_sha256(), nullptr) == 1 &&
        size == hash.size());
  return hash;
}

std::string random_id() {
  std::array<char, 16> bytes{};
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) == 1);
  return base64url({bytes.data(), bytes.size()});
}

void SigningKey::Free::operator()(EVP_PKEY* key) const {
  EVP_PKEY_free(key);
}

SigningKey SigningKey::make_ec() {
  Result<SigningKey> key = adopt(Handle(EVP_EC_gen("P-256")));
  CHECK(key.has_value());
  return std::move(*key);
}

SigningKey SigningKey::make_rsa() {
  Result<SigningKey> key = adopt(Handle(EVP_RSA_gen(limits::rsa_bits_min)));
  CHECK(key.has_value());
  return std::move(*key);
}

Result<SigningKey> SigningKey::adopt(Handle handle) {
  constexpr const char* damaged = "; copy all of it again from where it was made";
  if (!handle) return fail(std::string("the private key is damaged and cannot be read") + damaged);
  SigningKey key;
  key.handle_ = std::move(handle);
  const bool rsa = EVP_PKEY_is_a(key.handle_.get(), "RSA") == 1;
  if (!rsa && EVP_PKEY_is_a(key.handle_.get(), "EC") != 1)
    return fail(
        "the private key is neither RSA nor EC, the only types that Okta accepts; make one in the app in "
        "Okta");
  if (Result<void> known = rsa ? key.describe_rsa() : key.describe_ec(); !known)
    return std::unexpected(std::move(known.error()));
  if (!key.verifies_itself()) {
    return fail(std::string("the private key is damaged: its public half does not verify what it signs") +
                damaged);
  }
  return key;
}

Result<void> SigningKey::describe_rsa() {
  const auto bits = static_cast<std::size_t>(EVP_PKEY_get_bits(handle_.get()));
  if (bits < limits::rsa_bits_min || bits > limits::rsa_bits_max) {
    return fail("the RSA key has " + std::to_string(bits) + " bits; make one of " +
                std::to_string(limits::rsa_bits_min) + " to " + std::to_string(limits::rsa_bits_max) +
                " bits and put its public half into the app in Okta");
  }
  const Number modulus = number_of(handle_.get(), OSSL_PKEY_PARAM_RSA_N);
  const Number exponent = number_of(handle_.get(), OSSL_PKEY_PARAM_RSA_E);
  if (!modulus || !exponent) return fail("the RSA key has no modulus or exponent; copy all of it again");
  const auto text = [](const Number& number) {
    return base64url(big_endian(number.get(), static_cast<std::size_t>(BN_num_bytes(number.get()))));
  };
  algorithm_ = "RS256";
  public_jwk_ = canonical_rsa_jwk(text(modulus), text(exponent));
  return {};
}

Result<void> SigningKey::describe_ec() {
  std::array<char, 80> group{};
  const bool named = EVP_PKEY_get_utf8_string_param(handle_.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                                    group.size(), nullptr) == 1;
  const auto curve = std::ranges::find_if(
      curves, [&](const Curve& each) { return named && std::string_view(group.data()) == each.openssl; });
  const Number x = number_of(handle_.get(), OSSL_PKEY_PARAM_EC_PUB_X);
  const Number y = number_of(handle_.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
  if (curve == curves.end() || !x || !y) {
    return fail(
        "the EC key is on a curve that Okta does not accept; make a key on P-256, P-384 or P-521 and put its "
        "public half into the app in Okta");
  }
  algorithm_ = curve->algorithm;
  number_bytes_ = curve->number_bytes;
  public_jwk_ = canonical_ec_jwk(curve->jwk, base64url(big_endian(x.get(), number_bytes_)),
                                 base64url(big_endian(y.get(), number_bytes_)));
  return {};
}

std::string SigningKey::thumbprint() const {
  return base64url(sha256(public_jwk_));
}

std::string SigningKey::sign(std::string_view text) const {
  const Digest digest(EVP_MD_CTX_new());
  std::size_t size = 0;
  std::string signature;
  // Fails if the key's numbers are impossible, which adopt() detects.
  if (EVP_DigestSignInit(digest.get(), nullptr, digest_of(algorithm_), nullptr, handle_.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, bytes_of(text), text.size()) != 1) {
    return {};
  }
  signature.resize(size);
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(text),
                     text.size()) != 1) {
    return {};
  }
  signature.resize(size);
  if (number_bytes_ == 0) return signature;
  const unsigned char* der = bytes_of(signature);
  const EcSignature numbers(d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size)));
  CHECK(numbers != nullptr);
  return big_endian(ECDSA_SIG_get0_r(numbers.get()), number_bytes_) +
         big_endian(ECDSA_SIG_get0_s(numbers.get()), number_bytes_);
}

bool SigningKey::verifies_itself() const {
  constexpr std::string_view message = "logzio-okta signs and verifies this once";
  std::string signature = sign(message);
  ERR_clear_error();
  if (signature.empty()) return false;
  if (number_bytes_ > 0) {  // Back to DER.
    const EcSignature numbers(ECDSA_SIG_new());
    CHECK(ECDSA_SIG_set0(
              numbers.get(), BN_bin2bn(bytes_of(signature), static_cast<int>(number_bytes_), nullptr),
              BN_bin2bn(bytes_of(signature) + number_bytes_, static_cast<int>(number_bytes_), nullptr)) == 1);
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(numbers.get(), &der);
    CHECK(size > 0);
    signature.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  const Digest digest(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(digest.get(), nullptr, digest_of(algorithm_), nullptr, handle_.get()) == 1 &&
      EVP_DigestVerify(digest.get(), bytes_of(signature), signature.size(), bytes_of(message),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

Secret SigningKey::jwt(std::string_view header, std::string_view claims) const {
  std::string input = signing_input(header, claims);
  std::string signature = sign(input);
  CHECK(!signature.empty());
  std::string whole;
  whole.reserve(input.size() + 1 + (signature.size() * 4 + 2) / 3);
  whole.append(input).append(".").append(base64url(signature));
  wipe(input);
  wipe(signature);
  return Secret(std::move(whole));
}

}  // namespace logzio_okta
