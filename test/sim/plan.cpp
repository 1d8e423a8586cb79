#include "sim/plan.hpp"

#include <algorithm>

namespace logzio_okta::sim {
namespace {

using namespace std::string_view_literals;

constexpr std::array names{
    "okta-errors"sv,
    "okta-breaks"sv,
    "okta-limits"sv,
    "okta-pages"sv,
    "okta-links"sv,
    "okta-cursors"sv,
    "okta-slow-queries"sv,
    "okta-keys"sv,
    "listener-errors"sv,
    "listener-breaks"sv,
    "listener-lost-answers"sv,
    "listener-outages"sv,
    "listener-token"sv,
    "listener-413"sv,
    "listener-poison"sv,
    "listener-objects"sv,
    "listener-slow"sv,
    "listener-throttle"sv,
    "disk-failures"sv,
    "disk-slowness"sv,
    "set-aside-full"sv,
    "kills"sv,
    "stops"sv,
    "once-runs"sv,
    "reloads"sv,
    "clock"sv,
    "late-turns"sv,
    "repeated-facts"sv,
    "odd-events"sv,
    "late-events"sv,
    "bursts"sv,
    "short-pages"sv,
    "repeats"sv,
    "ahead-events"sv,
    "state-replaced"sv,
    "okta-in-between"sv,
    "okta-tokens"sv,
};
static_assert(names.size() == troubles_count);

// One request in this many.
constexpr std::uint64_t one_in(Intensity intensity) {
  if (intensity == Intensity::rare) return 200;
  return intensity == Intensity::frequent ? 12 : 2;
}

Intensity draw_intensity(Random& random) {
  const std::uint64_t number = random.below(20);
  if (number < 10) return Intensity::off;
  if (number < 16) return Intensity::rare;
  return number < 19 ? Intensity::frequent : Intensity::constant;
}

// Few orgs as often as many: with few, polls come at the default pace.
std::size_t draw_orgs(Random& random) {
  constexpr std::array<std::size_t, 5> most{1, 3, 10, 25, 50};
  return 1 + random.below(most[random.below(most.size())]);
}

}  // namespace

std::string_view name_of(Trouble trouble) {
  return names.at(static_cast<std::size_t>(trouble));
}

std::optional<Trouble> trouble_of(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Trouble>(found - names.begin());
}

Plan::Plan(std::uint64_t seed_given, Duration hours, const Wishes& wishes)
    : seed(seed_given), again(wishes.again), faults_last(hours) {
  Random random(seed);
  orgs = draw_orgs(random);
  if (wishes.orgs > 0) orgs = wishes.orgs;
  constexpr std::array protocols{Protocol::https_bulk, Protocol::https_bulk, Protocol::http_bulk,
                                 Protocol::tls_lines, Protocol::tcp_lines};
  protocol = protocols[random.below(protocols.size())];
  constexpr std::array<Duration, 4> agos{7 * 24h, 24h, 1h, 0h};
  policy.since = SinceAgo{agos[random.below(agos.size())]};
  // A run asks Okta some ten thousand times at most; the longest pause is what fifty orgs need for that.
  constexpr std::int64_t polls_max = 12'000;
  const Duration shortest = hours * static_cast<std::int64_t>(orgs) / polls_max;
  policy.poll_interval = std::max<Duration>(10s, shortest) * static_cast<std::int64_t>(1 + random.below(3));
  constexpr std::array shares{0.5, 0.5, 0.1, 0.25, 1.0};
  policy.rate_share = shares[random.below(shares.size())];
  events = 1000 + random.below(10'000);
  constexpr std::size_t drawn_first = 28;  // Those that came later must not change the others of a seed.
  for (std::size_t i = 0; i < drawn_first; ++i) troubles.at(i) = draw_intensity(random);
  Random later_ones(seed ^ 0x7a11U);
  constexpr auto of_service_apps = static_cast<std::size_t>(Trouble::okta_tokens);
  for (std::size_t i = drawn_first; i < of_service_apps; ++i) troubles.at(i) = draw_intensity(later_ones);
  Random of_apps(seed ^ 0x0a17U);
  service_apps = of_apps.below(3) == 0;
  if (service_apps) troubles.at(of_service_apps) = draw_intensity(of_apps);
  hooks = random.below(3) == 0 && wishes.hooks;
  accounts = random.below(2) == 0 ? 1 : 2 + random.below(3);
  if (wishes.accounts > 0) accounts = wishes.accounts;
  tenants_differ = random.below(2) == 0;
  if (random.below(4) == 0 && accounts > 1 && orgs > 1) keep_apart(random);
  for (std::size_t i = 0; wishes.only && i < troubles_count; ++i) {
    if (!wishes.only->contains(static_cast<Trouble>(i))) troubles[i] = Intensity::off;
  }
  if (orgs <= 3 && !apart && !wishes.only && later_ones.below(12) == 0) make_crowd();
  // A pushed event that was answered 200 and is in no org's log would go with it.
  if (hooks) troubles[static_cast<std::size_t>(Trouble::state_replaced)] = Intensity::off;
}

// Not where pages become small, since so many events would take days; but where the window is asked.
void Plan::make_crowd() {
  if (has(Trouble::odd_events) || has(Trouble::okta_slow_queries) || has(Trouble::okta_pages) ||
      has(Trouble::okta_breaks)) {
    return;
  }
  crowd = true;
  troubles[static_cast<std::size_t>(Trouble::okta_cursors)] = Intensity::frequent;
}

void Plan::keep_apart(Random& random) {
  apart = true;
  hooks = false;
  constexpr std::array listeners{Trouble::listener_errors,       Trouble::listener_breaks,
                                 Trouble::listener_lost_answers, Trouble::listener_outages,
                                 Trouble::listener_token,        Trouble::listener_small_bodies};
  for (std::size_t i = 0; i < troubles_count; ++i) {
    if (std::ranges::find(listeners, static_cast<Trouble>(i)) == listeners.end())
      troubles[i] = Intensity::off;
  }
  constexpr std::array lasting{Trouble::listener_outages, Trouble::listener_token, Trouble::listener_errors};
  troubles[static_cast<std::size_t>(lasting[random.below(lasting.size())])] = Intensity::constant;
}

bool Plan::strikes(Trouble trouble, Random& random) const {
  const Intensity intensity = (*this)[trouble];
  return intensity != Intensity::off && random.below(one_in(intensity)) == 0;
}

Duration Plan::until_next(Trouble trouble, Random& random) const {
  const Intensity intensity = (*this)[trouble];
  if (intensity == Intensity::off) return Duration::max();
  constexpr std::array<std::int64_t, 4> times{0, 2, 24, 100};
  const Duration mean = faults_last / times.at(static_cast<std::size_t>(intensity));
  return random.between(mean / 10, 2 * mean);
}

std::string Plan::describe_all() const {
  std::string text =
      std::to_string(orgs) + " orgs, " + (is_lines(protocol) ? "lines" : "bulks") + (hooks ? ", hooks" : "") +
      (service_apps ? ", service apps" : "") + (crowd ? ", a crowd" : "") +
      (accounts > 1 ? ", " + std::to_string(accounts) + " accounts" : std::string()) +
      (apart ? " of which the first is well" : "") + (tenants_differ ? ", tenants differ" : "") + ", poll " +
      describe(policy.poll_interval) + ", share " + std::to_string(policy.rate_share) + ":";
  constexpr std::array how{""sv, ""sv, " (frequent)"sv, " (constant)"sv};
  for (std::size_t i = 0; i < troubles_count; ++i) {
    if (troubles[i] == Intensity::off) continue;
    text += std::string(text.ends_with(':') ? " " : ", ") + std::string(names[i]) +
            std::string(how.at(static_cast<std::size_t>(troubles[i])));
  }
  return text;
}

}  // namespace logzio_okta::sim
