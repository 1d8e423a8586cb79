#include "commands/status.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/output/printing.hpp"
#include "shell/postgres/access.hpp"
#include "shell/serve/admin_client.hpp"

namespace logzio_okta {
namespace {

constexpr int watch_ms = 2000;

/// The width of the terminal that shows the output; 0 if the output goes elsewhere.
unsigned terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// The default address may be taken by another daemon, and then its answer looks like ours.
bool is_ours(const Settings& settings, std::FILE* out) {
  auto theirs = ask_admin(*settings.options.admin, "/state-dir");
  if (!theirs) return true;  // An older daemon does not tell.
  while (theirs->ends_with('\n')) theirs->pop_back();
  if (!settings.has("json")) std::printf("state in %s\n", printable(*theirs).c_str());
  if (settings.options.store) {
    const std::string place = place_of(StoreAccess{.url = *settings.options.store});
    if (*theirs == place) return true;
    std::fprintf(out,
                 "logzio-okta: this is the daemon whose state is in %s, not in %s: that one is not running, "
                 "or found its --admin address in use; give each daemon an --admin address of its own\n",
                 printable(*theirs).c_str(), quotable(place).c_str());
    return false;
  }
  if (!settings.options.state_dir) return true;
  std::error_code ignored;
  const auto same_path = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(path, ignored);
  };
  if (same_path(*theirs) == same_path(*settings.options.state_dir)) return true;
  std::fprintf(
      out,
      "logzio-okta: this is the daemon whose state is in %s, not the one of %s: that one is not running, or "
      "found its --admin address in use; give each daemon an --admin address of its own\n",
      printable(*theirs).c_str(), quotable(*settings.options.state_dir).c_str());
  return false;
}

/// 0 when it says that it is ready and that no tenant is in trouble.
int show(const Settings& settings, const std::string& page, bool redraw) {
  const AdminAddress& address = *settings.options.admin;
  const auto answer = ask_admin(address, page);
  if (redraw) std::fputs("\x1b[H\x1b[2J", stdout);  // Cursor home, screen cleared.
  if (!answer) {
    print(redraw ? stdout : stderr, "logzio-okta: " + answer.error().text + "\n");
    std::fflush(stdout);
    return exit_unavailable;
  }
  print(stdout, *answer);
  const bool ours = is_ours(settings, redraw ? stdout : stderr);
  std::fflush(stdout);
  return ours && ask_admin(address, "/readyz/all") ? 0 : exit_unavailable;
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
  if (!settings.has("watch")) return show(settings, page, false);
  const bool redraw = ::isatty(STDOUT_FILENO) == 1 && !settings.has("json");
  // Until the reader has seen enough: interrupted, or the other end of the pipe is closed.
  pollfd reader{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  int seen = 0;
  do {
    seen = show(settings, page, redraw);
  } while (::poll(&reader, 1, watch_ms) == 0);
  return seen;
}

}  // namespace logzio_okta
