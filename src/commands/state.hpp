// The commands that show and repair the state: `set-aside list|show|retry|drop` and `cursor show|set`.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

[[nodiscard]] int set_aside_list(Settings settings, const Environment& environment);
[[nodiscard]] int set_aside_show(Settings settings, const Environment& environment);
[[nodiscard]] int set_aside_retry(Settings settings, const Environment& environment);
[[nodiscard]] int set_aside_drop(Settings settings, const Environment& environment);
[[nodiscard]] int cursor_show(Settings settings, const Environment& environment);
[[nodiscard]] int cursor_set(Settings settings, const Environment& environment);

}  // namespace logzio_okta
