#include "shell/settings/signing_key.hpp"

#include <algorithm>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"

#include "catch.hpp"
#include "sandbox/jws_verifier.hpp"
#include "tools/key_pair.hpp"

namespace logzio_okta {
namespace {

using test::KeyPair;

const KeyPair& rsa() {
  static const KeyPair pair = KeyPair::rsa();
  return pair;
}
const KeyPair& p256() {
  static const KeyPair pair = KeyPair::ec();
  return pair;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Reads it, and has its signature verified by other code.
SigningKey works(const std::string& text, const KeyPair& pair, std::string_view algorithm) {
  Result<SigningKey> key = SigningKey::read(text);
  INFO((key ? std::string() : key.error().text));
  REQUIRE(key);
  CHECK(key->algorithm() == algorithm);
  const Secret jwt = key->jwt(assertion_header(key->algorithm(), key->id()), R"({"iss":"0oa"})");
  const std::string whole(jwt.expose());
  const std::size_t dot = whole.rfind('.');
  const auto signature = decode_base64url(whole.substr(dot + 1));
  REQUIRE(signature);
  CHECK(sandbox::verifies(algorithm, pair.public_jwk(), whole.substr(0, dot), *signature));
  CHECK_FALSE(sandbox::verifies(algorithm, pair.public_jwk(), whole.substr(1, dot - 1), *signature));
  return std::move(*key);
}

std::string refuses(const std::string& text) {
  const Result<SigningKey> key = SigningKey::read(text);
  REQUIRE_FALSE(key);
  // Nothing of what was given may be in it.
  for (std::size_t i = 0; i + 24 <= text.size(); ++i) {
    const std::string_view piece = std::string_view(text).substr(i, 24);
    if (piece.find_first_of(" -\"") == std::string_view::npos) CHECK_FALSE(key.error().text.contains(piece));
  }
  CHECK_FALSE(key.error().text.contains('\n'));
  return key.error().text;
}

// ---- What works

TEST_CASE("signing key: RSA as PKCS#8, PKCS#1 and JWK, told apart by itself") {
  const std::string thumbprint = works(rsa().pkcs8(), rsa(), "RS256").thumbprint();
  CHECK(works(rsa().traditional(), rsa(), "RS256").thumbprint() == thumbprint);
  const SigningKey jwk = works(rsa().jwk(R"("kid":"k1","use":"sig","alg":"RS256",)"), rsa(), "RS256");
  CHECK(jwk.thumbprint() == thumbprint);
  CHECK(jwk.id() == "k1");
  works(rsa().jwk(R"("alg":"RS512",)"), rsa(), "RS512");
  works(rsa().jwk(R"("alg":"RS384",)"), rsa(), "RS384");
}

TEST_CASE("signing key: EC on each of Okta's curves as PKCS#8, SEC1 and JWK") {
  struct Curve {
    const char* name;
    const char* algorithm;
  };
  for (const auto& [name, algorithm] :
       {Curve{"P-256", "ES256"}, Curve{"P-384", "ES384"}, Curve{"P-521", "ES512"}}) {
    const KeyPair pair = KeyPair::ec(name);
    works(pair.pkcs8(), pair, algorithm);
    works(pair.traditional(), pair, algorithm);
    for (int i = 0; i < 8; ++i) works(pair.jwk(), pair, algorithm);  // Numbers with zeros in front.
  }
}

TEST_CASE("signing key: a JWK without its primes works as well") {
  const std::string jwk =
      R"({"kty":"RSA","n":")" + rsa().number("n") + R"(","e":"AQAB","d":")" + rsa().number("d") + "\"}";
  works(jwk, rsa(), "RS256");
}

TEST_CASE("signing key: the one private key of a JWKS is taken") {
  const std::string others = KeyPair::ec().public_jwk();
  const SigningKey key =
      works(R"({"keys":[)" + others + ", " + rsa().jwk(R"("kid":"mine",)") + "]}", rsa(), "RS256");
  CHECK(key.id() == "mine");
}

TEST_CASE("signing key: what happens to keys on their way is forgiven") {
  const std::string pem = rsa().pkcs8();
  works(replaced(pem, "\n", "\\n"), rsa(), "RS256");
  works(replaced(pem, "\n", " "), rsa(), "RS256");
  works(replaced(pem, "\n", ""), rsa(), "RS256");
  works(replaced(pem, "\n", "\r\n"), rsa(), "RS256");
  works("\xEF\xBB\xBF\n  " + pem + "\n\n", rsa(), "RS256");
  works("Bag Attributes\n    friendlyName: okta\n" + pem, rsa(), "RS256");
  const std::string jwk = rsa().jwk(R"("kid":"k1",)");
  works(replaced(jwk, ",", ",\\n "), rsa(), "RS256");
  works(replaced(jwk, "\"", "\\\""), rsa(), "RS256");
  works(replaced(jwk, "\"n\":\"", "\"n\" : \"\n  "), rsa(), "RS256");
  works(
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + p256().traditional(),
      p256(), "ES256");
}

TEST_CASE("signing key: one that is made in memory signs as one that was read") {
  for (const bool ec : {true, false}) {
    const SigningKey key = ec ? SigningKey::make_ec() : SigningKey::make_rsa();
    const Secret jwt = key.jwt(proof_header(key.algorithm(), key.public_jwk()), "{}");
    const std::string whole(jwt.expose());
    const std::size_t dot = whole.rfind('.');
    CHECK(key.algorithm() == (ec ? "ES256" : "RS256"));
    CHECK(sandbox::verifies(key.algorithm(), key.public_jwk(), whole.substr(0, dot),
                            *decode_base64url(whole.substr(dot + 1))));
    for (const char* member : {"\"d\"", "\"p\"", "\"q\""}) CHECK_FALSE(key.public_jwk().contains(member));
    CHECK(key.thumbprint() == base64url(sandbox::sha256_of(key.public_jwk())));
  }
}

// ---- What cannot work, and what to do

TEST_CASE("signing key: the public half says that it is one") {
  for (const std::string& text : {rsa().public_pem(), p256().public_pem(), rsa().public_jwk(),
                                  R"({"keys":[)" + p256().public_jwk() + "]}"})
    CHECK(refuses(text).contains("public half"));
}

TEST_CASE("signing key: an encrypted one says how to decrypt it, and no passphrase is asked for") {
  CHECK(refuses(rsa().encrypted()).contains("openssl pkey -in"));
  CHECK(refuses(p256().traditional_encrypted()).contains("openssl pkey -in"));
  CHECK(refuses("-----BEGIN OPENSSH PRIVATE"
                " KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n")
            .contains("ssh-keygen"));
}

TEST_CASE("signing key: one that is too short, or on a curve or for a use that Okta does not take") {
  const KeyPair small = KeyPair::rsa(1024);
  CHECK(refuses(small.pkcs8()).contains("has 1024 bits"));
  CHECK(refuses(small.jwk()).contains("has 1024 bits"));
  CHECK(refuses(KeyPair::ec("secp256k1").pkcs8()).contains("P-256, P-384 or P-521"));
  CHECK(refuses(replaced(p256().jwk(), "P-256", "secp256k1")).contains("P-256, P-384 or P-521"));
  CHECK(refuses(rsa().jwk(R"("use":"enc",)")).contains("for encryption"));
  CHECK(refuses(rsa().jwk(R"("alg":"PS256",)")).contains("Okta does not accept"));
  CHECK(refuses(p256().jwk(R"("alg":"ES384",)")).contains("Okta does not accept"));
  CHECK(refuses(R"({"kty":"oct","k":"AAAA"})").contains("shared secret"));
  CHECK(refuses(R"({"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"})").contains("neither RSA nor EC"));
}

TEST_CASE("signing key: two private keys are one too many") {
  CHECK(refuses(rsa().pkcs8() + p256().pkcs8()).contains("2 private keys"));
  CHECK(refuses(R"({"keys":[)" + rsa().jwk() + "," + p256().jwk() + "]}").contains("2 private keys"));
}

TEST_CASE("signing key: a mangled one is detected before it is used") {
  // One letter in the middle of a number.
  const auto mangled = [](std::string text, std::string_view behind) {
    const std::size_t at = text.find(behind) + behind.size() + 10;
    text[at] = text[at] == 'A' ? 'B' : 'A';
    return text;
  };
  const std::string jwk = rsa().jwk();
  // With one wrong prime or exponent OpenSSL only signs more slowly; with a wrong modulus, or two wrong
  // numbers, not at all.
  CHECK(refuses(mangled(jwk, "\"n\":\"")).contains("damaged"));
  CHECK(refuses(mangled(mangled(jwk, "\"d\":\""), "\"dp\":\"")).contains("damaged"));
  for (const char* member : {"\"d\":\"", "\"x\":\"", "\"y\":\""}) {
    CAPTURE(member);
    CHECK(refuses(mangled(p256().jwk(), member)).contains("damaged"));
  }
  const std::string pem = rsa().pkcs8();
  CHECK(refuses(pem.substr(0, pem.size() / 2)).contains("incomplete"));
  CHECK(refuses(replaced(pem, pem.substr(400, 66), "")).contains("damaged"));
  CHECK(refuses(jwk.substr(0, jwk.size() - 30)).contains("incomplete"));
  CHECK(refuses(replaced(jwk, "\"d\":\"", "\"d\":\"*")).contains("\"d\" is missing or not base64url"));
}

TEST_CASE("signing key: the error for what is not a key says what to write") {
  CHECK(refuses("").contains("no private key"));
  CHECK(refuses("00AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCd")
            .contains("BEGIN PRIVATE"
                      " KEY"));
  CHECK(refuses("{\"a\":1}").contains("\"kty\""));
  CHECK(refuses("\"" + rsa().pkcs8() + "\"").contains("quotes"));
  CHECK(refuses(R"({"keys":[]})").contains("no key"));
}

TEST_CASE("signing key: each id is another") {
  CHECK(random_id().size() == 22);
  CHECK(random_id() != random_id());
}

}  // namespace
}  // namespace logzio_okta
