#include "commands/tokens.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/okta/reply.hpp"

#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

/// For all requests of one app together: a nonce, a wrong clock, another algorithm.
constexpr Duration patience = 60s;

}  // namespace

AppTokens::AppTokens(Keyring& keyring, const Trust& trust, const Proxy& proxy, const Roster& roster) {
  for (const TenantSpec& tenant : roster.tenants) {
    for (const ServiceAppSpec& app : tenant.service_apps) {
      apps_.push_back({.tenant = &tenant,
                       .id = app.id,
                       .org = Org(steady_now(), {app.id}, 1, Random(app.id.value), {app})});
    }
  }
  if (apps_.empty()) return;
  auto client = CurlClient::create(keyring, trust, proxy);
  CHECK(client.has_value());  // The caller has checked that libcurl is suitable.
  client_ = std::move(*client);
}

void AppTokens::request() {
  const Instant end = steady_now() + patience;
  while (!std::ranges::all_of(apps_, &App::done) && steady_now() < end) {
    Instant next = end;
    for (std::size_t i = 0; i < apps_.size(); ++i) next = std::min(next, advance(i));
    client_->wait({}, std::max<Duration>(next - steady_now(), 0s));
    while (auto input = client_->next_answer()) {
      if (const auto* answer = std::get_if<TokenAnswer>(&*input)) take(*answer);
    }
  }
  for (App& app : apps_) {
    if (!app.done && app.token.why_not.empty()) app.token.why_not = "Okta's token endpoint did not answer";
    app.token.okta_ahead = app.org.offset();
  }
}

/// Returns when to call it again.
Instant AppTokens::advance(std::size_t index) {
  App& app = apps_[index];
  if (app.done) return never;
  const auto due = app.org.mint_due(now(), false);
  if (!due) return app.org.next_mint(now(), false);
  app.org.minting(now(), *due);
  app.asked = now();
  client_->mint({.id = RequestId{index},
                 .credential = *due,
                 .origin = app.tenant->domain.origin(),
                 .proof = app.org.mint_of(*due)->proof(),
                 .okta_ahead = app.org.offset()});
  return never;
}

void AppTokens::take(const TokenAnswer& answer) {
  App& app = apps_.at(answer.id.value);
  const Now at = now();
  const WallTime asked_wall = at.wall - to_ms(at.steady - app.asked.steady);
  const MintEnd end = app.org.minted(at, asked_wall, app.id, answer.result);
  app.done = end.next != Mint::Next::again;
  app.token.why_not = app.done ? end.text : "";
}

const AppTokens::Token* AppTokens::of(CredentialId key) const {
  const auto app = std::ranges::find(apps_, key, &App::id);
  return app != apps_.end() ? &app->token : nullptr;
}

bool AppTokens::ask_again(CredentialId key, const Sighting& seen) {
  const auto app = std::ranges::find(apps_, key, &App::id);
  if (app == apps_.end() || !seen.result) return false;
  const Now at = now();
  app->org.asked(at, key);
  const Standing standing =
      app->org.answered(at, at.wall - to_ms(seen.took), key, read_reply(HttpAnswer(*seen.result)));
  app->done = standing != Standing::renewing;
  return standing == Standing::renewing || standing == Standing::unproved;
}

}  // namespace logzio_okta
