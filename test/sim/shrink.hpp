// Shrink: of a seed that failed, the least trouble, tenants and hours with which it still fails in the same
// way.
//
// What goes wrong for three reasons out of thirty is found by a reader once the other twenty-seven are gone.
// A seed with less in it draws otherwise, so each attempt is made with a few other draws as well. Every run
// is a process of its own, since an abort in the core convicts too.
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

/// A run that comes to no end is one that failed.
inline constexpr unsigned run_seconds_max = 300;

/// Runs it in a process of its own. What the violation is like, without its names and numbers; nothing if it
/// passes.
[[nodiscard]] std::optional<std::string> failure_of(const Setup& setup);

/// `failing` fails. Tries for about so long.
[[nodiscard]] Setup shrink(Setup failing, std::chrono::seconds patience);

}  // namespace logzio_okta::sim
