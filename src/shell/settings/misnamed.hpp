// Misnamed: finds variables that are set but not used, where another name was probably meant.
//
//     LOGZIO_LOGS_TOKEN is set but not used; did you mean LOGZIO_TOKEN?
//
// Logz.io's other shippers and Okta's own tools use other names for the same settings, and a misspelt
// LOGZIO_OKTA_... would otherwise be silently ignored. No message contains a value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// The end of an error about `variable` not being set: "; OTHER is set but not used; did you mean VARIABLE?",
/// or nothing.
[[nodiscard]] std::string misnamed(std::string_view variable, const Environment& environment);

/// One warning for each name that was probably meant as an optional variable, and for each misspelt name that
/// begins with LOGZIO_OKTA_.
[[nodiscard]] std::vector<std::string> warnings_of_misnamed(const Environment& environment);

}  // namespace logzio_okta
