// The state of the Logstash image's Okta plugin: one small file per tenant with the URL of its next request.
//
//     acme.okta.com_system_log_state.2056.1.498273 https://acme.okta.com/api/v1/logs?limit=1000&after=...\n
//
// The plugin (logstash-input-okta_system_log 0.10) keeps them in <path.data>/plugins/inputs/okta_system_log,
// in the image /usr/share/logstash/data/plugins/inputs/okta_system_log. It ends the URL with a line feed, so
// a file without one was cut off.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

struct LogstashState {
  std::string file;    ///< Its name.
  std::string domain;  ///< From the name.
  std::string url;     ///< Byte for byte.
};

struct LogstashStates {
  std::vector<LogstashState> states;  ///< By domain; at most one of each.
  std::vector<std::string> skipped;   ///< "FILE: why", one line each.
};

/// The state files in a directory. The error says that it is not a directory, or has none.
[[nodiscard]] Result<LogstashStates> read_logstash_states(const std::string& dir);

/// When the events after this link were published, if its cursor shows that: Okta's begins with the
/// milliseconds since 1970 ("after=1627500044869_1").
[[nodiscard]] std::optional<WallTime> moment_in_link(std::string_view target);

}  // namespace logzio_okta
