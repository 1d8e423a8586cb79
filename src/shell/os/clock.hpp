// Clock: the only place that reads the time for the core.
#pragma once

#include <chrono>

#include "logzio_okta/base/time.hpp"

#include "shell/os/patience.hpp"

namespace logzio_okta {

[[nodiscard]] inline WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::system_clock::now().time_since_epoch()));
}

[[nodiscard]] inline Now now() {
  return {.steady = steady_now(), .wall = wall_now()};
}

}  // namespace logzio_okta
