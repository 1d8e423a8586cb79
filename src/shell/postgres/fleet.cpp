#include "shell/postgres/fleet.hpp"

#include <algorithm>

#include "logzio_okta/base/text.hpp"
#include "logzio_okta/flow/hook_route.hpp"

namespace logzio_okta {

const Fleet::Instance* Fleet::find(const std::string& id) const {
  const auto found = std::ranges::find(instances, id, &Instance::id);
  return found == instances.end() ? nullptr : &*found;
}

const Fleet::Lease* Fleet::lease_of(const std::string& domain) const {
  const auto found = std::ranges::find(leases, domain, &Lease::domain);
  return found == leases.end() ? nullptr : &*found;
}

const Fleet::Instance* Fleet::holder_of(const Lease& lease) const {
  const Instance* owner = lease.owner.empty() ? nullptr : find(lease.owner);
  return owner != nullptr && owner->alive ? owner : nullptr;
}

std::size_t Fleet::alive() const {
  return static_cast<std::size_t>(std::ranges::count_if(instances, &Instance::alive));
}

std::size_t Fleet::held_by(const std::string& id) const {
  return static_cast<std::size_t>(std::ranges::count(leases, id, &Lease::owner));
}

std::size_t Fleet::share() const {
  std::set<std::string> wanted;
  for (const Instance& each : instances) {
    if (each.alive) wanted.insert(each.wanted.begin(), each.wanted.end());
  }
  const std::size_t sharers = std::max<std::size_t>(alive(), 1);
  return (wanted.size() + sharers - 1) / sharers;
}

bool Fleet::somebody_lacks(const std::string& domain, const std::string& me) const {
  const std::size_t most = share();
  return std::ranges::any_of(instances, [&](const Instance& each) {
    return each.alive && each.id != me && each.wanted.contains(domain) && held_by(each.id) < most;
  });
}

std::vector<std::string> Fleet::to_take(const std::string& me, const std::set<std::string>& wanted) const {
  const std::size_t most = share();
  std::size_t held = held_by(me);
  std::vector<std::string> take;
  for (const std::string& domain : wanted) {
    const Lease* lease = lease_of(domain);
    if (lease != nullptr && (lease->owner == me || holder_of(*lease) != nullptr)) continue;
    if (held >= most && somebody_lacks(domain, me)) continue;
    take.push_back(domain);
    ++held;
  }
  return take;
}

std::optional<std::string> Fleet::to_give(const std::string& me) const {
  if (held_by(me) <= share()) return std::nullopt;
  for (const Lease& lease : leases) {
    if (lease.owner == me && somebody_lacks(lease.domain, me)) return lease.domain;
  }
  return std::nullopt;
}

std::string name_of_org(const std::string& domain) {
  const auto route = HookRoute::of_key(domain);
  return printable(route ? route->source.name() + " (event hook)" : domain);
}

FleetReport report_of(const Fleet& fleet, const std::string& self, Duration ago) {
  FleetReport report;
  report.read_ago = ago;
  std::set<std::string> wanted;
  for (const Fleet::Instance& each : fleet.instances) {
    if (!each.alive) continue;
    wanted.insert(each.wanted.begin(), each.wanted.end());
    InstanceReport& instance = report.instances.emplace_back();
    instance.name = each.name;
    instance.self = each.id == self;
    instance.lease_left = std::max<Duration>(each.lease_left - ago, 0s);
    for (const Fleet::Lease& lease : fleet.leases) {
      if (lease.owner == each.id) instance.orgs.push_back(name_of_org(lease.domain));
    }
  }
  for (const std::string& domain : wanted) {
    const Fleet::Lease* lease = fleet.lease_of(domain);
    if (lease == nullptr || fleet.holder_of(*lease) == nullptr) report.unheld.push_back(name_of_org(domain));
  }
  return report;
}

}  // namespace logzio_okta
