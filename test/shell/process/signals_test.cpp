#include "shell/process/signals.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/os/descriptor.hpp"

using namespace logzio_okta;

namespace {

enum class Terminal : std::uint8_t { none, stays, goes };
enum class Outcome : std::uint8_t { nothing, reload, stop };

struct Start {
  Terminal terminal = Terminal::none;
  bool ignores_hup = false;  ///< As nohup leaves it.
};

/// In a process of its own, the leader of a session: what a HUP means there.
[[noreturn]] void listen(const Start& start, const char* terminal, int ready) {
  ::setsid();
  std::signal(SIGHUP, start.ignores_hup ? SIG_IGN : SIG_DFL);
  // The first terminal that a session's leader opens becomes its own.
  const Descriptor own(start.terminal == Terminal::none ? -1 : ::open(terminal, O_RDWR));
  Signals signals;
  [[maybe_unused]] const auto told = ::write(ready, "r", 1);
  pollfd waited{.fd = signals.fd(), .events = POLLIN, .revents = 0};
  constexpr int patience_ms = 20'000;
  while (::poll(&waited, 1, patience_ms) < 0) {
  }
  signals.drain();
  const bool reload = signals.take_reload_asked();
  const bool stop = signals.stop_asked();
  ::_exit(static_cast<int>(stop ? Outcome::stop : reload ? Outcome::reload : Outcome::nothing));
}

Outcome outcome_of(const Start& start) {
  Descriptor master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(master);
  REQUIRE(::grantpt(master.get()) == 0);
  REQUIRE(::unlockpt(master.get()) == 0);
  const std::string terminal = ::ptsname(master.get());
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const Descriptor ready(ends[0]);
  const Descriptor tell(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    master = Descriptor();
    listen(start, terminal.c_str(), tell.get());
  }
  char byte = 0;
  REQUIRE(::read(ready.get(), &byte, 1) == 1);
  if (start.terminal == Terminal::goes) master = Descriptor();
  ::kill(child, SIGHUP);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return static_cast<Outcome>(WEXITSTATUS(status));
}

}  // namespace

TEST_CASE("signals: HUP reads the files again, with a terminal or without one") {
  CHECK(outcome_of({.terminal = Terminal::none}) == Outcome::reload);
  CHECK(outcome_of({.terminal = Terminal::stays}) == Outcome::reload);
}

TEST_CASE("signals: a HUP because the terminal has gone is a stop, unless nohup said otherwise") {
  CHECK(outcome_of({.terminal = Terminal::goes}) == Outcome::stop);
  CHECK(outcome_of({.terminal = Terminal::goes, .ignores_hup = true}) == Outcome::reload);
}
