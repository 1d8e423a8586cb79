#include "commands/run.hpp"

#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/clock.hpp"
#include "shell/daemon.hpp"
#include "shell/log.hpp"

namespace logzio_okta {
namespace {

// A standard stream that is closed would lend its number to the first file or socket we open, and every log
// line would go there.
void occupy_standard_streams() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

// Keys live in this process's memory: no core dump, no debugger of the same user, no file for others to read.
void harden() {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  umask(077);
}

}  // namespace

int run(Settings settings, const Environment& environment) {
  occupy_standard_streams();
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
