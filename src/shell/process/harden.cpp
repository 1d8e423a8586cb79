#include "shell/process/harden.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/process/sanitized.hpp"

namespace logzio_okta {
namespace {

// The first file or socket we open would get the number of a closed standard stream, and every log line would
// go there.
void occupy_standard_streams() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

// The leak checker, which runs last, is a debugger of the same user.
void let_the_leak_checker_in() {
  prctl(PR_SET_DUMPABLE, 1);
}

}  // namespace

void harden_process() {
  occupy_standard_streams();
  prctl(PR_SET_DUMPABLE, 0);
  if (sanitized) std::atexit(let_the_leak_checker_in);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  umask(077);
}

}  // namespace logzio_okta
