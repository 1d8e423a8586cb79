#include "commands/run.hpp"

#include <utility>

#include "logzio_okta/base/quote.hpp"

#include "shell/os/clock.hpp"
#include "shell/process/daemon.hpp"
#include "shell/process/harden.hpp"
#include "shell/process/log.hpp"

namespace logzio_okta {

int run(Settings settings, const Environment& environment) {
  harden_process();
  Log log(settings.options.level, settings.options.format);
  auto daemon = Daemon::start(std::move(settings), environment, log);
  if (!daemon) {
    for (const std::string& problem : daemon.error().problems)
      log.write(Level::fatal, {}, without_credentials(problem), wall_now());
    return daemon.error().exit_code;
  }
  return (*daemon)->run();
}

}  // namespace logzio_okta
