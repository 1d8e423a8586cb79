// Reporting: assembles the Report from the parts of the core.
#pragma once

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/hook_orgs.hpp"
#include "logzio_okta/flow/memory.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/roster.hpp"
#include "logzio_okta/flow/watch.hpp"

namespace logzio_okta {

/// Its sources.
struct Core {
  const ActiveRoster& roster;
  const HookOrgs& hooks;
  const Memory& memory;
  const Watch& watch;
  const Policy& policy;
  Instant started;
  bool listening = false;  ///< For hooks.
  bool stopping = false;
};
[[nodiscard]] Report draw_report(Now now, const Core& core);

}  // namespace logzio_okta
