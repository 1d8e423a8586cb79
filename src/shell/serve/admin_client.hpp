// Asks a running daemon's admin server.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

/// The page at `path`, if the daemon at that address answers 200 within a few seconds; 0.0.0.0 and [::] are
/// asked over loopback. The error is one line that names the address and what to do.
[[nodiscard]] Result<std::string> ask_admin(const AdminAddress& address, const std::string& path);

}  // namespace logzio_okta
