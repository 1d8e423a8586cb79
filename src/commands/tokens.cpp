#include "commands/tokens.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/flow/org.hpp"

#include "shell/net/curl_client.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

/// For all requests of one app together: a nonce, a wrong clock, another algorithm.
constexpr Duration patience = 60s;

struct App {
  const TenantSpec* tenant = nullptr;
  CredentialId id;
  Org org;
  Now asked{};
  bool done = false;
  std::string why_not{};
};

class Minter {
 public:
  Minter(CurlClient& client, const Roster& roster) : client_(client) {
    for (const TenantSpec& tenant : roster.tenants) {
      for (const ServiceAppSpec& app : tenant.service_apps) {
        apps_.push_back({.tenant = &tenant,
                         .id = app.id,
                         .org = Org(steady_now(), {app.id}, 1, Random(app.id.value), {app})});
      }
    }
  }

  std::map<CredentialId, MintedToken> run() {
    const Instant end = steady_now() + patience;
    while (!std::ranges::all_of(apps_, &App::done) && steady_now() < end) {
      Instant next = end;
      for (std::size_t i = 0; i < apps_.size(); ++i) next = std::min(next, advance(i));
      client_.wait({}, std::max<Duration>(next - steady_now(), 0s));
      while (auto input = client_.next_answer()) {
        if (const auto* token = std::get_if<TokenAnswer>(&*input)) take(*token);
      }
    }
    std::map<CredentialId, MintedToken> minted;
    for (const App& app : apps_) {
      std::string why_not = app.why_not;
      if (!app.done && why_not.empty()) why_not = "Okta's token endpoint did not answer";
      minted[app.id] = {.why_not = std::move(why_not), .okta_ahead = app.org.offset()};
    }
    return minted;
  }

 private:
  /// Returns when to call it again.
  Instant advance(std::size_t index) {
    App& app = apps_[index];
    if (app.done) return never;
    const auto due = app.org.mint_due(now(), false);
    if (!due) return app.org.next_mint(now(), false);
    app.org.minting(now(), *due);
    app.asked = now();
    client_.mint({.id = RequestId{index},
                  .credential = *due,
                  .origin = app.tenant->domain.origin(),
                  .proof = app.org.mint_of(*due)->proof(),
                  .okta_ahead = app.org.offset()});
    return never;
  }

  void take(const TokenAnswer& answer) {
    App& app = apps_.at(answer.id.value);
    const Now at = now();
    const WallTime asked_wall = at.wall - to_ms(at.steady - app.asked.steady);
    const MintEnd end = app.org.minted(at, asked_wall, app.id, answer.result);
    app.done = end.next != Mint::Next::again;
    app.why_not = app.done ? end.text : "";
  }

  CurlClient& client_;
  std::vector<App> apps_;
};

}  // namespace

std::map<CredentialId, MintedToken> mint_tokens(Keyring& keyring, const Trust& trust, const Proxy& proxy,
                                                const Roster& roster) {
  if (std::ranges::all_of(roster.tenants,
                          [](const TenantSpec& tenant) { return tenant.service_apps.empty(); })) {
    return {};
  }
  auto client = CurlClient::create(keyring, trust, proxy);
  CHECK(client.has_value());  // The caller has checked that libcurl is suitable.
  return Minter(**client, roster).run();
}

}  // namespace logzio_okta
