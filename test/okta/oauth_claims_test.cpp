#include "logzio_okta/okta/oauth_claims.hpp"

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/okta/page.hpp"

#include "catch.hpp"

namespace logzio_okta {
namespace {

const WallTime okta_now = *parse_rfc3339("2026-11-23T12:00:00.900Z");  // 1795435200 s
const Origin acme{.scheme = "https", .host = "acme.okta.com", .port = 443};

TEST_CASE("oauth claims: an assertion is for the org's own token endpoint, and ends in five minutes") {
  CHECK(
      assertion_claims({.client_id = "0oa1", .origin = acme, .okta_now = okta_now, .id = "id-1"}) ==
      R"({"iss":"0oa1","sub":"0oa1","aud":"https://acme.okta.com/oauth2/v1/token","exp":1795435500,"jti":"id-1"})");
  CHECK(assertion_header("RS256", "") == R"({"alg":"RS256"})");
  CHECK(assertion_header("ES384", "k\"1") == R"({"alg":"ES384","kid":"k\"1"})");
}

TEST_CASE("oauth claims: a client id with a quote in it stays one string") {
  const std::string claims =
      assertion_claims({.client_id = "a\",\"sub\":\"b\\\n", .origin = acme, .okta_now = okta_now, .id = "1"});
  CHECK(is_strict_json_object(claims));
  CHECK(claims.starts_with(R"({"iss":"a\",\"sub\":\"b\\\u000a",)"));
}

TEST_CASE("oauth claims: a proof names method, scheme, host and path, and no query") {
  const Origin sandbox{.scheme = "http", .host = "127.0.0.1", .port = 9001};
  CHECK(
      proof_claims({.method = "GET",
                    .origin = sandbox,
                    .target = "/api/v1/logs?since=2026&limit=1000#x",
                    .okta_now = okta_now,
                    .id = "id-2",
                    .token_hash = "hash"}) ==
      R"({"htm":"GET","htu":"http://127.0.0.1:9001/api/v1/logs","iat":1795435198,"jti":"id-2","ath":"hash"})");
  CHECK(
      proof_claims({.method = "POST",
                    .origin = acme,
                    .target = token_path,
                    .okta_now = okta_now,
                    .id = "id-3",
                    .nonce = "n"}) ==
      R"({"htm":"POST","htu":"https://acme.okta.com/oauth2/v1/token","iat":1795435198,"jti":"id-3","nonce":"n"})");
  CHECK(proof_header("ES256", R"({"kty":"EC"})") == R"({"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC"}})");
}

TEST_CASE("oauth claims: what is signed are both parts with a dot between them") {
  CHECK(signing_input("{}", "{\"a\":1}") == base64url("{}") + "." + base64url("{\"a\":1}"));
}

// The example of RFC 7638 section 3.1, whose hash is NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs.
TEST_CASE("oauth claims: a public key has its members in the order of its thumbprint") {
  CHECK(canonical_rsa_jwk("0vx7", "AQAB") == R"({"e":"AQAB","kty":"RSA","n":"0vx7"})");
  CHECK(canonical_ec_jwk("P-256", "x1", "y1") == R"({"crv":"P-256","kty":"EC","x":"x1","y":"y1"})");
}

TEST_CASE("oauth claims: the form asks for the System Log's scope and nothing else") {
  CHECK(token_form("a.b.c") ==
        "grant_type=client_credentials&scope=okta.logs.read&client_assertion_type="
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=a.b.c");
}

}  // namespace
}  // namespace logzio_okta
