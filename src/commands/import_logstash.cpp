#include "commands/import_logstash.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "commands/edit_state.hpp"
#include "shell/os/clock.hpp"
#include "shell/output/printing.hpp"
#include "shell/process/harden.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/state/logstash_state.hpp"
#include "shell/state/state_edit.hpp"

namespace logzio_okta {
namespace {

/// The number of events per page under this link.
std::uint32_t limit_in(std::string_view target) {
  constexpr std::string_view key = "limit=";
  const std::size_t at = target.find(key);
  if (at == std::string_view::npos) return limits::page_events_max;
  const std::string_view rest = target.substr(at + key.size());
  const auto limit = ascii::whole_number(rest.substr(0, rest.find('&')));
  return limit && *limit >= 1 && *limit <= limits::page_events_max ? static_cast<std::uint32_t>(*limit)
                                                                   : limits::page_events_max;
}

/// The place whose next question is the saved link. If Okta refuses the link one day, the stream asks again
/// from `since`: rather too early than too late, so that nothing is left out.
Place place_at(std::string target, const StateEdit::OktaTime& now, const Since& since) {
  const std::optional<WallTime> moment = moment_in_link(target);
  const auto* ago = std::get_if<SinceAgo>(&since);
  const WallTime chosen = ago != nullptr ? now.at_least - to_ms(ago->ago) : std::get<SinceAt>(since).at;
  const WallTime oldest = now.at_least - to_ms(limits::retention);
  Place place{.next = std::move(target)};
  place.limit = limit_in(place.next);
  place.since = std::clamp(moment ? *moment - to_ms(limits::recovery_overlap) : chosen, oldest, now.at_least);
  // The events after the link were never delivered, so they are not backfill.
  place.first_start = moment ? place.since : now.at_most;
  return place;
}

/// Imports one state file.
class Import {
 public:
  Import(StateEdit& state, const std::vector<TenantEntry>& tenants, Since since, bool force)
      : state_(state), tenants_(tenants), since_(since), force_(force) {}

  /// "" if it was imported, else why not.
  std::string take(const LogstashState& from) {
    const auto tenant = std::ranges::find_if(
        tenants_, [&](const TenantEntry& each) { return each.domain.name() == from.domain; });
    if (tenant == tenants_.end()) return "no tenant in the tenants file has that domain";
    if (!tenant->query.plain()) return "the tenant has a filter, but the saved URL is for its whole log";
    auto target = admit_next(tenant->domain.origin(), from.url);
    if (!target)
      return "the saved URL is not one of " + from.domain + "'s System Log (" + target.error() + ")";
    auto known = state_.place(tenant->domain.name());
    if (!known) return known.error().text;
    if (*known && (*known)->next == *target) return {};
    if (*known && !force_) return "the state already has a cursor for it, which is kept; --force replaces it";
    const auto okta_now = state_.okta_time(tenant->domain.name(), wall_now());
    if (!okta_now) return okta_now.error().text;
    const Place place = place_at(*target, *okta_now, tenant->since.value_or(since_));
    if (auto written = state_.write(tenant->domain.name(), place); !written) return written.error().text;
    return {};
  }

 private:
  StateEdit& state_;
  const std::vector<TenantEntry>& tenants_;
  Since since_;
  bool force_;
};

}  // namespace

int import_logstash(Settings settings, const Environment& environment) {
  harden_process();
  const auto tenants = find_tenants(settings.options.tenants, environment);
  if (!tenants) return refuse(exit_configuration, tenants.error().text);
  auto found = read_logstash_states(settings.words.front());
  if (!found) return refuse(exit_configuration, found.error().text);
  auto state = edit_state(settings, environment);
  if (!state) return refuse(state.error().exit_code, state.error().text);

  Import import(*state, tenants->entries, settings.options.policy.since, settings.has("force"));
  std::set<std::string> imported;
  for (const LogstashState& each : found->states) {
    if (const std::string why = import.take(each); !why.empty()) {
      found->skipped.push_back(each.file + ": " + why);
      continue;
    }
    imported.insert(each.domain);
    print(stdout, each.domain + ": continues where Logstash stopped\n");
  }
  for (const std::string& skipped : found->skipped) print(stderr, "skipped " + skipped + "\n");
  std::set<std::string> left;
  for (const TenantEntry& tenant : tenants->entries) {
    if (!imported.contains(tenant.domain.name())) left.insert(tenant.domain.name());
  }
  for (const std::string& domain : left) print(stderr, domain + ": nothing was imported for it\n");
  if (auto closed = state->close(); !closed) return refuse(74, closed.error().text);
  return found->skipped.empty() && left.empty() ? 0 : exit_unavailable;
}

}  // namespace logzio_okta
