// Plan: what one seed decides before anything happens: how many orgs, which protocol, which troubles.
//
// Troubles are drawn by swarm: each is off, rare, frequent or constant for the whole run, so that some runs
// meet a single trouble often, which a mixture of everything would never show.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/logzio/endpoint.hpp"

namespace logzio_okta::sim {

enum class Trouble : std::uint8_t {
  okta_errors,            ///< 5xx, single 403s, redirects.
  okta_breaks,            ///< Unreachable, cut, stalled, slow.
  okta_limits,            ///< 429 of every kind; the org's other clients spend much.
  okta_pages,             ///< HTML, cut JSON, damaged gzip, a bomb, huge headers, a body without end.
  okta_links,             ///< No next link, the same, or one that leaves the org.
  okta_cursors,           ///< Cursors refused for a while.
  okta_slow_queries,      ///< Okta's own timeout for large pages, for a while.
  okta_keys,              ///< Keys revoked, forbidden, replaced.
  listener_errors,        ///< 5xx, 429, proxies' answers: nothing taken.
  listener_breaks,        ///< No connection, cut while it reads.
  listener_lost_answers,  ///< Taken, and the answer lost or another.
  listener_outages,       ///< Unreachable for hours.
  listener_token,         ///< 401 for a while.
  listener_small_bodies,  ///< 413 from a much smaller size.
  listener_poison,        ///< It refuses some events, whatever else is in the bulk.
  listener_objects,       ///< It counts some events as refused although they are JSON, in its own way.
  listener_slow,          ///< It answers after half a minute and more, for a while.
  listener_throttle,      ///< 429 to some bulks again and again, while others pass.
  disk_failures,          ///< Commits fail for a while.
  disk_slowness,
  disk_full_aside,  ///< The room for what is set aside is nearly used up.
  kills,
  stops,
  once_runs,   ///< Some runs are --once.
  reloads,     ///< Tenants leave the file and come back, keys change.
  clock,       ///< Our wall clock jumps; orgs' clocks are wrong.
  late_turns,  ///< The loop comes back later than it should.
  repeated_facts,
  odd_events,
  late_events,      ///< Persisted long after they were published.
  bursts,           ///< Thousands of events at once.
  short_pages,      ///< Okta gives less than it has, or nothing, and a link that leads on.
  repeats,          ///< Okta gives an event twice, in one page or where two meet.
  ahead_events,     ///< By their own date, published a while after they were persisted.
  state_replaced,   ///< While no daemon runs: the state removed, torn, or put back from an older copy.
  okta_in_between,  ///< A firewall's or a proxy's page instead of Okta's, with a clock of its own.
  okta_tokens,      ///< The token endpoint fails for a while; access tokens revoked, nonces forgotten.
};
inline constexpr std::size_t troubles_count = 37;
[[nodiscard]] std::string_view name_of(Trouble trouble);
[[nodiscard]] std::optional<Trouble> trouble_of(std::string_view name);

enum class Intensity : std::uint8_t { off, rare, frequent, constant };

/// What is set instead of drawn from the seed.
struct Wishes {
  std::size_t orgs = 0;                     ///< 0: as the seed draws.
  std::size_t accounts = 0;                 ///< Likewise.
  std::size_t replicas = 0;                 ///< How many share the orgs through one database (replicas.hpp).
  bool hooks = true;                        ///< False: none.
  std::optional<std::set<Trouble>> only{};  ///< No other troubles.
  std::uint64_t again = 0;                  ///< The same plan, with other draws in the run.
};

struct Plan {
  Plan(std::uint64_t seed, Duration hours, const Wishes& wishes);

  std::uint64_t seed;
  std::uint64_t again;
  Duration faults_last;  ///< Phase one.
  std::size_t orgs = 1;
  std::size_t events = 0;  ///< For all orgs together, about.
  Protocol protocol = Protocol::https_bulk;
  Policy policy;
  bool hooks = false;           ///< Okta pushes events as well.
  bool service_apps = false;    ///< Some credentials are service apps, with an access token for an hour.
  std::size_t accounts = 1;     ///< Tokens at Logz.io, and so destinations.
  bool apart = false;           ///< All is well but the listeners of all accounts except the first.
  bool tenants_differ = false;  ///< Each has a query, a beginning, a type and fields of its own.
  bool crowd = false;           ///< The first org has more events within minutes than the window remembers.
  std::array<Intensity, troubles_count> troubles{};

  static constexpr std::size_t crowd_events = limits::window_events_max + 10'000;
  [[nodiscard]] Intensity operator[](Trouble trouble) const {
    return troubles[static_cast<std::size_t>(trouble)];
  }
  [[nodiscard]] bool has(Trouble trouble) const { return (*this)[trouble] != Intensity::off; }
  /// About this many. The first org is as busy as the others together, so that it fills pages even beside
  /// fifty.
  [[nodiscard]] std::size_t events_of(std::size_t org) const {
    const std::size_t in_the_crowd = crowd && org == 0 ? crowd_events : 0;
    return 1 + in_the_crowd + (org == 0 ? events / 2 : events / 2 / (orgs - 1));
  }
  /// The accounts whose listener may be in trouble begin here.
  [[nodiscard]] std::size_t first_troubled() const { return apart ? 1 : 0; }
  /// Whether a trouble that is drawn for each request, answer or event strikes now.
  [[nodiscard]] bool strikes(Trouble trouble, Random& random) const;
  /// The wait until a trouble that comes in episodes strikes next; `never` if it is off.
  [[nodiscard]] Duration until_next(Trouble trouble, Random& random) const;
  [[nodiscard]] std::string describe_all() const;

 private:
  void keep_apart(Random& random);
  void make_crowd();
};

}  // namespace logzio_okta::sim
