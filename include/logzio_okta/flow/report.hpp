// Report: one plain picture of the daemon, behind metrics, status, readiness and the summary lines.
//
// The counters obey, per tenant and in total, at every moment:
//     fetched = delivered + deduplicated + set_aside + in_flight
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"

namespace logzio_okta {

struct EventCounts {
  std::uint64_t fetched = 0;
  std::uint64_t delivered = 0;     ///< Taken by the listener, marked, reduced or not.
  std::uint64_t deduplicated = 0;  ///< Recognised as delivered before, not sent again.
  std::uint64_t set_aside = 0;     ///< Kept on disk instead, with a reason.
  std::uint64_t in_flight = 0;     ///< Fetched, not settled yet.
  std::uint64_t marked = 0;        ///< Delivered events sent with possible_duplicate.
  std::uint64_t reduced = 0;       ///< Delivered events sent reduced, whole on disk.
  std::uint64_t flattened = 0;     ///< Fetched events Logz.io will flatten after its 200.
};

/// Every count, by the name that it has in JSON: what adds them up or shows them goes through this list, so
/// that a new one is forgotten nowhere.
struct EventCountRow {
  std::string_view name;
  std::uint64_t EventCounts::* count;
};
inline constexpr EventCountRow event_counts[] = {
    {"fetched", &EventCounts::fetched},           {"delivered", &EventCounts::delivered},
    {"deduplicated", &EventCounts::deduplicated}, {"set_aside", &EventCounts::set_aside},
    {"in_flight", &EventCounts::in_flight},       {"marked", &EventCounts::marked},
    {"reduced", &EventCounts::reduced},           {"flattened", &EventCounts::flattened},
};
static_assert(std::size(event_counts) * sizeof(std::uint64_t) == sizeof(EventCounts),
              "a count is missing in event_counts");
/// Adds up every count.
EventCounts& operator+=(EventCounts& total, const EventCounts& part);
/// Without what is in flight, which somebody else will bring to an end.
[[nodiscard]] EventCounts settled(EventCounts counts);

/// Requests to Okta by what came of them.
struct RequestCounts {
  std::uint64_t ok = 0;
  std::uint64_t limited = 0;       ///< 429
  std::uint64_t unauthorized = 0;  ///< 401
  std::uint64_t forbidden = 0;     ///< 403
  std::uint64_t client_error = 0;  ///< other 4xx and redirects
  std::uint64_t server_error = 0;  ///< 5xx
  std::uint64_t transport = 0;     ///< no answer
  std::uint64_t unusable = 0;      ///< 200 that was no page, or whose next link left the org
};

enum class TenantState : std::uint8_t {
  opening,      ///< Its place is being read.
  following,    ///< Asking or waiting for its next poll.
  limited,      ///< Okta's rate limit or our share of it: waiting.
  held,         ///< The listener, the disk or the memory budget makes us wait.
  backing_off,  ///< After a failure.
  refused,      ///< Every key refused.
  standby,      ///< Another replica follows it, or is about to.
  finished,     ///< --once is done with it.
  stopped,
};
[[nodiscard]] std::string_view name_of(TenantState state);

/// How a tenant signs in, by the key in use.
struct AuthReport {
  bool service_app = false;  ///< OAuth; else an API key.
  bool dpop = false;
  std::optional<Duration> token_left;  ///< Lifetime left, if a service app has a token.
  std::uint64_t mints = 0;             ///< Tokens granted, of all its service apps.
  /// And not granted, by what was wrong.
  std::array<std::uint64_t, token_troubles_count> mints_refused{};
};

struct TenantReport {
  std::string domain;
  TenantState state = TenantState::opening;
  std::string held_by;  ///< The replica that follows it, if another one does.
  EventCounts events;
  RequestCounts requests;
  std::optional<WallTime> newest_event;   ///< Greatest `published` settled.
  std::optional<WallTime> last_answer;    ///< By our present clock: the last usable answer.
  std::optional<WallTime> last_delivery;  ///< Likewise: when events were last settled.
  std::optional<Duration> behind;         ///< Estimate: 0 at the tail, else now minus newest event.
  std::optional<Duration> next_ask;       ///< From now; absent while asking or held.
  std::optional<std::int64_t> rate_limit;
  std::optional<std::int64_t> rate_remaining;
  std::uint64_t rate_spent = 0;  ///< By us in this window, over all keys.
  std::size_t keys = 0;
  std::size_t keys_refused = 0;
  AuthReport auth{};
  std::optional<Duration> clock_ahead;  ///< Our clock minus Okta's, 0 when they agree; once Okta's was seen.
  std::uint64_t hostile_links = 0;
  std::uint64_t gaps = 0;
  bool recovering = false;
  bool flowing = false;    ///< It was answered lately, and its listener takes what comes.
  std::string last_error;  ///< Empty after a good answer.

