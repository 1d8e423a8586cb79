#include "shell/os/background.hpp"

#include <thread>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"

namespace logzio_okta {
namespace {

/// In a child that may start no thread.
bool holds_without_threads(bool (*claim)()) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    constexpr uid_t nobody = 65534;  // The limit is not for root.
    const bool limited = ::setrlimit(RLIMIT_NPROC, &none) == 0 && (::geteuid() != 0 || ::setuid(nobody) == 0);
    ::_exit(limited && claim() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("background: work is done in another thread, which gives way, and its result is handed over") {
  const auto here = std::this_thread::get_id();
  const int before = ::getpriority(PRIO_PROCESS, 0);
  auto work =
      in_background([] { return std::pair(std::this_thread::get_id(), ::getpriority(PRIO_PROCESS, 0)); });
  while (!is_done(work)) std::this_thread::yield();
  const auto [there, priority] = work.get();
  CHECK(there != here);
  CHECK(priority > before);
  CHECK(::getpriority(PRIO_PROCESS, 0) == before);
}

TEST_CASE("background: where no thread can be started the work is done late, instead of never") {
  CHECK(holds_without_threads([] {
    const auto here = std::this_thread::get_id();
    const int before = ::getpriority(PRIO_PROCESS, 0);
    auto work = in_background([] { return std::this_thread::get_id(); });
    return is_done(work) && work.get() == here && ::getpriority(PRIO_PROCESS, 0) == before;
  }));
}

}  // namespace
}  // namespace logzio_okta
