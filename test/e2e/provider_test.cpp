// A service provider's tenants file: each customer's events in the customer's own account, and only there.
#include <algorithm>
#include <map>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

const std::string usual_line = R"("type":"okta")";

/// Ten tenants of three accounts at three listeners: the usual one, one with its token in the file, one with
/// its token in a file of its own.
struct Provider {
  static constexpr std::size_t tenants = 10;
  Bench bench;
  std::vector<std::string> tokens{bench.world.token(), std::string(32, 'q'), std::string(32, 'z')};

  Provider() {
    for (std::size_t i = 0; i < tenants; ++i) bench.add_org();
    for (const std::string& token : tokens) {
      bench.add_secret(token);
      bench.add_listener({.settings = {.tokens = {token}}});
    }
    for (const char* field : {"customer", "tier"})
      bench.world.with_ledger([&](model::Ledger& ledger) { ledger.allow_field(field); });
    write_file(token_file(), tokens[2] + "\n");
    write();
  }

  [[nodiscard]] std::string token_file() const { return bench.path("account.token"); }
  [[nodiscard]] static std::size_t account_of(std::size_t tenant) { return tenant % 3; }

  void write() {
    std::string yaml = "tenants_credentials:\n";
    for (std::size_t i = 0; i < tenants; ++i) {
      yaml += "  - okta_api_key: " + bench.world.org_key(i) +
              "\n    okta_domain: " + bench.world.org_domain(i) + "\n";
      if (account_of(i) == 1) yaml += "    logzio_token: " + tokens[1] + "\n";
      if (account_of(i) == 2) yaml += "    logzio_token_file: " + token_file() + "\n";
      if (account_of(i) > 0) {
        yaml += "    logzio_listener_host: " + bench.world.listener_address(account_of(i)) + "\n" +
                "    type: okta-" + std::to_string(i) + "\n    fields: {customer: customer " +
                std::to_string(i) + ", tier: " + std::to_string(i) + "}\n";
      }
    }
    bench.write_tenants(yaml);
  }

  /// Every line in an account is of one of its tenants and says what the tenant's entry asks for.
  void check_accounts() {
    for (std::size_t account = 0; account < tokens.size(); ++account) {
      bench.world.with_listener(account, [&](model::Listener& listener) {
        for (const model::StoredLine& line : listener.lines()) {
          std::size_t tenant = 0;
          while (tenant < tenants && bench.world.org_name(tenant) != member(line.text, "tenant_name"))
            ++tenant;
          CAPTURE(line.text);
          REQUIRE(tenant < tenants);
          REQUIRE(account_of(tenant) == account);
          const std::string number = std::to_string(tenant);
          REQUIRE(
              line.text.starts_with(account == 0 ? "{" + usual_line : R"({"type":"okta-)" + number + "\""));
          REQUIRE(line.text.contains(R"(,"customer":"customer )" + number + R"(","tier":)" + number + ",") ==
                  (account > 0));
        }
      });
    }
  }
};

TEST_CASE("provider: ten tenants of three accounts, every event in its own and only there") {
  Provider provider;
  Bench& bench = provider.bench;
  for (std::size_t i = 0; i < Provider::tenants; ++i) bench.world.issue_past(i, 120, 24h);
  bench.start();
  REQUIRE(bench.all_arrive());
  for (std::size_t i = 0; i < Provider::tenants; ++i) bench.world.issue(i, 5);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  provider.check_accounts();
}

TEST_CASE("provider: if one account's listener is down, only its tenants are held") {
  Provider provider;
  Bench& bench = provider.bench;
  bench.start();
  REQUIRE(bench.wait([&] {
    for (std::size_t i = 0; i < Provider::tenants; ++i) {
      if (bench.requests(i) == 0) return false;
    }
    return true;
  }));
  bench.world.refuse(bench.world.listener_port(1), true);
  bench.world.drop(bench.world.listener_port(1));
  for (std::size_t i = 0; i < Provider::tenants; ++i) bench.world.issue(i, 20);
  REQUIRE(bench.wait([&] { return bench.lines(0) == 4 * 20 && bench.lines(2) == 3 * 20; }));
  CHECK(bench.lines(1) == 0);
  CHECK(bench.says("(for "));
  // The others are not affected.
  for (std::size_t i = 0; i < Provider::tenants; ++i) bench.world.issue(i, 20);
  REQUIRE(bench.wait([&] { return bench.lines(0) == 4 * 40 && bench.lines(2) == 3 * 40; }));
  bench.world.refuse(bench.world.listener_port(1), false);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  provider.check_accounts();
}

TEST_CASE("provider: a new token in an account's own file is used at once") {
  Provider provider;
  Bench& bench = provider.bench;
  const std::string renewed(32, 'w');
  bench.add_secret(renewed);
  bench.world.with_listener(2, [&](model::Listener& listener) { listener.settings().tokens = {renewed}; });
  bench.world.issue_past(2, 30, 24h);
  bench.start();
  REQUIRE(bench.says("refuses the shipping token (401)"));
  REQUIRE(bench.says("logzio_token_file"));
  write_file(provider.token_file(), renewed);
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven_once());
  provider.check_accounts();
}

}  // namespace
}  // namespace logzio_okta::e2e
