// The URL of a shared state, as a flag or a variable has it.
#pragma once

#include <string_view>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

/// postgresql://, in libpq's own grammar, and without a password: every user of the machine can read a flag's
/// value. The error never quotes what may be one.
[[nodiscard]] Result<void> check_store_url(std::string_view url);

}  // namespace logzio_okta
