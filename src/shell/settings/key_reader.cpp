// Reads a private key in the forms that people have: SigningKey::read().
#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/member.hpp"

#include "shell/settings/secret_file.hpp"
#include "shell/settings/signing_key.hpp"

namespace logzio_okta {
namespace {

constexpr const char* what_is_read =
    "write it as Okta's console shows it when the key is made: a JWK, {\"kty\":...}, or a PEM, whose "
    "first line says BEGIN PRIVATE"
    " KEY";
constexpr const char* public_half =
    "this is the public half of the key; use the private one, which Okta's console shows once, when the key "
    "is made";
constexpr const char* cut_off = "the private key is incomplete; copy all of it again";
constexpr const char* encrypted =
    "the private key is encrypted, and a daemon cannot ask for its passphrase; decrypt it: openssl pkey -in "
    "FILE -out NEW_FILE";

struct ParamsFree {
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
struct BuildFree {
  void operator()(OSSL_PARAM_BLD* build) const { OSSL_PARAM_BLD_free(build); }
};
struct ContextFree {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct NumberFree {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};

/// "\n" written as two characters becomes white space, as it occurs in environment variables. Works in place;
/// the text never grows.
void take_off_escapes(std::string& text) {
  auto to = text.begin();
  for (auto from = text.begin(); from != text.end(); ++from) {
    if (*from == '\\' && std::next(from) != text.end()) {
      const char escaped = *++from;
      *to++ = escaped == 'n' || escaped == 'r' || escaped == 't' || ascii::is_space(escaped) ? ' ' : escaped;
    } else {
      *to++ = *from;
    }
  }
  std::fill(to, text.end(), ' ');
}

}  // namespace

class KeyReader {
 public:
  using Handle = SigningKey::Handle;

  static Result<SigningKey> read(std::string_view given) {
    const Result<std::string_view> bare = bare_credential(given);
    if (!bare) return std::unexpected(bare.error());
    if (bare->empty()) return fail(std::string("there is no private key; ") + what_is_read);
    std::string text(*bare);
    take_off_escapes(text);
    Result<SigningKey> key = ascii::trim(text).starts_with('{') ? read_json(ascii::trim(text))
                             : text.contains("-----BEGIN ")
                                 ? read_pem(text)
                                 : fail(std::string("this is not a private key; ") + what_is_read);
    wipe(text);
    ERR_clear_error();
    return key;
  }

 private:
  // ---- PEM

  struct Block {
    std::string_view label;
    std::string_view body;
  };

  static Result<SigningKey> read_pem(std::string_view text) {
    const Result<std::vector<Block>> blocks = blocks_of(text);
    if (!blocks) return std::unexpected(blocks.error());
    std::vector<Block> keys;
    bool other_half = false;
    for (const Block& block : *blocks) {
      if (block.label == "ENCRYPTED PRIVATE KEY" || block.body.contains("ENCRYPTED")) return fail(encrypted);
      if (block.label == "OPENSSH PRIVATE KEY") {
        return fail(
            "the private key is in OpenSSH's own format; convert it: ssh-keygen -p -m PKCS8 -f FILE, with an "
            "empty passphrase");
      }
      other_half = other_half || block.label.ends_with("PUBLIC KEY") || block.label.ends_with("CERTIFICATE");
      if (block.label.ends_with("PRIVATE KEY")) keys.push_back(block);
    }
    if (keys.empty())
      return fail(other_half ? std::string(public_half)
                             : std::string("this PEM has no private key; ") + what_is_read);
    if (keys.size() > 1) return fail("there are " + std::to_string(keys.size()) + " private keys; keep one");
    auto der = decode_any_base64(keys.front().body);
    if (!der) return fail("the private key is damaged: its PEM is not base64; copy all of it again");
    const auto* bytes = reinterpret_cast<const unsigned char*>(der->data());
    Handle handle(d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(der->size())));
    wipe(*der);
    return SigningKey::adopt(std::move(handle));
  }

  static Result<std::vector<Block>> blocks_of(std::string_view text) {
    constexpr std::string_view begin = "-----BEGIN ";
    constexpr std::string_view dashes = "-----";
    std::vector<Block> blocks;
    for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin)) {
      text.remove_prefix(at + begin.size());
      const std::size_t label_end = text.find(dashes);
      if (label_end == std::string_view::npos) return fail(cut_off);
      Block block{.label = ascii::trim(text.substr(0, label_end)), .body = {}};
      text.remove_prefix(label_end + dashes.size());
      const std::size_t end = text.find("-----END ");
      if (end == std::string_view::npos) return fail(cut_off);
      block.body = text.substr(0, end);
      blocks.push_back(block);
      text.remove_prefix(end);
    }
    return blocks;
  }

