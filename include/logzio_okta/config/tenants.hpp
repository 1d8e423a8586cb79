// Tenants: what the tenants file said, valid by construction.
#pragma once

#include <string>
#include <vector>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

/// One entry of `tenants_credentials`.
struct TenantEntry {
  Domain domain;
  Secret api_key;
  int line = 0;  ///< In the file, from 1; 0 when it came from the environment.
};

/// Entries with the same domain are ONE stream with several keys, in the file's order.
struct Tenants {
  std::vector<TenantEntry> entries;   ///< At least one, at most limits::tenants_max.
  std::string source;                 ///< "/etc/logzio-okta/tenants-credentials.yml" or "OKTA_API_KEY".
  std::vector<std::string> warnings;  ///< One line each, for the log.
};

}  // namespace logzio_okta
