// Console: the daemon's log lines and, with --once on a terminal, the progress that is drawn below them.
//
//     Console console(log);
//     console.say(Level::info, "stopped in order");
//     console.show_progress(steady_now());  // With --once; does nothing unless stderr is a terminal.
//     if (console.progress_due(now)) console.draw(report, now);
//
// One object writes both, because a line must first clear what is drawn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/report.hpp"

#include "shell/output/once_view.hpp"
#include "shell/process/log.hpp"

namespace logzio_okta {

class Console {
 public:
  /// The log must outlive it.
  explicit Console(Log& log) : log_(log) {}

  void say(Level level, std::string_view text, std::string_view tenant = {});
  /// Logs them at WARN, without credentials.
  void warn_of(const std::vector<std::string>& warnings);
  /// The same, for a file that is read again: it may still have its old faults, so only those that are not in
  /// `known` are logged. `known` becomes `warnings`.
  void warn_of_new(std::vector<std::string>& known, std::vector<std::string> warnings);

  void show_progress(Instant now);
  [[nodiscard]] bool progress_due(Instant now) const { return progress_ && progress_->due(now); }
  void draw(const Report& report, Instant now) { progress_->draw(report, now); }

  [[nodiscard]] std::uint64_t lines_dropped() const { return log_.dropped(); }

 private:
  Log& log_;
  std::optional<OnceView> progress_;
};

}  // namespace logzio_okta
