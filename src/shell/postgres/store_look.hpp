// StoreLook: a look at the database that replicas would share, for `check`: whether it can be used, what it
// promises, and who follows which org. Creates nothing and disturbs no replica.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"

#include "shell/postgres/access.hpp"
#include "shell/postgres/fleet.hpp"
#include "shell/state/stream_tables.hpp"

namespace logzio_okta {

struct StoreLook {
  std::string place;
  std::string server;     ///< "PostgreSQL 15.18, TLSv1.3, synchronous replication to ANY 1 (a, b)"
  Duration round_trip{};  ///< For a query that needs no disk.
  bool has_state = false;
  Fleet fleet;
  std::optional<SetAsideTotal> set_aside;
  std::optional<std::string> problem;  ///< It cannot be used.
  std::vector<std::string> warnings;
};
[[nodiscard]] StoreLook look_at_store(const StoreAccess& access);

/// Makes every replica retry keys that Okta has refused. The error says why they cannot be told.
[[nodiscard]] Result<void> nudge_replicas(const StoreAccess& access);

/// "okta-1: acme.okta.com, globex.okta.com", one line per living replica; then the orgs that none follows.
[[nodiscard]] std::vector<std::string> describe_fleet(const Fleet& fleet);

}  // namespace logzio_okta
