#include "logzio_okta/flow/roster.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

void ActiveRoster::take(Now now, Roster roster) {
  named_ = std::move(roster);
  for (const DestinationSpec& spec : named_.destinations) {
    if (!shippers_.contains(spec.id)) shippers_.try_emplace(spec.id, spec, share_, Random(random_.next()));
  }
  order_.clear();
  for (const TenantSpec& spec : named_.tenants) take_tenant(now, spec);
  for (auto& [stream, tenant] : tenants_) {
    if (!tenant.retired && std::ranges::find(order_, stream) == order_.end()) retire(tenant);
  }
  name_destinations();
  std::vector<DestinationId> named;
  for (const StreamId stream : order_) named.push_back(tenants_.at(stream).destination);
  memory_.serve(named);
}

void ActiveRoster::take_destination(const DestinationSpec& spec) {
  if (!shippers_.contains(spec.id)) shippers_.try_emplace(spec.id, spec, share_, Random(random_.next()));
  name_destinations();
}

void ActiveRoster::take_tenant(Now now, const TenantSpec& spec) {
  const auto known = std::ranges::find_if(tenants_, [&](const auto& each) {
    const Tenant& tenant = each.second;
    return !tenant.abandoned && !tenant.taken_over && tenant.poller.domain() == spec.domain &&
           tenant.poller.query() == spec.query;
  });
  std::shared_ptr<Org> org = org_of(spec.domain);
  const bool was_refused = org && org->all_refused();
  if (org) {
    org->replace_keys(now.steady, spec.credentials, spec.service_apps);
  } else {
    org = std::make_shared<Org>(now.steady, spec.credentials, policy_.rate_share, Random(random_.next()),
                                spec.service_apps);
  }
  if (known != tenants_.end()) {
    Tenant& tenant = known->second;
    order_.push_back(known->first);
    if (std::exchange(tenant.retired, false) && !tenant.gives_way) tenant.poller.resume(now);
    if (was_refused && !org->all_refused()) tenant.poller.wake(now);
    tenant.poller.take_constants(spec);
    const DestinationId before = std::exchange(tenant.destination, spec.destination);
    if (before != spec.destination) tenant.left_behind.insert(before);
    return;
  }
  const StreamId stream = next_stream();
  order_.push_back(stream);
  Poller poller(stream, spec, policy_, Random(random_.next()));
  const auto [added, fresh] =
      tenants_.try_emplace(stream, std::move(org), std::move(poller), spec.destination, began_);
  CHECK(fresh && shippers_.contains(spec.destination));
  added->second.poller.start(now.steady);
}

std::shared_ptr<Org> ActiveRoster::org_of(const Domain& domain) const {
  const auto known =
      std::ranges::find_if(tenants_, [&](const auto& each) { return each.second.poller.domain() == domain; });
  if (known != tenants_.end()) return known->second.org;
  const auto left = std::ranges::find(left_orgs_, domain, &LeftOrg::domain);
  return left != left_orgs_.end() ? left->org : nullptr;
}

std::vector<std::string> ActiveRoster::served_by(DestinationId destination) const {
  std::vector<std::string> domains;
  for (const StreamId stream : order_) {
    const Tenant& tenant = tenants_.at(stream);
    if (tenant.destination == destination) domains.push_back(tenant.poller.domain().name());
  }
  return domains;
}

// Only the listener, as long as there is only one account.
void ActiveRoster::name_destinations() {
  constexpr std::size_t names_said = 3;
  for (auto& [id, shipper] : shippers_) {
    std::string name = shipper.destination().listener.text();
    const std::vector<std::string> domains = served_by(id);
    if (shippers_.size() > 1 && !domains.empty()) {
      name += " (for ";
      for (std::size_t i = 0; i < std::min(domains.size(), names_said); ++i)
        name += (i > 0 ? ", " : "") + domains[i];
      if (domains.size() > names_said)
        name += " and " + std::to_string(domains.size() - names_said) + " more";
      name += ")";
    }
    shipper.call_it(std::move(name));
  }
}

