#include "shell/process/signals.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"

#include "shell/os/descriptor.hpp"

namespace logzio_okta {
namespace {

// Signal handlers may only use globals like these.
volatile std::sig_atomic_t stops = 0;
volatile std::sig_atomic_t reloads = 0;
volatile std::sig_atomic_t event_fd = -1;

void on_signal(int signal) {
  const int saved_errno = errno;
  if (signal == SIGHUP) {
    reloads = 1;
  } else {
    if (stops != 0) _exit(exit_temporary);
    stops = 1;
  }
  const std::uint64_t one = 1;
  // A full counter is readable too, so a failed write loses nothing.
  [[maybe_unused]] const auto written = write(event_fd, &one, sizeof one);
  errno = saved_errno;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  CHECK(sigaction(signal, &action, nullptr) == 0);
}

/// Whether this process is still tied to a terminal.
bool has_terminal() {
  const Descriptor terminal(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  return static_cast<bool>(terminal);
}

/// As nohup sets it.
bool is_ignored(int signal) {
  struct sigaction action{};
  CHECK(sigaction(signal, nullptr, &action) == 0);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

Signals::Signals() : had_terminal_(!is_ignored(SIGHUP) && has_terminal()) {
  CHECK(event_fd == -1);
  event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(event_fd != -1);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
  handle(SIGTERM, on_signal);
  handle(SIGINT, on_signal);
  handle(SIGHUP, on_signal);
}

Signals::~Signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) handle(signal, SIG_DFL);
  close(event_fd);
  event_fd = -1;
}

int Signals::fd() const {
  return event_fd;
}

void Signals::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(event_fd, &count, sizeof count);
}

bool Signals::stop_asked() const {
  return stops != 0;
}

bool Signals::take_reload_asked() {
  const bool asked = reloads != 0;
  reloads = 0;
  if (!asked || !had_terminal_) return asked;
  hung_up_ = true;
  if (look_for_terminal()) return false;
  hung_up_ = true;
  return true;
}

bool Signals::look_for_terminal() {
  if (!std::exchange(hung_up_, false) || has_terminal()) return false;
  stops = 1;
  return true;
}

}  // namespace logzio_okta
