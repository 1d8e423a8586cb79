#include "shell/process/console.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "logzio_okta/base/quote.hpp"

#include "shell/os/clock.hpp"

namespace logzio_okta {

void Console::say(Level level, std::string_view text, std::string_view tenant) {
  if (progress_) progress_->clear();
  log_.write(level, tenant, text, wall_now());
}

void Console::warn_of(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) say(Level::warn, without_credentials(warning));
}

void Console::warn_of_new(std::vector<std::string>& known, std::vector<std::string> warnings) {
  for (const std::string& warning : warnings) {
    if (std::ranges::find(known, warning) == known.end()) say(Level::warn, without_credentials(warning));
  }
  known = std::move(warnings);
}

void Console::show_progress(Instant now) {
  progress_.emplace(stderr, now);
  if (!progress_->drawing()) progress_.reset();
}

}  // namespace logzio_okta
