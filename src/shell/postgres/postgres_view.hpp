// PostgresView: a shared state as StateView shows it. Whatever a replica does meanwhile is in no one's way.
#pragma once

#include <memory>

#include "logzio_okta/base/error.hpp"

#include "shell/postgres/access.hpp"
#include "shell/state/state_view.hpp"

namespace logzio_okta {

/// The error says that there is no state, or why it cannot be read.
[[nodiscard]] Result<std::unique_ptr<StateView>> view_store(const StoreAccess& access);

}  // namespace logzio_okta
