// What `logzio-okta status` shows: the report as a table for people. Pure.
#pragma once

#include <string>

#include "logzio_okta/flow/report.hpp"

#include "shell/history.hpp"

namespace logzio_okta {

/// Whether it works, the tenants as a table, totals and the listener; lines in the report's order, each
/// ending in '\n', of plain printable text whatever the report's texts hold.
[[nodiscard]] std::string status_text(const Report& report, const History& history);

}  // namespace logzio_okta
