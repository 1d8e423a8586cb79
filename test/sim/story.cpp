#include "sim/story.hpp"

#include <cstdio>

namespace logzio_okta::sim {

void Story::write(Instant now, std::string_view text) {
  const auto ms = to_ms(now.time_since_epoch()).count();
  char stamp[64];
  std::snprintf(stamp, sizeof stamp, "%3lldh %02lld:%02lld.%03lld #%llu  ",
                static_cast<long long>(ms / 3'600'000), static_cast<long long>(ms / 60'000 % 60),
                static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000),
                static_cast<unsigned long long>(step_));
  std::string line = stamp;
  line += text;
  if (telling_ == Telling::aloud) {
    std::puts(line.c_str());
    return;
  }
  lines_.push_back(std::move(line));
  if (lines_.size() > lines_max) lines_.pop_front();
}

}  // namespace logzio_okta::sim
