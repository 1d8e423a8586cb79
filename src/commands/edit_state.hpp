// The state that a command changes, wherever the settings say it is.
#pragma once

#include <expected>

#include "shell/settings/settings.hpp"
#include "shell/state/state_edit.hpp"

namespace logzio_okta {

[[nodiscard]] std::expected<StateEdit, StoreError> edit_state(const Settings& settings,
                                                              const Environment& environment);

}  // namespace logzio_okta
