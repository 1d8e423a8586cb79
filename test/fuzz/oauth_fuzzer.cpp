// Private keys as people have them, and what a token endpoint and the System Log answer to a service app:
// nothing crashes, what is taken works, and no error repeats what it was about.
#include <string>
#include <string_view>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"
#include "logzio_okta/okta/oauth_claims.hpp"
#include "logzio_okta/okta/page.hpp"

#include "shell/settings/signing_key.hpp"

using namespace logzio_okta;

namespace {

bool is_line(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return false;
  }
  return true;
}

void judge_key(std::string_view text) {
  const Result<SigningKey> key = SigningKey::read(text);
  if (!key) {
    CHECK(!key.error().text.empty() && is_line(key.error().text));
    return;
  }
  CHECK(is_strict_json_object(key->public_jwk()));
  CHECK(key->thumbprint().size() == 43);
  CHECK(key->id().size() <= limits::nonce_bytes_max && is_line(key->id()));
  CHECK(!key->jwt(assertion_header(key->algorithm(), key->id()), "{}").empty());
}

void judge_grant(std::string_view text) {
  HttpAnswer answer{.status = 200, .headers = {}, .body = std::string(text)};
  const Result<TokenGrant> grant = read_token_grant(answer);
  CHECK(answer.body.empty());
  if (!grant) {
    CHECK(!grant.error().text.empty() && is_line(grant.error().text));
    return;
  }
  CHECK(!grant->token.empty() && grant->token.expose().size() <= limits::token_bytes_max);
  for (const char c : grant->token.expose()) CHECK(ascii::is_visible(c));
  CHECK(grant->facts.life > 0s && grant->facts.life <= limits::token_life_max);
}

void judge_refusal(std::string_view text) {
  const int status = 400 + static_cast<int>(text.size() % 30);
  const TokenRefusal refusal =
      read_token_refusal(HttpAnswer{.status = status, .headers = {}, .body = std::string(text)});
  CHECK(is_line(describe(refusal)) && describe(refusal).size() < 1000);
  CHECK(is_line(cure_of(refusal, "the key")));
  CHECK(!name_of(trouble_of(refusal)).empty());
}

void judge_challenge(std::string_view text) {
  HttpAnswer answer{.status = 400, .headers = {{"WWW-Authenticate", std::string(text)}}, .body = {}};
  const auto challenge = read_challenge(answer.headers);
  const CredentialComplaint complaint = complaint_of(answer);
  if (!challenge) CHECK(complaint == CredentialComplaint::none);
  CHECK(is_line(describe_credential_doubt(answer)));
  answer = {.status = 401, .headers = {}, .body = std::string(text)};
  static_cast<void>(complaint_of(answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'k':
      judge_key(text);
      break;
    case 'g':
      judge_grant(text);
      break;
    case 'r':
      judge_refusal(text);
      break;
    default:
      judge_challenge(text);
      break;
  }
  return 0;
}
