// The status page: one HTML file without a request to elsewhere, built into the program from
// status_page.html.
#pragma once

#include <string_view>

namespace logzio_okta {

/// It asks /history once and /status every few seconds, and says so when nobody answers.
[[nodiscard]] std::string_view status_page();

}  // namespace logzio_okta
