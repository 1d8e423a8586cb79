// Misnamed: variables that are set and not read, where another name was probably meant.
//
//     LOGZIO_LOGS_TOKEN is set, which is not read here; did you mean LOGZIO_TOKEN?
//
// Logz.io's other shippers and Okta's own tools call the same things by other names, and a misspelt
// LOGZIO_OKTA_... would otherwise be ignored in silence. No message holds a value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// For the end of an error that says that `variable` is not set: "; OTHER is set, which is not read here; did
/// you mean VARIABLE?", or nothing.
[[nodiscard]] std::string misnamed(std::string_view variable, const Environment& environment);

/// One warning each: what was probably meant for a variable that may be left out, and misspelt names that
/// begin with LOGZIO_OKTA_.
[[nodiscard]] std::vector<std::string> warnings_of_misnamed(const Environment& environment);

}  // namespace logzio_okta
