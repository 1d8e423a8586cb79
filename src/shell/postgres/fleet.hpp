// Fleet: who is alive and who holds what, as the database last said; and what follows from it for us: which
// orgs to take, and which to give away.
//
// Orgs are shared out fairly: of those that any living replica would follow, each holds ceil(orgs / replicas)
// at most, unless nobody else can take them. Who holds more gives one away at a time, to somebody who lacks
// it: nothing moves because of a rounding.
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
    Duration lease_left{};  ///< Of one that is alive, when it was read.
    std::set<std::string> wanted{};
  };
  struct Lease {
    std::string domain;
    std::string owner;  ///< Empty: nobody's.
    std::int64_t epoch = 0;
    bool clean = true;
  };

  std::vector<Instance> instances;
  std::vector<Lease> leases;

  /// Who lives and holds it; null: it may be taken.
  [[nodiscard]] const Instance* holder_of(const Lease& lease) const;
  [[nodiscard]] const Instance* find(const std::string& id) const;
  [[nodiscard]] const Lease* lease_of(const std::string& domain) const;
  [[nodiscard]] std::size_t alive() const;
  [[nodiscard]] std::size_t held_by(const std::string& id) const;
  /// The most that each of the living should hold.
  [[nodiscard]] std::size_t share() const;
  /// Of `wanted` what `me` should take now.
  [[nodiscard]] std::vector<std::string> to_take(const std::string& me,
                                                 const std::set<std::string>& wanted) const;
  /// An org that `me` holds and another one should have.
  [[nodiscard]] std::optional<std::string> to_give(const std::string& me) const;

 private:
  /// Somebody else who lives, would follow it, and holds less than a share.
  [[nodiscard]] bool somebody_lacks(const std::string& domain, const std::string& me) const;
};

/// For people: "acme.okta.com", or "push.okta.com (event hook)" for an org whose hooks alone are followed.
[[nodiscard]] std::string name_of_org(const std::string& domain);
/// What was read `ago`, without what we know of ourselves alone (FleetReport::may_act).
[[nodiscard]] FleetReport report_of(const Fleet& fleet, const std::string& self, Duration ago);

}  // namespace logzio_okta
