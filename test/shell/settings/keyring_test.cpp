#include "shell/settings/keyring.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace logzio_okta;

namespace {

Domain domain(const char* text) {
  return Domain::parse(text).value();
}
Secret secret(const char* text) {
  return Secret(std::string(text));
}

std::vector<TenantEntry> entries(const std::vector<std::pair<const char*, const char*>>& pairs) {
  std::vector<TenantEntry> out;
  for (const auto& [name, key] : pairs) {
    out.push_back({.domain = domain(name), .api_key = secret(key), .line = 0});
  }
  return out;
}

void refuses(const Keyring::Piece& piece) {
  REQUIRE_FALSE(piece.has_value());
  CHECK(piece.error().fault == TransportFault::refused_by_us);
  CHECK_FALSE(piece.error().sent);
  CHECK_FALSE(piece.error().text.empty());
  CHECK(piece.error().text.find("k-acme") == std::string::npos);
}

}  // namespace

TEST_CASE("keyring: a key is handed out for its own org as a whole header line") {
  Keyring keyring;
  const Domain acme = domain("acme.okta.com");
  const CredentialId key = keyring.add(acme, secret("k-acme"));
  const Keyring::Piece header = keyring.authorization(key, acme.origin());
  REQUIRE(header.has_value());
  CHECK(header->expose() == "Authorization: SSWS k-acme");
}

TEST_CASE("keyring: a key is not handed out for another host, port or scheme") {
  Keyring keyring;
  const CredentialId key = keyring.add(domain("acme.okta.com"), secret("k-acme"));
  keyring.add(domain("other.okta.com"), secret("k-other"));
  refuses(keyring.authorization(key, domain("other.okta.com").origin()));
  refuses(keyring.authorization(key, domain("acme.okta.com:8443").origin()));
  refuses(keyring.authorization(key, {.scheme = "http", .host = "acme.okta.com", .port = 443}));
  refuses(keyring.authorization(key, {.scheme = "https", .host = "acme.okta.com.evil.example", .port = 443}));
}

TEST_CASE("keyring: a credential it does not know is refused") {
  const Keyring keyring;
  refuses(keyring.authorization(CredentialId{7}, domain("acme.okta.com").origin()));
}

TEST_CASE("keyring: a key that would break out of its header line is refused") {
  Keyring keyring;
  const Domain acme = domain("acme.okta.com");
  for (const char* key : {"k-acme\r\nHost: evil.example", "k-acme ", "", "k-\xc3\xa9"}) {
    refuses(keyring.authorization(keyring.add(acme, secret(key)), acme.origin()));
  }
}

TEST_CASE("keyring: entries become one spec per domain, in the file's order") {
  Keyring keyring;
  const auto roster = keyring.replace(
      entries({{"b.okta.com", "b1"}, {"a.okta.com", "a1"}, {"b.okta.com", "b2"}, {"B.okta.com", "b1"}}));
  const auto& specs = roster.tenants;
  REQUIRE(specs.size() == 2);
  CHECK(specs[0].domain.name() == "b.okta.com");
  REQUIRE(specs[0].credentials.size() == 2);
  CHECK(specs[0].credentials[0] != specs[0].credentials[1]);
  CHECK(specs[1].domain.name() == "a.okta.com");
  REQUIRE(specs[1].credentials.size() == 1);
  const Keyring::Piece second = keyring.authorization(specs[0].credentials[1], domain("b.okta.com").origin());
  REQUIRE(second.has_value());
  CHECK(second->expose() == "Authorization: SSWS b2");
}

TEST_CASE("keyring: a reload keeps the ids of keys that stay and forgets those that left") {
  Keyring keyring;
  const auto before = keyring.replace(entries({{"a.okta.com", "a1"}, {"a.okta.com", "a2"}})).tenants;
  const auto after = keyring.replace(entries({{"a.okta.com", "a3"}, {"a.okta.com", "a2"}})).tenants;
  REQUIRE(after.size() == 1);
  REQUIRE(after[0].credentials.size() == 2);
  CHECK(after[0].credentials[1] == before[0].credentials[1]);
  CHECK(after[0].credentials[0] != before[0].credentials[0]);
  CHECK(after[0].credentials[0] != before[0].credentials[1]);
  refuses(keyring.authorization(before[0].credentials[0], domain("a.okta.com").origin()));
}

TEST_CASE("keyring: the same key text of two orgs is two credentials") {
  Keyring keyring;
  CHECK(keyring.add(domain("a.okta.com"), secret("k")) != keyring.add(domain("b.okta.com"), secret("k")));
}

TEST_CASE("keyring: the token is handed out as a bulk's target and as the opening of a line") {
  Keyring keyring;
  keyring.set_usual({.listener = Endpoint::parse("listener.logz.io").value(),
                     .token = secret("AbcdefghijklmnopqrstuvwxyzABCDEF")});
  const DestinationId usual = keyring.replace(entries({{"a.okta.com", "a1"}})).destinations.at(0).id;
  CHECK(keyring.bulk_target(usual).value().expose() == "/?token=AbcdefghijklmnopqrstuvwxyzABCDEF");
  CHECK(keyring.line_opening(usual).value().expose() == R"({"token":"AbcdefghijklmnopqrstuvwxyzABCDEF",)");
  CHECK(keyring.listener(usual).text() == "https://listener.logz.io:8071");
}

