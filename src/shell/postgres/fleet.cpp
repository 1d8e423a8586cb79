#include "shell/postgres/fleet.hpp"

#include <algorithm>

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

}  // namespace logzio_okta
