// The Link header (RFC 8288): several header lines or one joined by commas, commas inside the URL, parameters
// in any order, `rel` quoted or not, several relations in one `rel`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// The target of the first link with that relation, byte for byte as between < and >.
/// nullopt if there is none; a malformed link value is skipped without affecting the others.
[[nodiscard]] std::optional<std::string> find_link(const Headers& headers, std::string_view relation);

}  // namespace logzio_okta
