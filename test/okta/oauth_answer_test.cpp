#include "logzio_okta/okta/oauth_answer.hpp"

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

namespace logzio_okta {
namespace {

HttpAnswer answer(int status, std::string body, Headers headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

Result<TokenGrant> granted(std::string body) {
  HttpAnswer whole = answer(200, std::move(body));
  return read_token_grant(whole);
}

TokenRefusal refused(int status, std::string_view error, std::string_view description) {
  return read_token_refusal(answer(status, "{\"error\":\"" + std::string(error) +
                                               "\",\"error_description\":\"" + std::string(description) +
                                               "\"}"));
}

// ---- A token

TEST_CASE("oauth answer: a token, how it is used and how long it lives") {
  HttpAnswer whole = answer(
      200, R"({"token_type":"DPoP","expires_in":3600,"access_token":"eyJ.a-b_c","scope":"okta.logs.read"})");
  const auto grant = read_token_grant(whole);
  REQUIRE(grant);
  CHECK(grant->token.expose() == "eyJ.a-b_c");
  CHECK(grant->facts == TokenFacts{.scheme = TokenScheme::dpop, .life = 3600s});
  CHECK(whole.body.empty());
}

TEST_CASE("oauth answer: a token type is read in any case, a life as a string too, and without one assumed") {
  CHECK(granted(R"({"access_token":"t","token_type":"bearer","expires_in":"20"})")->facts ==
        TokenFacts{.scheme = TokenScheme::bearer, .life = 20s});
  CHECK(granted(R"({"access_token":"t","token_type":"Bearer"})")->facts.life == limits::token_life_assumed);
  CHECK(granted(R"({"access_token":"t","token_type":"Bearer","expires_in":99999999999999})")->facts.life ==
        limits::token_life_max);
}

TEST_CASE("oauth answer: members of what is inside count for nothing") {
  CHECK_FALSE(granted(R"({"a":{"access_token":"t","token_type":"Bearer"},"token_type":"Bearer"})"));
  CHECK(granted(R"({"access_token":"t","x":[{"token_type":"DPoP"}],"token_type":"Bearer"})")->facts.scheme ==
        TokenScheme::bearer);
}

TEST_CASE("oauth answer: a 200 that brings no usable token is an error that quotes nothing") {
  const std::string long_token(limits::token_bytes_max + 1, 't');
  for (const std::string& body :
       {std::string(), std::string("<html>"), std::string("[]"), std::string("\"eyJ\""), std::string("{}"),
        std::string(R"({"access_token":"sesame"})"),
        std::string(R"({"access_token":"sesame","token_type":"MAC"})"),
        std::string(R"({"access_token":"sesame\r\nX: y","token_type":"Bearer"})"),
        std::string(R"({"access_token":"","token_type":"Bearer"})"),
        std::string(R"({"access_token":"sesame","token_type":"Bearer","expires_in":0})"),
        std::string(R"({"access_token":"sesame","token_type":"Bearer"} trailing)"),
        "{\"access_token\":\"" + long_token + "\",\"token_type\":\"Bearer\"}"}) {
    CAPTURE(body.substr(0, 80));
    const auto grant = granted(body);
    REQUIRE_FALSE(grant);
    CHECK(grant.error().text.starts_with("Okta's token endpoint answered 200 "));
    CHECK_FALSE(grant.error().text.contains("sesame"));
    CHECK_FALSE(grant.error().text.contains("ttttt"));
  }
}

TEST_CASE("oauth answer: a token that came packed is unpacked, within bounds") {
  HttpAnswer whole =
      answer(200, gzip(R"({"access_token":"t","token_type":"Bearer"})"), {{"Content-Encoding", "gzip"}});
  CHECK(read_token_grant(whole));
  whole =
      answer(200, gzip(std::string(limits::token_answer_bytes_max + 1, ' ')), {{"Content-Encoding", "gzip"}});
  CHECK_FALSE(read_token_grant(whole));
}

// ---- A refusal

TEST_CASE(
    "oauth answer: a refusal is Okta's own if it is an OAuth error, one of its API, or has its request id") {
  CHECK(refused(401, "invalid_client", "x").of_okta);
  CHECK(read_token_refusal(answer(404, R"({"errorCode":"E0000007","errorSummary":"Not found"})")).of_okta);
  CHECK(read_token_refusal(answer(400, "", {{"X-Okta-Request-Id", "r"}})).of_okta);
  CHECK_FALSE(read_token_refusal(answer(403, "<html>Blocked</html>")).of_okta);
}

TEST_CASE("oauth answer: what a proxy repeats of our request is not repeated by us") {
  const std::string assertion = "eyJhbGciOiJSUzI1NiJ9eyJpc3MiOiIwb2ExIn0abcdefghijklmnopq";
  const auto html = read_token_refusal(answer(403, "<html>client_assertion=" + assertion + "</html>"));
  CHECK_FALSE(describe(html).contains("eyJhbGci"));
  const auto json = refused(400, "invalid_request", "bad client_assertion " + assertion);
  CHECK_FALSE(describe(json).contains("eyJhbGci"));
  CHECK(describe(json).starts_with("400 invalid_request: bad client_assertion [redacted]"));
}

TEST_CASE("oauth answer: a long reason is cut, and the request id survives") {
  const auto refusal = read_token_refusal(
      answer(401, "{\"error\":\"invalid_client\",\"error_description\":\"" + std::string(5000, '.') + "\"}",
             {{"X-Okta-Request-Id", "id17"}}));
  CHECK(describe(refusal).size() < 500);
  CHECK(describe(refusal).ends_with("(request id id17)"));
}

TEST_CASE("oauth answer: Okta's words say what is wrong and what to do") {
  struct Case {
    int status;
    const char* error;
    const char* description;
    TokenTrouble trouble;
    const char* cure;
  };
  const auto each = GENERATE(values<Case>({
      {400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", TokenTrouble::nonce, ""},
      {401, "invalid_client", "The client_assertion token is expired.", TokenTrouble::clock, "NTP"},
      {401, "invalid_client", "The client_assertion token has an expiration too far into the future.",
       TokenTrouble::clock, "NTP"},
      {401, "invalid_client", "The client_assertion token must be issued before current time.",
       TokenTrouble::clock, "NTP"},
      {400, "invalid_dpop_proof", "The DPoP proof JWT is issued in the future.", TokenTrouble::clock, "NTP"},
      {400, "invalid_dpop_proof", "The DPoP proof JWT was issued more than five minutes in the past.",
       TokenTrouble::clock, "NTP"},
      {400, "invalid_dpop_proof", "The DPoP proof JWT has already been used.", TokenTrouble::used, "proxy"},
      {400, "invalid_dpop_proof", "The DPoP proof JWT's signature algorithm is invalid.",
       TokenTrouble::proof_algorithm, "proxy"},
      {400, "invalid_dpop_proof", "The DPoP proof JWT header is missing.", TokenTrouble::proof_missing,
       "DPoP header"},
      {400, "invalid_dpop_proof", "The 'htu' claim in the DPoP proof JWT is invalid.", TokenTrouble::proof,
       "proxy"},
      {400, "invalid_request", "The client is not configured to use DPoP.", TokenTrouble::proof_unwanted,
       "proxy"},
      {401, "invalid_client", "The issuer claim of the client_assertion is not a valid client_id.",
       TokenTrouble::client, "okta_client_id"},
      {401, "invalid_client",
       "The audience claim for client_assertion must be the endpoint invoked for the request.",
       TokenTrouble::client, "okta_domain"},
      {401, "invalid_client", "The client_assertion signature is invalid.", TokenTrouble::client,
       "the public key of the key"},
      {401, "invalid_client", "The client must use private_key_jwt.", TokenTrouble::client,
       "Public key / Private key"},
      {400, "invalid_scope", "One or more scopes are not configured.", TokenTrouble::scope, "okta.logs.read"},
      {400, "consent_required", "You are not allowed any of the requested scopes.", TokenTrouble::scope,
       "okta.logs.read"},
      {403, "access_denied", "Policy evaluation failed for this request.", TokenTrouble::zone,
       "network zone"},
      {400, "unsupported_grant_type", "The grant type is not supported.", TokenTrouble::other, "report"},
      {429, "slow_down", "", TokenTrouble::limited, "Rate limits"},
      {503, "server_error", "", TokenTrouble::outage, "status.okta.com"},
  }));
  CAPTURE(each.description);
  const TokenRefusal refusal = refused(each.status, each.error, each.description);
  CHECK(trouble_of(refusal) == each.trouble);
  const std::string cure = cure_of(refusal, "the key abc");
  CHECK(cure.contains(each.cure));
  CHECK(cure.empty() == std::string_view(each.cure).empty());
}

TEST_CASE("oauth answer: an answer from something other than Okta says nothing about the credential") {
  for (const int status : {301, 400, 401, 403, 404, 502})
    CHECK(trouble_of(read_token_refusal(answer(status, "<html></html>"))) == TokenTrouble::outage);
  CHECK(trouble_of(read_token_refusal(
            answer(404, R"({"errorCode":"E0000007","errorSummary":"Not found"})"))) == TokenTrouble::no_org);
}

// ---- The System Log

HttpAnswer challenged(int status, std::string challenge) {
  return answer(status, "", {{"WWW-Authenticate", std::move(challenge)}});
}

TEST_CASE("oauth answer: a challenge of the System Log says whether token or proof is meant") {
  const auto dpop = [](std::string_view error, std::string_view text) {
    return R"(DPoP algs="RS256 ES256", authorization_uri="http://a/b", realm="http://a", error=")" +
           std::string(error) + R"(", error_description=")" + std::string(text) + '"';
  };
  CHECK(complaint_of(challenged(401, dpop("invalid_token", "The access token is expired."))) ==
        CredentialComplaint::token);
  CHECK(complaint_of(challenged(400, dpop("invalid_dpop_proof", "has already been used"))) ==
        CredentialComplaint::proof_used);
  CHECK(complaint_of(challenged(400, dpop("invalid_dpop_proof", "was issued in the future"))) ==
        CredentialComplaint::proof_clock);
  CHECK(complaint_of(challenged(400, dpop("invalid_dpop_proof", "The 'htu' claim is invalid"))) ==
        CredentialComplaint::proof);
  CHECK(complaint_of(challenged(401, dpop("use_dpop_nonce", ""))) == CredentialComplaint::proof_nonce);
  CHECK(complaint_of(challenged(403, dpop("insufficient_scope", ""))) == CredentialComplaint::scope);
  CHECK(
      complaint_of(challenged(400, dpop("invalid_request", "The resource request requires a DPoP proof"))) ==
      CredentialComplaint::token);
  CHECK(complaint_of(answer(400, R"({"error":"invalid_dpop_proof","error_description":"'ath'"})")) ==
        CredentialComplaint::proof);
}

TEST_CASE("oauth answer: a 400 about the link, a proxy's challenge and a page are no complaints") {
  CHECK(complaint_of(answer(400, R"({"errorCode":"E0000001","errorSummary":"Api validation failed"})")) ==
        CredentialComplaint::none);
  CHECK(complaint_of(challenged(400, R"(DPoP error="invalid_request", error_description="bad since")")) ==
        CredentialComplaint::none);
  CHECK(complaint_of(challenged(401, R"(Basic realm="proxy", error="invalid_token")")) ==
        CredentialComplaint::none);
  CHECK(complaint_of(challenged(200, R"(DPoP error="invalid_token")")) == CredentialComplaint::none);
  CHECK(complaint_of(challenged(503, R"(DPoP error="invalid_token")")) == CredentialComplaint::none);
}

TEST_CASE("oauth answer: among several challenges, in one header or more, the one with an error is read") {
  const auto read = [](Headers headers) { return read_challenge(headers); };
  auto found =
      read({{"www-authenticate", R"(Basic realm="a, DPoP error=\"no\"", Bearer error=invalid_token)"}});
  REQUIRE(found);
  CHECK(found->scheme == "Bearer");
  CHECK(found->error == "invalid_token");
  found = read({{"WWW-Authenticate", "Negotiate"},
                {"WWW-Authenticate", R"(dpop error = "x" , error_description = "say \"no\"")"}});
  REQUIRE(found);
  CHECK(found->error == "x");
  CHECK(found->description == "say \"no\"");
  CHECK_FALSE(read({{"WWW-Authenticate", R"(DPoP realm="a)"}}));
  CHECK_FALSE(read({}));
}

TEST_CASE("oauth answer: a nonce is kept if it fits") {
  CHECK(read_nonce({{"dpop-nonce", "abc"}}) == "abc");
  CHECK_FALSE(read_nonce({{"DPoP-Nonce", ""}}));
  CHECK_FALSE(read_nonce({{"DPoP-Nonce", "a b"}}));
  CHECK_FALSE(read_nonce({{"DPoP-Nonce", std::string(limits::nonce_bytes_max + 1, 'n')}}));
}

}  // namespace
}  // namespace logzio_okta
