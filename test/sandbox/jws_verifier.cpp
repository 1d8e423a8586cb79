#include "sandbox/jws_verifier.hpp"

#include <memory>
#include <optional>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "model/json.hpp"
#include "model/token_endpoint.hpp"

namespace logzio_okta::sandbox {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Release<BN_free>>;
using Context = std::unique_ptr<BN_CTX, Release<BN_CTX_free>>;
using Group = std::unique_ptr<EC_GROUP, Release<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Release<EC_POINT_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_in(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::optional<std::string> member_of(const model::Object& jwk, std::string_view name) {
  const auto text = jwk.text(name);
  return text ? model::from_base64url(*text) : std::nullopt;
}

struct Hash {
  std::string bytes;
  std::string_view prefix;  // DER: how a PKCS#1 signature says which hash it is (RFC 8017 section 9.2).
};

std::optional<Hash> hash_for(std::string_view algorithm, std::string_view input) {
  using namespace std::string_view_literals;
  Hash hash;
  unsigned size = 0;
  const EVP_MD* digest = nullptr;
  if (algorithm.ends_with("256")) {
    digest = EVP_sha256();
    hash.prefix = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"sv;
  } else if (algorithm.ends_with("384")) {
    digest = EVP_sha384();
    hash.prefix = "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"sv;
  } else if (algorithm.ends_with("512")) {
    digest = EVP_sha512();
    hash.prefix = "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"sv;
  } else {
    return std::nullopt;
  }
  hash.bytes.resize(64);
  EVP_Digest(input.data(), input.size(), reinterpret_cast<unsigned char*>(hash.bytes.data()), &size, digest,
             nullptr);
  hash.bytes.resize(size);
  return hash;
}

// s^e mod n is 00 01 ff ... ff 00 and then the hash, to the last byte.
bool verifies_rsa(const Hash& hash, const model::Object& jwk, std::string_view signature) {
  const auto n = member_of(jwk, "n");
  const auto e = member_of(jwk, "e");
  if (!n || !e || n->size() < 256 || signature.size() != n->size()) return false;
  const Context context(BN_CTX_new());
  const Number power(BN_new());
  if (BN_mod_exp(power.get(), number_in(signature).get(), number_in(*e).get(), number_in(*n).get(),
                 context.get()) != 1) {
    return false;
  }
  std::string found(n->size(), '\0');
  if (BN_bn2binpad(power.get(), reinterpret_cast<unsigned char*>(found.data()),
                   static_cast<int>(found.size())) < 0) {
    return false;
  }
  const std::string tail = std::string(1, '\0') + std::string(hash.prefix) + hash.bytes;
  std::string expected(1, '\0');
  expected += '\x01';
  expected.append(n->size() - 2 - tail.size(), '\xff').append(tail);
  return found == expected;
}

// x of (z/s) G + (r/s) Q is r modulo the group's order.
bool verifies_ec(std::string_view algorithm, const Hash& hash, const model::Object& jwk,
                 std::string_view signature) {
  const std::string_view curve = jwk.text("crv").value_or("");
  const int name = curve == "P-256" && algorithm == "ES256"   ? NID_X9_62_prime256v1
                   : curve == "P-384" && algorithm == "ES384" ? NID_secp384r1
                   : curve == "P-521" && algorithm == "ES512" ? NID_secp521r1
                                                              : NID_undef;
  const std::size_t bytes = curve == "P-256" ? 32 : curve == "P-384" ? 48 : 66;
  const auto x = member_of(jwk, "x");
  const auto y = member_of(jwk, "y");
  if (name == NID_undef || !x || !y || x->size() != bytes || y->size() != bytes ||
      signature.size() != 2 * bytes) {
    return false;
  }
  const Context context(BN_CTX_new());
  const Group group(EC_GROUP_new_by_curve_name(name));
  const Point key(EC_POINT_new(group.get()));
  if (EC_POINT_set_affine_coordinates(group.get(), key.get(), number_in(*x).get(), number_in(*y).get(),
                                      context.get()) != 1) {
    return false;
  }
  const BIGNUM* order = EC_GROUP_get0_order(group.get());
  const Number r = number_in(signature.substr(0, bytes));
  const Number s = number_in(signature.substr(bytes));
  if (BN_is_zero(r.get()) || BN_is_zero(s.get()) || BN_cmp(r.get(), order) >= 0 ||
      BN_cmp(s.get(), order) >= 0) {
    return false;
  }
  const Number z = number_in(hash.bytes);  // No longer than the order, for each of these pairs.
  const Number inverse(BN_mod_inverse(nullptr, s.get(), order, context.get()));
  const Number u1(BN_new());
  const Number u2(BN_new());
  BN_mod_mul(u1.get(), z.get(), inverse.get(), order, context.get());
  BN_mod_mul(u2.get(), r.get(), inverse.get(), order, context.get());
  const Point sum(EC_POINT_new(group.get()));
  const Number found(BN_new());
  if (EC_POINT_mul(group.get(), sum.get(), u1.get(), key.get(), u2.get(), context.get()) != 1 ||
      EC_POINT_get_affine_coordinates(group.get(), sum.get(), found.get(), nullptr, context.get()) != 1) {
    return false;
  }
  BN_nnmod(found.get(), found.get(), order, context.get());
  return BN_cmp(found.get(), r.get()) == 0;
}

}  // namespace

bool verifies(std::string_view algorithm, std::string_view public_jwk, std::string_view input,
              std::string_view signature) {
  const auto jwk = model::read_object(public_jwk);
  const auto hash = hash_for(algorithm, input);
  if (!jwk || !hash) return false;
  const std::string_view type = jwk->text("kty").value_or("");
  const bool good = type == "RSA" && algorithm.starts_with("RS") ? verifies_rsa(*hash, *jwk, signature)
                    : type == "EC" && algorithm.starts_with("ES")
                        ? verifies_ec(algorithm, *hash, *jwk, signature)
                        : false;
  ERR_clear_error();
  return good;
}

std::string sha256_of(std::string_view bytes) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(bytes_of(bytes), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

}  // namespace logzio_okta::sandbox
