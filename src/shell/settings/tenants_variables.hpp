// The single tenant of OKTA_API_KEY (or OKTA_CLIENT_ID) and OKTA_DOMAIN, and what variables say of all
// tenants.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/tenants.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// `places`: where no tenants file was found, for the error if the variables are not set either.
[[nodiscard]] Result<Tenants> tenant_of_variables(const Environment& environment,
                                                  std::span<const std::string_view> places);

/// ENV_ID as a constant field of every line, if it is set.
[[nodiscard]] Result<std::vector<ConstantField>> environment_fields(const Environment& environment);

}  // namespace logzio_okta
