// Service apps in the tenants file, in the environment and in the keyring; and what they send.
#include "shell/settings/service_app.hpp"

#include <thread>

#include "logzio_okta/base/base64url.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"

#include "catch.hpp"
#include "model/json.hpp"
#include "model/token_endpoint.hpp"
#include "sandbox/jws_verifier.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/service_app_entry.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/temp_dir.hpp"
#include "tools/key_pair.hpp"

namespace logzio_okta {
namespace {

using test::KeyPair;
using test::TempDir;
using test::write_file;

const WallTime okta_now = *parse_rfc3339("2026-11-23T12:00:00Z");
const Origin acme{.scheme = "https", .host = "acme.okta.com", .port = 443};
constexpr const char* client = "0oa1acme";

const KeyPair& pair() {
  static const KeyPair made = KeyPair::ec();
  return made;
}

// ---- Settings

struct Files {
  TempDir dir;
  std::string path = dir / "tenants.yml";

  Result<Tenants> reads(const std::string& entry, Environment::Variables variables = {}) {
    write_file(path, "tenants_credentials:\n  - okta_domain: acme.okta.com\n" + entry);
    return read_tenants_file(path, Environment(std::move(variables)));
  }
  std::string refuses(const std::string& entry, Environment::Variables variables = {}) {
    const auto tenants = reads(entry, std::move(variables));
    REQUIRE_FALSE(tenants);
    CHECK_FALSE(tenants.error().text.contains(pair().number("priv").substr(0, 20)));
    return tenants.error().text;
  }
};

TEST_CASE("service app: client id with a key file, a key, or a key from a variable") {
  Files files;
  write_file(files.dir / "acme.pem", pair().pkcs8());
  auto tenants = files.reads(
      "    okta_client_id: 0oa1acme\n    okta_private_key_file: acme.pem\n"
      "    okta_private_key_id: k1\n");
  REQUIRE(tenants);
  REQUIRE(tenants->entries[0].service_app);
  CHECK(tenants->entries[0].service_app->client_id == client);
  CHECK(tenants->entries[0].service_app->key_id == "k1");
  CHECK(tenants->entries[0].api_key_file == files.dir / "acme.pem");
  CHECK(tenants->entries[0].api_key.empty());

  tenants = files.reads("    okta_client_id: 0oa1acme\n    okta_private_key: '" + pair().jwk() + "'\n");
  REQUIRE(tenants);
  CHECK(tenants->entries[0].service_app->thumbprint.size() == 43);

  tenants = files.reads("    okta_client_id: ${ID}\n    okta_private_key: ${ACME}\n",
                        {{"ID", client}, {"ACME", pair().traditional()}});
  REQUIRE(tenants);
  CHECK(tenants->entries[0].api_key_variable == "ACME");
}

TEST_CASE("service app: anything missing, given twice or of the wrong kind is reported with its place") {
  Files files;
  const std::string id = "    okta_client_id: 0oa1acme\n";
  CHECK(files.refuses(id).contains("okta_private_key_file is missing here"));
  CHECK(files.refuses("    okta_private_key: x\n").contains("okta_client_id is missing here"));
  CHECK(files.refuses(id + "    okta_private_key: x\n    okta_private_key_file: y\n")
            .contains("okta_private_key is also set; remove one"));
  CHECK(files.refuses(id + "    okta_private_key: x\n    okta_api_key: 00abc\n").contains("its own entry"));
  CHECK(files.refuses(id + "    okta_private_key: /etc/key.pem\n").contains("okta_private_key_file"));
  CHECK(files.refuses(id + "    okta_private_key_file: '" + pair().jwk() + "'\n")
            .contains("the private key itself"));
  CHECK(files.refuses("    okta_client_id: <id>\n    okta_private_key: '" + pair().jwk() + "'\n")
            .contains("placeholder"));
  CHECK(files
            .refuses(id + "    okta_private_key_id: other\n    okta_private_key: '" +
                     pair().jwk(R"("kid":"k1",)") + "'\n")
            .contains("okta_private_key_id"));
  write_file(files.dir / "acme.pem", pair().public_pem());
  CHECK(files.refuses(id + "    okta_private_key_file: acme.pem\n")
            .contains("acme.pem: this is the public half"));
}

TEST_CASE("service app: an app and an API key of one domain are two credentials of one tenant") {
  Files files;
  const auto tenants = files.reads("    okta_client_id: 0oa1acme\n    okta_private_key: '" + pair().jwk() +
                                   "'\n  - okta_domain: acme.okta.com\n    okta_api_key: 00abc\n");
  REQUIRE(tenants);
  REQUIRE(tenants->entries.size() == 2);
  Keyring keyring;
  const Roster roster = keyring.replace(std::move(const_cast<Tenants&>(*tenants).entries));
  REQUIRE(roster.tenants.size() == 1);
  CHECK(roster.tenants[0].credentials.size() == 2);
  REQUIRE(roster.tenants[0].service_apps.size() == 1);
  CHECK(roster.tenants[0].service_apps[0].id == roster.tenants[0].credentials[0]);
}

TEST_CASE("service app: one tenant by environment, with the names of others pointed at ours") {
  const TempDir dir;
  write_file(dir / "key.pem", pair().pkcs8());
  const auto find = [&](Environment::Variables variables) {
    return find_tenants({}, Environment(std::move(variables)), {});
  };
  const auto tenants = find({{"OKTA_DOMAIN", "acme.okta.com"},
                             {"OKTA_CLIENT_ID", client},
                             {"OKTA_PRIVATE_KEY_FILE", dir / "key.pem"},
                             {"OKTA_PRIVATE_KEY_ID", "k1"}});
  REQUIRE(tenants);
  CHECK(tenants->entries[0].service_app->key_id == "k1");
  CHECK(tenants->source == "OKTA_CLIENT_ID");
  CHECK(find(
      {{"OKTA_DOMAIN", "acme.okta.com"}, {"OKTA_CLIENT_ID", client}, {"OKTA_PRIVATE_KEY", pair().jwk()}}));
  const auto says = [&](Environment::Variables variables) {
    const auto found = find(std::move(variables));
    REQUIRE_FALSE(found);
    return found.error().text;
  };
  CHECK(
      says({{"OKTA_DOMAIN", "acme.okta.com"}, {"OKTA_CLIENT_CLIENTID", client}}).contains("OKTA_CLIENT_ID"));
  CHECK(says({{"OKTA_DOMAIN", "acme.okta.com"}, {"OKTA_CLIENT_ID", client}, {"OKTA_API_PRIVATE_KEY", "x"}})
            .contains("did you mean OKTA_PRIVATE_KEY?"));
  CHECK(
      says({{"OKTA_DOMAIN", "acme.okta.com"}, {"OKTA_CLIENT_ID", client}}).contains("OKTA_PRIVATE_KEY_FILE"));
  CHECK(says({{"OKTA_DOMAIN", "acme.okta.com"}, {"OKTA_CLIENT_ID", client}, {"OKTA_API_KEY", "00a"}})
            .contains("both set"));
  CHECK(says({{"OKTA_CLIENT_ID", client}, {"OKTA_PRIVATE_KEY", pair().jwk()}}).contains("OKTA_DOMAIN"));
}

// ---- The keyring and what it hands out

struct Ring {
  Keyring keyring;
  CredentialId id;
  model::TokenEndpoint okta{{.verifies = &sandbox::verifies, .sha256 = &sandbox::sha256_of},
                            "https://acme.okta.com"};

