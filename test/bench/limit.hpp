// What the daemon is measured against, over the same pages, in one thread and without a network.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bench/pages.hpp"

namespace logzio_okta::bench {

/// CPU seconds of this thread.
[[nodiscard]] double thread_cpu_s();

/// The limit: the daemon's own codec, cutter and splice, and nothing else. Microseconds an event.
[[nodiscard]] double limit_us(const Pages& pages, std::size_t pages_measured);

/// Each stage by itself, the best of a few rounds.
struct Stage {
  std::string_view name;
  double us_per_page = 0;
  double mb_per_s = 0;  ///< Measured in plain JSON.
};
[[nodiscard]] std::vector<Stage> measure_stages(const Pages& pages, std::size_t pages_measured);

}  // namespace logzio_okta::bench
