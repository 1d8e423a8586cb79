// Progress: lines on a terminal that are redrawn while a person waits. Nothing is drawn if it is not a
// terminal.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// "[#########...........]  45 %"
[[nodiscard]] std::string progress_bar(double share);
/// "45 %, up to 2026-11-23T12:00:00Z, 12345 events, 812/s, 2 min left"; unknown parts are left out.
[[nodiscard]] std::string progress_text(double share, std::optional<WallTime> reached, std::uint64_t events,
                                        Duration running);

class ProgressLine {
 public:
  explicit ProgressLine(std::FILE* out);
  /// Clears the drawn lines.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  [[nodiscard]] bool drawing() const { return terminal_; }
  /// Replaces the drawn lines, each cut to the terminal's width and all to its height, because lines that
  /// have scrolled away cannot be redrawn. At most ten times a second.
  void draw(Instant now, const std::string& lines);
  /// Whether a call of `draw` would draw.
  [[nodiscard]] bool due(Instant now) const { return drawing() && now >= next_; }
  void clear();

 private:
  std::FILE* out_;
  bool terminal_;
  std::size_t lines_drawn_ = 0;
  Instant next_{};
};

}  // namespace logzio_okta
