#include "shell/flood_guard.hpp"

#include <algorithm>
#include <chrono>

namespace logzio_okta {

double FloodGuard::left(const Purse& purse, Instant now) const {
  const double seconds = std::chrono::duration<double>(now - purse.at).count();
  return std::min(bounds_.refusals, purse.left + seconds * bounds_.refusals_per_second);
}

void FloodGuard::refused(const AddressKey& address, Instant now) {
  if (purses_.size() >= bounds_.addresses && !purses_.contains(address)) forget_one(now);
  Purse& purse = purses_.try_emplace(address, Purse{.left = bounds_.refusals, .at = now}).first->second;
  purse = {.left = std::max(0.0, left(purse, now) - 1), .at = now};
}

bool FloodGuard::is_flooding(const AddressKey& address, Instant now) const {
  const auto found = purses_.find(address);
  return found != purses_.end() && left(found->second, now) < 1;
}

void FloodGuard::forget_one(Instant now) {
  purses_.erase(
      std::ranges::max_element(purses_, {}, [&](const auto& each) { return left(each.second, now); }));
}

}  // namespace logzio_okta
