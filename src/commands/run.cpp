#include "commands/run.hpp"

#include <utility>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "shell/clock.hpp"
#include "shell/daemon.hpp"
#include "shell/log.hpp"

namespace logzio_okta {
namespace {

// Keys live in this process's memory: no core dump, no debugger of the same user, no file for others to read.
void harden() {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  umask(077);
}

}  // namespace

int run(Settings settings, const Environment& environment) {
  harden();
  Log log(settings.options.level, settings.options.format);
  auto daemon = Daemon::start(std::move(settings), environment, log);
  if (!daemon) {
    log.write(Level::fatal, {}, daemon.error().text, wall_now());
    return daemon.error().exit_code;
  }
  return (*daemon)->run();
}

}  // namespace logzio_okta