void ActiveRoster::retire(Tenant& tenant) {
  tenant.retired = true;
  tenant.left_behind.insert(tenant.destination);
  const bool goes_on = std::ranges::any_of(
      order_, [&](StreamId each) { return tenants_.at(each).poller.domain() == tenant.poller.domain(); });
  tenant.poller.stop();
  if (goes_on) tenant.poller.overtaken();
  cancel_asks(tenant);
  if (goes_on) {
    note(tenant, Level::warn,
         "its filter was changed: a new stream begins; the cursor of the old filter is kept, and is used "
         "again if that filter comes back");
  } else {
    note(tenant, Level::info, "no longer in the tenants file; its cursor is kept");
  }
}

void ActiveRoster::cancel_asks(Tenant& tenant) {
  const std::size_t cancelled = asks_.cancel(tenant.poller.stream(), outputs_);
  for (std::size_t left = cancelled; left > 0; --left) tenant.org->cancelled();
}

// Replicas.

void ActiveRoster::held_by(Tenant& tenant, const std::string& holder) {
  if (!tenant.poller.opening() || tenant.holder == holder) return;
  tenant.holder = holder;
  if (!policy_.once) return note(tenant, Level::info, "followed by " + holder + "; on standby here");
  tenant.gave_up = true;
  note(tenant, Level::warn, "followed by " + holder + ", which delivers its events; not followed here");
}

void ActiveRoster::lost(Now now, Tenant& tenant, const std::string& holder, bool goes_on) {
  if (std::exchange(tenant.taken_over, true)) return;
  const StreamId stream = tenant.poller.stream();
  const bool was_retired = std::exchange(tenant.retired, true);
  tenant.poller.stop();
  tenant.left_behind.clear();
  cancel_asks(tenant);
  for (auto& [id, shipper] : shippers_) {
    if (shipper.holds(stream)) shipper.forget(stream);
  }
  note(tenant, Level::warn,
       holder.empty() ? "the database has lost saves that it had acknowledged, as after a failover: goes on "
                        "from what it holds"
                      : "taken over by " + holder + ", which marks what both may have sent");
  if (was_retired || !goes_on) return;
  const auto at = std::ranges::find(order_, stream) - order_.begin();
  take_tenant(now, spec_of(tenant));
  order_[static_cast<std::size_t>(at)] = order_.back();
  order_.pop_back();
}

void ActiveRoster::give_way(Tenant& tenant) {
  if (tenant.retired || tenant.poller.opening() || std::exchange(tenant.gives_way, true)) return;
  tenant.poller.stop();
  cancel_asks(tenant);
  note(tenant, Level::info, "moves to another replica once what is in flight is delivered");
}

void ActiveRoster::let_go(Now now) {
  for (auto& [stream, tenant] : tenants_) {
    if (!tenant.gives_way || tenant.retired || !tenant.poller.drained() || on_its_way(stream)) continue;
    tenant.poller.finish(now, false);
    if (!tenant.poller.drained()) continue;
    retired_counts_ += tenant.poller.report(now).events;
    tenant.poller = Poller(stream, spec_of(tenant), policy_, Random(random_.next()));
    tenant.poller.stand_by(now.steady);
    tenant.gives_way = false;
    outputs_.emplace_back(LetGo{stream});
  }
}

const TenantSpec& ActiveRoster::spec_of(const Tenant& tenant) const {
  const auto found = std::ranges::find_if(named_.tenants, [&](const TenantSpec& spec) {
    return spec.domain == tenant.poller.domain() && spec.query == tenant.poller.query();
  });
  CHECK(found != named_.tenants.end());
  return *found;
}

bool ActiveRoster::on_its_way(StreamId stream) const {
  return std::ranges::any_of(shippers_, [&](const auto& each) { return each.second.holds(stream); });
}

void ActiveRoster::note(const Tenant& tenant, Level level, std::string text) {
  outputs_.emplace_back(
      Note{.level = level, .tenant = tenant.poller.domain().name(), .text = std::move(text)});
}

// Leaving.

