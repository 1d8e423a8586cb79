// What people write about a tenant, in the tenants file or in variables: checked, with an error that says
// what to write instead. No error quotes a credential.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

[[nodiscard]] Result<void> check_api_key(std::string_view key);
/// The client id of a service app.
[[nodiscard]] Result<void> check_client_id(std::string_view id);
/// In the place of a domain or a file's name; there, it must not be quoted, as Domain's own errors would.
[[nodiscard]] bool looks_like_api_key(std::string_view text);
[[nodiscard]] Result<Domain> read_domain(std::string_view text);
/// A moment long ago is not an error here: the file outlives the day it was written, and the start is never
/// further back than Okta keeps events.
[[nodiscard]] Result<Since> read_since(std::string_view text, WallTime now);
/// The text of a constant field, as a JSON string.
[[nodiscard]] Result<std::string> read_constant(std::string_view text);
/// What Okta should filter by.
[[nodiscard]] Result<void> check_query(std::string_view text);

}  // namespace logzio_okta