  Ring() {
    id = reload(pair().pkcs8());
    okta.add_app({.client_id = client, .keys = {{.id = "k1", .jwk = pair().public_jwk()}}});
  }
  CredentialId reload(const std::string& key) {
    std::vector<TenantEntry> entries;
    TenantEntry& entry = entries.emplace_back(
        TenantEntry{.domain = Domain::parse("acme.okta.com").value(), .api_key = {}, .line = 2});
    entry.service_app = read_service_app(client, key, {}).value();
    return keyring.replace(std::move(entries)).tenants[0].credentials[0];
  }
  [[nodiscard]] MintToken order(ProofKind kind = ProofKind::ec) const {
    return {.id = RequestId{1}, .credential = id, .origin = acme, .proof = kind};
  }
  void prepare(const MintToken& mint) {
    while (!keyring.prepare(mint, okta_now)) std::this_thread::yield();
  }
  MintResult mint(ProofKind kind = ProofKind::ec) {
    const MintToken mint = order(kind);
    prepare(mint);
    auto form = keyring.token_form(mint);
    const auto proof = keyring.token_proof(mint, okta_now);
    REQUIRE(form);
    REQUIRE(proof);
    model::Request request{.method = "POST",
                           .target = "/oauth2/v1/token",
                           .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                           .body = std::string(form->expose())};
    if (!proof->empty()) request.headers.push_back({"DPoP", std::string(proof->expose().substr(6))});
    return keyring.take_token(mint, model::as_result(okta.handle(request, okta_now)));
  }
  std::string asks(std::string_view target = "/api/v1/logs?since=x") {
    const auto token = keyring.authorization(id, acme);
    const auto proof = keyring.proof(id, acme, target, okta_now);
    REQUIRE(token);
    REQUIRE(proof);
    model::Request request{.target = std::string(target),
                           .headers = {{"Authorization", std::string(token->expose().substr(15))}}};
    if (!proof->empty()) request.headers.push_back({"DPoP", std::string(proof->expose().substr(6))});
    std::string misuse;
    const auto refusal = okta.refusal_of(request, okta_now, misuse);
    return refusal ? misuse + " " + std::to_string(refusal->status) : std::string();
  }
};

TEST_CASE(
    "keyring: a token is granted with the nonce that the first answer brought, and each question proved") {
  Ring ring;
  const MintResult first = ring.mint();
  REQUIRE(std::holds_alternative<TokenRefusal>(first));
  CHECK(trouble_of(std::get<TokenRefusal>(first)) == TokenTrouble::nonce);
  const MintResult second = ring.mint();
  REQUIRE(std::holds_alternative<TokenGranted>(second));
  CHECK(std::get<TokenGranted>(second).facts == TokenFacts{.scheme = TokenScheme::dpop, .life = 1h});
  for (int i = 0; i < 3; ++i) CHECK(ring.asks().empty());
  CHECK(std::holds_alternative<TokenGranted>(ring.mint()));  // The nonce is kept.
  CHECK(ring.asks().empty());
  CHECK(ring.okta.misuses() == 0);
}

TEST_CASE("keyring: without DPoP there is a bearer token, and nothing to prove") {
  Ring ring;
  ring.okta.app(client).proofs = model::ServiceApp::Proofs::refused;
  CHECK(std::holds_alternative<TokenRefusal>(ring.mint()));
  REQUIRE(std::holds_alternative<TokenGranted>(ring.mint(ProofKind::none)));
  CHECK(ring.asks().empty());
  CHECK(ring.keyring.authorization(ring.id, acme)->expose().starts_with("Authorization: Bearer "));
}

TEST_CASE("keyring: neither token, proof nor assertion is handed out for another origin") {
  Ring ring;
  static_cast<void>(ring.mint());
  static_cast<void>(ring.mint());
  for (const Origin& other : {Origin{.scheme = "https", .host = "evil.example", .port = 443},
                              Origin{.scheme = "http", .host = "acme.okta.com", .port = 443},
                              Origin{.scheme = "https", .host = "acme.okta.com", .port = 8443}}) {
    CHECK_FALSE(ring.keyring.authorization(ring.id, other));
    CHECK_FALSE(ring.keyring.proof(ring.id, other, "/api/v1/logs", okta_now));
    MintToken mint = ring.order();
    mint.origin = other;
    CHECK_FALSE(ring.keyring.token_form(mint));
    CHECK_FALSE(ring.keyring.token_proof(mint, okta_now));
  }
}

TEST_CASE(
    "keyring: the same key in another form is the same credential and keeps its token; another is not") {
  Ring ring;
  static_cast<void>(ring.mint());
  static_cast<void>(ring.mint());
  CHECK(ring.reload(pair().jwk()) == ring.id);
  CHECK(ring.asks().empty());
  const CredentialId other = ring.reload(KeyPair::ec().pkcs8());
  CHECK(other != ring.id);
  CHECK_FALSE(ring.keyring.authorization(ring.id, acme));
  CHECK_FALSE(ring.keyring.authorization(other, acme));
}

TEST_CASE("keyring: a token that comes for an app which has left the file is dropped") {
  Ring ring;
  const MintToken mint = ring.order();
  ring.reload(KeyPair::ec().pkcs8());
  HttpAnswer answer{.status = 200,
                    .headers = {},
                    .body = R"({"access_token":"t","token_type":"Bearer","expires_in":3600})"};
  CHECK(std::holds_alternative<TransportError>(ring.keyring.take_token(mint, std::move(answer))));
}

TEST_CASE(
    "keyring: proofs by RS256 come once their key is made, and the token's own key goes on being used") {
  Ring ring;
  ring.okta.app(client).rsa_proofs_only = true;
  CHECK(std::holds_alternative<TokenRefusal>(ring.mint(ProofKind::rsa)));  // The nonce.
  REQUIRE(std::holds_alternative<TokenGranted>(ring.mint(ProofKind::rsa)));
  CHECK(ring.asks().empty());
  ring.okta.app(client).rsa_proofs_only = false;
  const MintToken ec = ring.order(ProofKind::ec);
  ring.prepare(ec);
  CHECK(ring.keyring.token_form(ec));
  CHECK(ring.asks().empty());  // Still by RSA.
}

TEST_CASE("keyring: an assertion that waited too long for its request is signed anew") {
  Ring ring;
  const auto answer_at = [&](WallTime at) {
    const auto form = ring.keyring.token_form(ring.order());
    REQUIRE(form);
    model::Request request{.method = "POST",
                           .target = "/oauth2/v1/token",
                           .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                           .body = std::string(form->expose())};
    const auto proof = ring.keyring.token_proof(ring.order(), at);
    request.headers.push_back({"DPoP", std::string(proof->expose().substr(6))});
    return ring.keyring.take_token(ring.order(), model::as_result(ring.okta.handle(request, at)));
  };
  ring.prepare(ring.order());
  const WallTime later = okta_now + to_ms(limits::assertion_life) + 1s;
  while (!ring.keyring.prepare(ring.order(), later)) std::this_thread::yield();
  const MintResult nonce_asked = answer_at(later);
  REQUIRE(std::holds_alternative<TokenRefusal>(nonce_asked));
  CHECK(trouble_of(std::get<TokenRefusal>(nonce_asked)) == TokenTrouble::nonce);  // Not the assertion.
}

}  // namespace
}  // namespace logzio_okta
