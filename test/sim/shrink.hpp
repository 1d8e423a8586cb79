// Shrink: finds the fewest troubles, tenants and hours with which a failed seed still fails in the same way.
//
// A reader finds the three reasons out of thirty once the other twenty-seven are gone. A seed with less in it
// draws differently, so each attempt is made with a few other draws as well. Every run is a process of its
// own, since an abort in the core convicts too.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sim/plan.hpp"

namespace logzio_okta::sim {

/// How a seed is run.
struct Setup {
  std::uint64_t seed = 1;
  std::uint64_t hours = 48;
  Wishes wishes{};

  [[nodiscard]] Plan plan() const { return {seed, std::chrono::hours(hours), wishes}; }
  /// "--seed 7 --hours 3 --tenants 1 --only kills"
  [[nodiscard]] std::string flags() const;
};

/// A run that does not end has failed.
inline constexpr unsigned run_seconds_max = 300;

/// Runs it in a process of its own. Returns the violation without its names and numbers; nothing if it
/// passes.
[[nodiscard]] std::optional<std::string> failure_of(const Setup& setup);

/// `failing` fails. Tries for about this long.
[[nodiscard]] Setup shrink(Setup failing, std::chrono::seconds patience);

}  // namespace logzio_okta::sim
