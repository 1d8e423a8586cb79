// What a line of a bulk can be made to say once more: the event in it, and that it may be a repeat.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/logzio/bulk.hpp"

namespace logzio_okta {

/// Okta's bytes of the event in a line (its line breaks between tokens have become spaces).
[[nodiscard]] std::string event_in(std::string_view line, const LineRecord& record);

/// The line with "possible_duplicate" said in it. Empty if the event's own key logzio_okta leaves no room for
/// ours.
[[nodiscard]] std::string marked_line(std::string_view line, const LineRecord& record);

}  // namespace logzio_okta
