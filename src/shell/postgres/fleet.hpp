// Fleet: who is alive and who holds what, as the database last said; and what follows from it for us: which
// orgs to take, and which to give away.
//
// Orgs are shared fairly: of those that any living replica would follow, each replica holds at most ceil(orgs
// / replicas), unless no other can take them. A replica with more gives away one at a time, and only to one
// that holds less than its share: nothing moves because of rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

struct Fleet {
  struct Instance {
    std::string id;
    std::string name;
    bool alive = false;
    Duration lease_left{};  ///< If it is alive: what was left when it was read.
    std::set<std::string> wanted{};
  };
  struct Lease {
    std::string domain;
    std::string owner;  ///< Empty if no replica holds it.
    std::int64_t epoch = 0;
    bool clean = true;
  };

  std::vector<Instance> instances;
  std::vector<Lease> leases;

  /// The living replica that holds it; null: it may be taken.
  [[nodiscard]] const Instance* holder_of(const Lease& lease) const;
  [[nodiscard]] const Instance* find(const std::string& id) const;
  [[nodiscard]] const Lease* lease_of(const std::string& domain) const;
  [[nodiscard]] std::size_t alive() const;
  [[nodiscard]] std::size_t held_by(const std::string& id) const;
  /// The most orgs that each living replica should hold.
  [[nodiscard]] std::size_t share() const;
  /// The orgs in `wanted` that `me` should take now.
  [[nodiscard]] std::vector<std::string> to_take(const std::string& me,
                                                 const std::set<std::string>& wanted) const;
  /// An org that `me` holds and another replica should have.
  [[nodiscard]] std::optional<std::string> to_give(const std::string& me) const;

 private:
  /// Another living replica would follow it and holds less than a share.
  [[nodiscard]] bool somebody_lacks(const std::string& domain, const std::string& me) const;
};

/// For people: "acme.okta.com", or "push.okta.com (event hook)" for an org of which only hooks are followed.
[[nodiscard]] std::string name_of_org(const std::string& domain);
/// What was read `ago`, without what only we know about ourselves (FleetReport::may_act).
[[nodiscard]] FleetReport report_of(const Fleet& fleet, const std::string& self, Duration ago);

}  // namespace logzio_okta
