// TurnTimes: how long the turns of a loop took. A turn is what happens between two waits; while it lasts,
// nothing else does.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

struct TurnTimes {
  static constexpr std::array<Duration, 5> bounds = {1ms, 10ms, 100ms, 1s, 10s};

  /// How many took at most each bound and more than the one before; last, those beyond all.
  std::array<std::uint64_t, bounds.size() + 1> counts{};
  Duration total{};

  void add(Duration turn) {
    const auto bound = std::ranges::lower_bound(bounds, turn);
    ++counts[static_cast<std::size_t>(bound - bounds.begin())];
    total += turn;
  }
};

}  // namespace logzio_okta
