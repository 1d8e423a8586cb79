// How the value of each option is read, from its flag or its variable.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

struct OptionValue {
  std::string text;
  std::string from;  ///< "--since" or "LOGZIO_OKTA_SINCE".
  bool of_flag = false;
};

/// Puts the value of this flag of option_table() into its option. `flag`: without dashes.
[[nodiscard]] Result<void> take_value(Options& options, std::string_view flag, const OptionValue& value,
                                      WallTime now);

}  // namespace logzio_okta
