// ActiveRoster: the tenants that are followed and the destinations they name, as the last Roster says; and
// those that have left it and still finish.
//
// A reload keeps what stays: place, budget and the keys' state. A tenant that leaves is retired: nothing more
// is asked, what is on its way arrives. If its destination is in lasting trouble and no other tenant names
// it, the tenant is abandoned: its place is kept, and what waited is asked for again if it comes back.
//
// If replicas share the orgs, a tenant whose org another replica follows is on standby. One whose org was
// taken is retired as it is, without a save, and begins again as another stream, mostly on standby. One that
// gives way finishes, lets go of its org, and begins again.
//
// Promises
// - A destination is forgotten only when it holds nothing and nothing names it.
// - What a destination in trouble holds of a tenant that moved goes along to the new one.
// - What an org asked of us holds also for a tenant that leaves and comes back.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/asks.hpp"
#include "logzio_okta/flow/memory.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/shipper.hpp"
#include "logzio_okta/flow/tenant.hpp"

namespace logzio_okta {

class ActiveRoster {
 public:
  /// The references must outlive it. `began`: when this run did; nothing where replicas share the orgs.
  ActiveRoster(const Policy& policy, Random random, std::optional<Instant> began, Memory& memory, Asks& asks,
               std::deque<Output>& outputs)
      : policy_(policy), random_(random), began_(began), memory_(memory), asks_(asks), outputs_(outputs) {}

  void take(Now now, Roster roster);
  /// For sources that no tenants file names.
  void take_destination(const DestinationSpec& spec);
  [[nodiscard]] StreamId next_stream() { return StreamId{++last_stream_}; }

  /// Another replica follows this tenant's org.
  void held_by(Tenant& tenant, const std::string& holder);
  /// Another replica took it from us. `goes_on`: another stream begins.
  void lost(Now now, Tenant& tenant, const std::string& holder, bool goes_on);
  void give_way(Tenant& tenant);
  /// Those that give way and have finished.
  void let_go(Now now);

  /// What a destination in trouble holds of a tenant goes where the tenant's events go now.
  void bring_along(Now now);
  /// Drops those that have finished. `others_name`: whether something outside the roster names a destination.
  void drop_retired(Now now, const std::function<bool(DestinationId)>& others_name);
  /// Tells the memory budget what the destinations hold.
  void weigh();

  [[nodiscard]] Tenant* find(StreamId stream);
  /// The one that is followed now.
  [[nodiscard]] Tenant* find(const Domain& domain);
  /// All of them, in the order they were first named.
  [[nodiscard]] std::map<StreamId, Tenant>& tenants() { return tenants_; }
  [[nodiscard]] const std::map<StreamId, Tenant>& tenants() const { return tenants_; }
  /// Those of the file, in its order.
  [[nodiscard]] const std::vector<StreamId>& order() const { return order_; }
  [[nodiscard]] std::map<DestinationId, Shipper>& shippers() { return shippers_; }
  [[nodiscard]] const std::map<DestinationId, Shipper>& shippers() const { return shippers_; }
  [[nodiscard]] Shipper& shipper_of(const Tenant& tenant) { return shippers_.at(tenant.destination); }
  [[nodiscard]] const Shipper& shipper_of(const Tenant& tenant) const {
    return shippers_.at(tenant.destination);
  }
  /// Domains, in the file's order.
  [[nodiscard]] std::vector<std::string> served_by(DestinationId destination) const;
  /// What all destinations have in common.
  [[nodiscard]] ShippersShare& share() { return share_; }
  [[nodiscard]] const ShippersShare& share() const { return share_; }
  /// The counts of tenants that are gone.
  [[nodiscard]] const EventCounts& retired_counts() const { return retired_counts_; }

 private:
  struct LeftOrg {
    Domain domain;
    std::shared_ptr<Org> org;
    Instant until;
  };

  void take_tenant(Now now, const TenantSpec& spec);
  [[nodiscard]] const TenantSpec& spec_of(const Tenant& tenant) const;
  [[nodiscard]] bool on_its_way(StreamId stream) const;
  void cancel_asks(Tenant& tenant);
  void note(const Tenant& tenant, Level level, std::string text);
  void name_destinations();
  [[nodiscard]] std::shared_ptr<Org> org_of(const Domain& domain) const;
  void retire(Tenant& tenant);
  void bring_along(Now now, Tenant& tenant, StreamId stream);
  void abandon_if_stuck(Now now, StreamId stream, Tenant& tenant);
  void remember_org(Now now, const Tenant& tenant);

  const Policy& policy_;
  Random random_;
  std::optional<Instant> began_;
  Memory& memory_;
  Asks& asks_;
  std::deque<Output>& outputs_;

  Roster named_;  ///< The last that was taken.
  ShippersShare share_;
  std::map<DestinationId, Shipper> shippers_;
  std::map<StreamId, Tenant> tenants_;
  std::vector<StreamId> order_;
  std::uint64_t last_stream_ = 0;
  EventCounts retired_counts_;
  std::vector<LeftOrg> left_orgs_;  ///< Orgs whose tenants left the file recently.
};

}  // namespace logzio_okta
