// PostgresView: a shared state as StateView shows it. It and running replicas do not disturb each other.
#pragma once

#include <memory>

#include "logzio_okta/base/error.hpp"

#include "shell/postgres/access.hpp"
#include "shell/state/state_view.hpp"

namespace logzio_okta {

/// The error says that there is no state, or why it cannot be read.
[[nodiscard]] Result<std::unique_ptr<StateView>> view_store(const StoreAccess& access);

}  // namespace logzio_okta
