// Query strings, as a server reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logzio_okta::model {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// The parameters after '?', percent-decoded, in order. A '+' stays a '+'.
[[nodiscard]] Parameters parameters_of(std::string_view target);
/// The first parameter of that name.
[[nodiscard]] std::optional<std::string_view> find_parameter(const Parameters& parameters,
                                                             std::string_view name);
/// Everything but letters, digits and "-._~" escaped.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace logzio_okta::model
