#include "shell/output/progress.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr Duration redraw_pause = 100ms;
constexpr std::size_t bar_columns = 24;

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// The current size: windows are resized.
Size size_of(std::FILE* out) {
  Size size;
  winsize said{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &said) != 0) return size;
  if (said.ws_col > 0) size.columns = said.ws_col;
  if (said.ws_row > 2) size.rows = said.ws_row;
  return size;
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
  text += ", " + counted(events, "event");
  if (seconds >= 1 && events > 0)
    text += ", " + std::to_string(static_cast<std::uint64_t>(static_cast<double>(events) / seconds)) + "/s";
  if (seconds >= 2 && share >= 0.01 && share < 1) {
    const auto left = static_cast<std::int64_t>(std::ceil(seconds * (1 - share) / share));
    text += ", " + describe(std::chrono::seconds(left)) + " left";
  }
  return text;
}

ProgressLine::ProgressLine(std::FILE* out) : out_(out), terminal_(::isatty(::fileno(out)) == 1) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::draw(Instant now, const std::string& lines) {
  if (!due(now)) return;
  next_ = now + redraw_pause;
  clear();
  const Size size = size_of(out_);
  std::vector<std::string> shown;
  std::string_view rest = lines;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    shown.emplace_back(rest.substr(0, std::min(end, size.columns - 1)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  // One row is for the cursor.
  if (const std::size_t most = size.rows - 1; shown.size() > most) {
    const std::string more = "... and " + std::to_string(shown.size() - most + 1) + " more";
    shown.resize(most);
    shown.back() = more.substr(0, size.columns - 1);
  }
  for (const std::string& line : shown) std::fprintf(out_, "%s\n", line.c_str());
  lines_drawn_ = shown.size();
  std::fflush(out_);
}

void ProgressLine::clear() {
  if (lines_drawn_ == 0) return;
  // Up to the first of them, and clear everything from there.
  std::fprintf(out_, "\x1b[%zuA\r\x1b[J", lines_drawn_);
  std::fflush(out_);
  lines_drawn_ = 0;
}

}  // namespace logzio_okta
