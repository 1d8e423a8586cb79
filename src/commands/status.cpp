#include "commands/status.hpp"

#include <cstdio>
#include <string>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shell/admin_client.hpp"

namespace logzio_okta {
namespace {

constexpr int watch_ms = 2000;

/// Of the terminal it is shown on; 0 where it goes elsewhere.
unsigned terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// 0 when it says that it is ready and that no tenant is in trouble.
int show(const AdminAddress& address, const std::string& page, bool redraw) {
  const auto answer = ask_admin(address, page);
  if (redraw) std::fputs("\x1b[H\x1b[2J", stdout);  // Cursor home, screen cleared.
  if (!answer) {
    std::fprintf(redraw ? stdout : stderr, "logzio-okta: %s\n", answer.error().text.c_str());
    std::fflush(stdout);
    return exit_unavailable;
  }
  std::fputs(answer->c_str(), stdout);
  std::fflush(stdout);
  return ask_admin(address, "/readyz/all") ? 0 : exit_unavailable;
}

}  // namespace

int status(Settings settings, const Environment& /*environment*/) {
  const auto& address = settings.options.admin;
  if (!address) {
    std::fputs("logzio-okta: --admin off serves no status; name the ADDR:PORT the daemon was given\n",
               stderr);
    return exit_usage;
  }
  const std::string page =
      settings.has("json") ? "/status" : "/status.txt?columns=" + std::to_string(terminal_columns());
  if (!settings.has("watch")) return show(*address, page, false);
  const bool redraw = ::isatty(STDOUT_FILENO) == 1 && !settings.has("json");
  // Until the reader has seen enough: interrupted, or the other end of the pipe is closed.
  pollfd reader{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  int seen = 0;
  do {
    seen = show(*address, page, redraw);
  } while (::poll(&reader, 1, watch_ms) == 0);
  return seen;
}

}  // namespace logzio_okta