  // ---- JWK

  static Result<SigningKey> read_json(std::string_view text) {
    std::string_view keys;
    if (!text.ends_with('}')) return fail(cut_off);
    if (!find_member(text, "keys", keys)) return read_jwk(text);
    std::vector<std::string_view> private_keys;
    std::size_t all = 0;
    for (const std::string_view jwk : objects_of(keys)) {
      ++all;
      if (has_member(jwk, "d")) private_keys.push_back(jwk);
    }
    if (all == 0) return fail(std::string("this JWKS has no key; ") + what_is_read);
    if (private_keys.empty()) return fail(public_half);
    if (private_keys.size() > 1) {
      return fail("there are " + std::to_string(private_keys.size()) +
                  " private keys in this JWKS; keep the one that the app in Okta has");
    }
    return read_jwk(private_keys.front());
  }

  /// The objects of an array, one level down.
  static std::vector<std::string_view> objects_of(std::string_view array) {
    std::vector<std::string_view> objects;
    std::size_t begin = 0;
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (array[i] == '"') quoted = !quoted;
      if (quoted) continue;
      if (array[i] == '{' && depth++ == 0) begin = i;
      if (array[i] == '}' && --depth == 0) objects.push_back(array.substr(begin, i + 1 - begin));
    }
    return objects;
  }

  static Result<SigningKey> read_jwk(std::string_view jwk) {
    const std::string type = text_of(jwk, "kty");
    const std::string algorithm = text_of(jwk, "alg");
    if (type.empty())
      return fail(std::string("this JSON has no \"kty\", so it is not a JWK; ") + what_is_read);
    if (type == "oct") {
      return fail(
          "this is a shared secret (\"kty\":\"oct\"), but a service app signs with a key pair: make one in "
          "the app in Okta, under General, Client Credentials, Public key / Private key");
    }
    if (type != "RSA" && type != "EC")
      return fail(
          "the private key is neither RSA nor EC, the only types that Okta accepts; make one in the app in "
          "Okta");
    if (text_of(jwk, "use") == "enc")
      return fail("this key is for encryption (\"use\":\"enc\"); use the one for signing");
    if (!has_member(jwk, "d")) return fail(public_half);
    Result<SigningKey> key = type == "RSA" ? read_rsa(jwk) : read_ec(jwk);
    if (!key) return key;
    key->id_ = text_of(jwk, "kid");
    if (algorithm.empty() || algorithm == key->algorithm_) return key;
    if (type == "RSA" && (algorithm == "RS384" || algorithm == "RS512")) {
      key->algorithm_ = algorithm;
      return key;
    }
    return fail(
        "this key is for an algorithm (\"alg\") that Okta does not accept: an RSA key needs RS256, RS384 or "
        "RS512, an EC key ES256, ES384 or ES512, depending on its curve");
  }

  /// A string member that is an identifier; else empty.
  static std::string text_of(std::string_view jwk, std::string_view name) {
    std::string_view raw;
    if (!find_member(jwk, name, raw) || raw.size() < 2 || raw.front() != '"' || raw.back() != '"') return {};
    const std::string_view text = ascii::trim(raw.substr(1, raw.size() - 2));
    const bool visible = std::ranges::all_of(text, [](char c) { return c == ' ' || ascii::is_visible(c); });
    return text.size() <= limits::nonce_bytes_max && visible ? std::string(text) : std::string();
  }

  /// A number, big endian; empty if missing.
  static Secret number_of(std::string_view jwk, const char* name) {
    std::string_view raw;
    if (!find_member(jwk, name, raw) || raw.size() < 2 || raw.front() != '"') return {};
    auto bytes = decode_any_base64(raw.substr(1, raw.size() - 2));
    return bytes ? Secret(std::move(*bytes)) : Secret();
  }

  class Params {
   public:
    Params() : build_(OSSL_PARAM_BLD_new()) { CHECK(build_ != nullptr); }
    void add(const char* name, const Secret& number) {
      const std::string_view bytes = number.expose();
      numbers_.emplace_back(BN_secure_new());
      CHECK(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                      numbers_.back().get()) != nullptr);
      CHECK(OSSL_PARAM_BLD_push_BN(build_.get(), name, numbers_.back().get()) == 1);
    }
    void add_text(const char* name, const char* text) {
      CHECK(OSSL_PARAM_BLD_push_utf8_string(build_.get(), name, text, 0) == 1);
    }
    void add_bytes(const char* name, std::string_view bytes) {
      CHECK(OSSL_PARAM_BLD_push_octet_string(build_.get(), name, bytes.data(), bytes.size()) == 1);
    }
    /// Nothing if OpenSSL cannot make a key of it.
    [[nodiscard]] Handle key(const char* type) {
      const std::unique_ptr<OSSL_PARAM, ParamsFree> params(OSSL_PARAM_BLD_to_param(build_.get()));
      const std::unique_ptr<EVP_PKEY_CTX, ContextFree> context(
          EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
      CHECK(params != nullptr && context != nullptr);
      EVP_PKEY* made = nullptr;
      const bool good = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()) == 1;
      Handle handle(made);
      return good ? std::move(handle) : Handle();
    }

   private:
    std::unique_ptr<OSSL_PARAM_BLD, BuildFree> build_;
    std::vector<std::unique_ptr<BIGNUM, NumberFree>> numbers_;
  };

  static std::unexpected<Error> damaged(const char* member) {
    return fail("the private key is damaged: \"" + std::string(member) +
                "\" is missing or not base64url; copy all of it again");
  }

  static Result<SigningKey> read_rsa(std::string_view jwk) {
    struct Name {
      const char* jwk;
      const char* openssl;
    };
    static constexpr std::array required = {
        Name{"n", OSSL_PKEY_PARAM_RSA_N}, Name{"e", OSSL_PKEY_PARAM_RSA_E}, Name{"d", OSSL_PKEY_PARAM_RSA_D}};
    // Without them it works, nine times slower; with only some of them, OpenSSL fails.
    static constexpr std::array primes = {
        Name{"p", OSSL_PKEY_PARAM_RSA_FACTOR1}, Name{"q", OSSL_PKEY_PARAM_RSA_FACTOR2},
        Name{"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1}, Name{"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2},
        Name{"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    Params params;
    for (const auto& [name, parameter] : required) {
      const Secret number = number_of(jwk, name);
      if (number.empty() || number.expose().size() > 2 * limits::rsa_bits_max / 8) return damaged(name);
      params.add(parameter, number);
    }
    const bool has_primes =
        std::ranges::all_of(primes, [&](const Name& each) { return has_member(jwk, each.jwk); });
    for (const auto& [name, parameter] : primes) {
      if (!has_primes) break;
      const Secret number = number_of(jwk, name);
      if (number.empty() || number.expose().size() > limits::rsa_bits_max / 8) return damaged(name);
      params.add(parameter, number);
    }
    return SigningKey::adopt(params.key("RSA"));
  }

  static Result<SigningKey> read_ec(std::string_view jwk) {
    struct Curve {
      std::string_view name;
      const char* openssl;
      std::size_t bytes;
    };
    static constexpr std::array curves = {Curve{"P-256", "prime256v1", 32}, Curve{"P-384", "secp384r1", 48},
                                          Curve{"P-521", "secp521r1", 66}};
    const auto curve = std::ranges::find(curves, text_of(jwk, "crv"), &Curve::name);
    if (curve == curves.end()) {
      return fail(
          "the EC key is on a curve that Okta does not accept; make a key on P-256, P-384 or P-521 and put "
          "its public half into the app in Okta");
    }
    std::string point(1, '\x04');  // Both numbers, uncompressed.
    for (const char* name : {"x", "y"}) {
      const Secret number = number_of(jwk, name);
      if (number.empty() || number.expose().size() > curve->bytes) return damaged(name);
      point.append(curve->bytes - number.expose().size(), '\0').append(number.expose());
    }
    const Secret number = number_of(jwk, "d");
    if (number.empty() || number.expose().size() > curve->bytes) return damaged("d");
    Params params;
    params.add_text(OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl);
    params.add_bytes(OSSL_PKEY_PARAM_PUB_KEY, point);
    params.add(OSSL_PKEY_PARAM_PRIV_KEY, number);
    return SigningKey::adopt(params.key("EC"));
  }
};

Result<SigningKey> SigningKey::read(std::string_view text) {
  return KeyReader::read(text);
}

}  // namespace logzio_okta