TEST_CASE("keyring: a missing token, or one that would break out of its place, is refused") {
  Keyring keyring;
  const DestinationId usual = keyring.replace(entries({{"a.okta.com", "a1"}})).destinations.at(0).id;
  refuses(keyring.bulk_target(usual));
  for (const char* token : {"k-acme\",\"x\":\"", "k-acme HTTP/1.1", "k-acme&type=x"}) {
    keyring.set_token(secret(token));
    refuses(keyring.bulk_target(usual));
    refuses(keyring.line_opening(usual));
  }
}

namespace {

/// Five tenants of three accounts: the usual one, one from a file (twice), one written out; and one that goes
/// to another listener with the usual token.
std::vector<TenantEntry> providers_file(const char* file_token = "F", const char* own_token = "W") {
  std::vector<TenantEntry> out = entries({{"a.okta.com", "a1"},
                                          {"b.okta.com", "b1"},
                                          {"c.okta.com", "c1"},
                                          {"d.okta.com", "d1"},
                                          {"e.okta.com", "e1"}});
  for (std::size_t i : {1U, 2U}) {
    out[i].token = secret(file_token);
    out[i].token_file = "/run/secrets/bc";
  }
  out[3].token = secret(own_token);
  out[4].listener = Endpoint::parse("listener-eu.logz.io").value();
  return out;
}

}  // namespace

TEST_CASE("keyring: a destination is a listener and where its token comes from") {
  Keyring keyring;
  keyring.set_usual({.listener = Endpoint::parse("listener.logz.io").value(), .token = secret("U")});
  const Roster roster = keyring.replace(providers_file());
  REQUIRE(roster.destinations.size() == 4);
  std::vector<std::string> targets;
  for (const TenantSpec& tenant : roster.tenants) {
    targets.push_back(keyring.listener(tenant.destination).host +
                      std::string(keyring.bulk_target(tenant.destination).value().expose()));
  }
  CHECK(targets == std::vector<std::string>{"listener.logz.io/?token=U", "listener.logz.io/?token=F",
                                            "listener.logz.io/?token=F", "listener.logz.io/?token=W",
                                            "listener-eu.logz.io/?token=U"});
  CHECK(roster.tenants[1].destination == roster.tenants[2].destination);
  CHECK(roster.destinations[1].set_by.starts_with("logzio_token_file (/run/secrets/bc) and "));
  CHECK(keyring.take_changed_tokens().empty());
}

TEST_CASE("keyring: a token tells whose accounts it opens, the usual one being none of them") {
  Keyring keyring;
  keyring.set_usual({.listener = Endpoint::parse("listener.logz.io").value(), .token = secret("U")});
  const Roster roster = keyring.replace(providers_file());
  CHECK(keyring.is_token("U"));
  CHECK(keyring.accounts_of("U").empty());
  CHECK_FALSE(keyring.is_token("F"));
  CHECK(keyring.accounts_of("F") == std::vector<DestinationId>{roster.tenants[1].destination});
  CHECK(keyring.accounts_of("W") == std::vector<DestinationId>{roster.tenants[3].destination});
  CHECK(keyring.accounts_of("").empty());
  CHECK(keyring.accounts_of("X").empty());
}

TEST_CASE("keyring: a destination that was named again while it was being forgotten stays") {
  Keyring keyring;
  keyring.set_usual({.listener = Endpoint::parse("listener.logz.io").value(), .token = secret("U")});
  const DestinationId written_out = keyring.replace(providers_file()).tenants[3].destination;
  CHECK(keyring.replace(providers_file("F", "X")).tenants[3].destination != written_out);
  CHECK(keyring.replace(providers_file()).tenants[3].destination == written_out);
  keyring.forget(written_out);
  CHECK(keyring.bulk_target(written_out).value().expose() == "/?token=W");

  const DestinationId eu = keyring.for_hooks("eu").id;
  keyring.forget(eu);
  CHECK(keyring.bulk_target(eu).value().expose() == "/?token=U");
}

TEST_CASE("keyring: new letters in the same file are the same destination, others written out another one") {
  Keyring keyring;
  keyring.set_usual({.listener = Endpoint::parse("listener.logz.io").value(), .token = secret("U")});
  const Roster before = keyring.replace(providers_file());
  const Roster after = keyring.replace(providers_file("G", "X"));
  const DestinationId from_file = before.tenants[1].destination;
  CHECK(after.tenants[1].destination == from_file);
  CHECK(keyring.bulk_target(from_file).value().expose() == "/?token=G");
  CHECK(keyring.take_changed_tokens() == std::vector<DestinationId>{from_file});

  CHECK(after.tenants[3].destination != before.tenants[3].destination);
  CHECK(keyring.bulk_target(after.tenants[3].destination).value().expose() == "/?token=X");
  // What is on its way to the old one still gets there.
  CHECK(keyring.bulk_target(before.tenants[3].destination).value().expose() == "/?token=W");
  keyring.forget(before.tenants[3].destination);
  const Roster back = keyring.replace(providers_file("G", "W"));
  CHECK(back.tenants[3].destination != before.tenants[3].destination);  // Its name is not used again.

  keyring.set_token(secret("V"));
  CHECK(keyring.take_changed_tokens() ==
        std::vector<DestinationId>{before.tenants[0].destination, before.tenants[4].destination});
}