  /// How old its newest settled event is at that moment of our clock, by Okta's; never negative.
  [[nodiscard]] std::optional<Duration> event_age(WallTime at) const {
    if (!newest_event) return std::nullopt;
    return std::max<Duration>(at - to_ms(clock_ahead.value_or(Duration(0))) - *newest_event, Duration(0));
  }
  /// It does not do what it is there for: neither flowing, nor just beginning or ending, nor on standby.
  [[nodiscard]] bool in_trouble() const {
    return !flowing && state != TenantState::opening && state != TenantState::standby &&
           state != TenantState::finished && state != TenantState::stopped;
  }
};

struct DestinationReport {
  std::string name;      ///< DestinationSpec::name: tells those of one listener apart; the token never does.
  std::string listener;  ///< "https://listener.logz.io:8071"
  std::vector<std::string> tenants;  ///< Domains, in the file's order; none when it only finishes.
  std::string state;                 ///< "taking", "retrying", "token refused", "set-aside full", "idle".
  bool healthy = true;
  std::uint64_t bulks_taken = 0;
  std::uint64_t bulks_partly = 0;
  std::uint64_t bulks_retried = 0;
  std::uint64_t bulks_halved = 0;
  std::uint64_t lines_taken = 0;
  std::uint64_t bytes_taken = 0;  ///< As sent (gzip).
  std::size_t waiting = 0;        ///< Bulks not settled, the open one included.
  std::size_t in_flight = 0;
  std::optional<WallTime> last_taken;
  std::string last_error;
};

/// Why a hook delivery was not taken.
enum class HookRefusal : std::uint8_t {
  unauthorized,  ///< 401: neither our token nor a secret of ours.
  source,        ///< 403: from an org that is not ours.
  malformed,     ///< 400 and the like.
  too_large,     ///< 413, 431
  unavailable,   ///< 503: it cannot be taken now.
  flooding,      ///< 429: its address was refused too often.
  broken,        ///< No whole request came: slow, cut, bad TLS.
  cleartext,     ///< Without TLS, and from none of the proxies that may.
};
inline constexpr std::size_t hook_refusals_count = 8;
[[nodiscard]] std::string_view name_of(HookRefusal kind);

/// Deliveries of an org that is not polled. Its events are counted as a tenant's are.
struct HookStreamReport {
  std::string domain;
  std::string region;
  EventCounts events;
  std::size_t bytes = 0;           ///< In the spool.
  std::optional<WallTime> oldest;  ///< When the oldest delivery in the spool came.
};

struct HookReport {
  bool listening = false;
  std::uint64_t received = 0;  ///< Deliveries let in, whatever became of them.
  std::uint64_t verified = 0;  ///< Okta asked whether we are its hook.
  std::uint64_t woken = 0;     ///< Deliveries whose org is polled, and was polled at once.
  std::uint64_t spooled = 0;   ///< Deliveries whose events were put on disk, to be sent from there.
  std::array<std::uint64_t, hook_refusals_count> refused{};
  std::vector<HookStreamReport> streams;
  std::optional<WallTime> last_received;
};

/// The copies of --copy-to: the shell's own, which fills it in.
struct CopiesReport {
  std::string dir;
  std::uint64_t bulks = 0;  ///< On disk, since the start;
  std::uint64_t bytes = 0;  ///< as they are there (gzip).
  std::size_t waiting = 0;  ///< Bulks taken that are not on disk yet.
  std::optional<WallTime> last_written;
  std::string last_error;  ///< Empty unless they cannot be written at the moment.
};

/// A living replica.
struct InstanceReport {
  std::string name;
  bool self = false;
  Duration lease_left{};          ///< After it others may take its orgs, unless it is heard of before.
  std::vector<std::string> orgs;  ///< Those that it holds.
};

/// The replicas that share the store, as the database last said. The shell fills it in.
struct FleetReport {
  std::vector<InstanceReport> instances;  ///< The oldest first.
  std::vector<std::string> unheld;        ///< Orgs that a replica would follow and none holds.
  Duration read_ago{};                    ///< How long ago the database said so.
  Duration may_act{};                     ///< How long we may act without hearing from it; 0: not now.

  [[nodiscard]] std::size_t held_by_us() const {
    const auto self = std::ranges::find(instances, true, &InstanceReport::self);
    return self == instances.end() ? 0 : self->orgs.size();
  }
};

struct Report {
  WallTime at;
  WallTime started;
  std::vector<TenantReport> tenants;            ///< In the file's order.
  EventCounts total;                            ///< Tenants removed by a reload included.
  std::vector<DestinationReport> destinations;  ///< Those that tenants name, and those that still finish.
  HookReport hooks;
  std::optional<CopiesReport> copies;  ///< Where they are kept.
  std::optional<FleetReport> fleet;    ///< Where replicas share the store, once the database has answered.
  std::size_t memory_used = 0;         ///< Out of limits::memory_budget.
  std::uint64_t set_aside_bytes = 0;
  bool saving_fails = false;
  bool stopping = false;
  /// At least one tenant flows, or all are on standby; a listener takes, saves succeed.
  bool ready = false;
  std::string not_ready_because;

  [[nodiscard]] std::size_t tenants_in_trouble() const {
    return static_cast<std::size_t>(std::ranges::count_if(tenants, &TenantReport::in_trouble));
  }
};

}  // namespace logzio_okta
