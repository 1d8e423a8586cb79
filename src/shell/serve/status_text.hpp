// The status as text: what `logzio-okta status` shows.
//
//     ready for 8 of 12 tenants: 4 held; running for 2 d 3 h
//
//     TENANT         STATE      BEHIND  ...
//
// What Okta or Logz.io last objected to follows the table, whole: its end is the cure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/flow/report.hpp"

#include "shell/serve/history.hpp"

namespace logzio_okta {

/// One line without its end: whether it works, and if not for all, for how many not and why.
[[nodiscard]] std::string headline(const Report& report);

/// In the headline, while a file on disk is not in force.
inline constexpr std::string_view changed_file_refused = "a changed file cannot be used";

/// `columns`: of the terminal; the table leaves out what matters least until it fits. 0: whatever it needs.
/// `refused`: ProcessFacts::refused.
[[nodiscard]] std::string status_text(const Report& report, const History& history, std::size_t columns = 0,
                                      const std::vector<std::string>& refused = {});

}  // namespace logzio_okta