void ActiveRoster::bring_along(Now now) {
  for (auto& [stream, tenant] : tenants_) {
    std::erase_if(tenant.left_behind, [&, id = stream](DestinationId left) {
      const auto from = shippers_.find(left);
      return from == shippers_.end() || !from->second.holds(id);
    });
    if (tenant.left_behind.empty()) continue;
    if (tenant.retired) {
      abandon_if_stuck(now, stream, tenant);
    } else {
      bring_along(now, tenant, stream);
    }
  }
}

void ActiveRoster::bring_along(Now now, Tenant& tenant, StreamId stream) {
  std::erase_if(tenant.left_behind, [&](DestinationId id) {
    if (id == tenant.destination) return true;
    Shipper& from = shippers_.at(id);
    if (from.healthy() || from.settles(stream)) return false;
    const std::vector<GivenLine> lines = from.give_back(stream);
    for (const GivenLine& given : lines) {
      if (given.record.mark.possible_duplicate) tenant.poller.may_have_arrived(given.page);
    }
    shipper_of(tenant).take_over(now, stream, tenant.poller.constants(), lines);
    return !from.holds(stream);
  });
}

// All of it at once or nothing: every page of a tenant that comes back to the file must still arrive.
void ActiveRoster::abandon_if_stuck(Now now, StreamId stream, Tenant& tenant) {
  const bool stuck = std::ranges::all_of(tenant.left_behind, [&](DestinationId id) {
    const Shipper& from = shippers_.at(id);
    return !from.healthy() && served_by(id).empty() && from.can_give_back(stream);
  });
  if (!stuck) return;
  bool doubtful = false;
  for (const DestinationId id : std::exchange(tenant.left_behind, {})) {
    doubtful |= std::ranges::any_of(shippers_.at(id).give_back(stream), [](const GivenLine& given) {
      return given.record.mark.possible_duplicate;
    });
  }
  tenant.poller.abandon(now, doubtful);
  tenant.abandoned = true;
}

void ActiveRoster::drop_retired(Now now, const std::function<bool(DestinationId)>& others_name) {
  std::erase_if(tenants_, [&](const auto& each) {
    const auto& [stream, tenant] = each;
    const bool finished = tenant.taken_over ? !on_its_way(stream) : tenant.poller.drained();
    if (!tenant.retired || !finished) return false;
    retired_counts_ += settled(tenant.poller.report({}).events);
    remember_org(now, tenant);
    if (!began_ && !tenant.taken_over) outputs_.emplace_back(LetGo{.stream = stream, .for_good = true});
    return true;
  });
  std::erase_if(shippers_, [&](const auto& each) {
    const auto& [id, shipper] = each;
    if (!shipper.empty() || !served_by(id).empty() || others_name(id)) return false;
    memory_.forget(id);
    outputs_.emplace_back(ForgetDestination{id});
    return true;
  });
}

// A tenant may come back with the next reload, and what its org asked of us holds then too. Refused keys are
// not remembered: an operator who takes a tenant out and puts it back expects them to be tried.
void ActiveRoster::remember_org(Now now, const Tenant& tenant) {
  std::erase_if(left_orgs_, [&](const LeftOrg& left) {
    return left.until <= now.steady || left.domain == tenant.poller.domain();
  });
  if (tenant.org->all_refused() || left_orgs_.size() >= limits::tenants_max) return;
  left_orgs_.push_back(
      {.domain = tenant.poller.domain(), .org = tenant.org, .until = now.steady + limits::rate_wait_max});
}

void ActiveRoster::weigh() {
  for (const auto& [id, shipper] : shippers_) memory_.hold(id, shipper.held_bytes(), shipper.healthy());
}

Tenant* ActiveRoster::find(StreamId stream) {
  const auto found = tenants_.find(stream);
  return found != tenants_.end() ? &found->second : nullptr;
}

Tenant* ActiveRoster::find(const Domain& domain) {
  const auto found = std::ranges::find_if(tenants_, [&](const auto& each) {
    return !each.second.retired && each.second.poller.domain() == domain;
  });
  return found != tenants_.end() ? &found->second : nullptr;
}

}  // namespace logzio_okta
