// The command `import-logstash DIR`: continues where the Logstash image stopped.
#pragma once

#include "shell/settings/settings.hpp"

namespace logzio_okta {

/// The process's exit code.
[[nodiscard]] int import_logstash(Settings settings, const Environment& environment);

}  // namespace logzio_okta
