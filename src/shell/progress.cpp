#include "shell/progress.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace logzio_okta {
namespace {

constexpr Duration redraw_pause = 100ms;
constexpr std::size_t bar_columns = 24;

/// 0 where it is no terminal.
std::size_t columns_of(std::FILE* out) {
  constexpr std::size_t usual = 80;
  const int fd = ::fileno(out);
  if (::isatty(fd) != 1) return 0;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

}  // namespace

std::string progress_bar(double share) {
  const auto full = static_cast<std::size_t>(std::floor(std::clamp(share, 0.0, 1.0) * bar_columns));
  return "[" + std::string(full, '#') + std::string(bar_columns - full, '.') + "]";
}

std::string progress_text(double share, std::optional<WallTime> reached, std::uint64_t events,
                          Duration running) {
  share = std::clamp(share, 0.0, 1.0);
  const double seconds = std::chrono::duration<double>(running).count();
  std::string text = std::to_string(static_cast<int>(std::floor(share * 100))) + " %";
  if (reached) text += ", up to " + format_rfc3339(*reached).substr(0, 19) + "Z";
  text += ", " + std::to_string(events) + " events";
  if (seconds >= 1 && events > 0)
    text += ", " + std::to_string(static_cast<std::uint64_t>(static_cast<double>(events) / seconds)) + "/s";
  if (seconds >= 2 && share >= 0.01 && share < 1) {
    const auto left = std::chrono::seconds(static_cast<std::int64_t>(seconds * (1 - share) / share));
    text += ", " + describe(left) + " left";
  }
  return text;
}

ProgressLine::ProgressLine(std::FILE* out) : out_(out), columns_(columns_of(out)) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::draw(Instant now, const std::string& lines) {
  if (!due(now)) return;
  next_ = now + redraw_pause;
  clear();
  std::string_view rest = lines;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string line(rest.substr(0, std::min(end, columns_ - 1)));
    std::fprintf(out_, "%s\n", line.c_str());
    ++lines_drawn_;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::fflush(out_);
}

void ProgressLine::clear() {
  if (lines_drawn_ == 0) return;
  // Up to the first of them, and everything from there on away.
  std::fprintf(out_, "\x1b[%zuA\r\x1b[J", lines_drawn_);
  std::fflush(out_);
  lines_drawn_ = 0;
}

}  // namespace logzio_okta
