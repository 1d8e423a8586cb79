// The text of a tenants file, from the file or the variable (tenants_file.hpp shows it).
#pragma once

#include <string>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/tenants.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// `name`: where the text is from. Errors of single entries are in `problems`.
[[nodiscard]] Result<Tenants> parse_tenants(const std::string& yaml, const std::string& name,
                                            const Environment& environment);

}  // namespace logzio_okta
