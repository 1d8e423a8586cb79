// A service app as it is written in the tenants file or in variables.
#pragma once

#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/tenants.hpp"

namespace logzio_okta {

/// The key is verified. The error never quotes it.
[[nodiscard]] Result<ServiceAppEntry> read_service_app(std::string_view client_id,
                                                       std::string_view private_key, std::string_view key_id);

}  // namespace logzio_okta
