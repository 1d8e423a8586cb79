#include "logzio_okta/http/flood_guard.hpp"

#include <algorithm>
#include <chrono>
#include <span>

namespace logzio_okta {

AddressKey key_of(const IpAddress& address) {
  constexpr std::size_t half = IpAddress::bytes / 2;
  const std::span raw(address.raw());
  AddressKey key{};
  key.front() = address.is_v4() ? 4 : 6;
  if (address.is_v4()) {
    std::ranges::copy(raw.last<IpAddress::v4_bytes>(), key.begin() + 1);
  } else {
    std::ranges::copy(raw.first<half>(), key.begin() + 1);
  }
  return key;
}

FloodGuard::Purses FloodGuard::filled(const Purses& purses, Instant now) const {
  const double seconds = std::chrono::duration<double>(now - purses.at).count();
  return {.refusals = std::min(bounds_.refusals, purses.refusals + seconds * bounds_.refusals_per_second),
          .connections =
              std::min(bounds_.connections, purses.connections + seconds * bounds_.connections_per_second),
          .at = now};
}

void FloodGuard::refused(const AddressKey& address, Instant now) {
  if (purses_.size() >= bounds_.addresses && !purses_.contains(address)) forget_one(now);
  const Purses full{.refusals = bounds_.refusals, .connections = bounds_.connections, .at = now};
  Purses& purses = purses_.try_emplace(address, full).first->second;
  purses = filled(purses, now);
  purses.refusals = std::max(0.0, purses.refusals - 1);
}

bool FloodGuard::is_flooding(const AddressKey& address, Instant now) const {
  const auto found = purses_.find(address);
  return found != purses_.end() && filled(found->second, now).refusals < 1;
}

bool FloodGuard::may_connect(const AddressKey& address, Instant now) {
  const auto found = purses_.find(address);
  if (found == purses_.end()) return true;
  Purses& purses = found->second;
  purses = filled(purses, now);
  if (purses.refusals >= 1) return true;
  if (purses.connections < 1) return false;
  purses.connections -= 1;
  return true;
}

void FloodGuard::forget_one(Instant now) {
  purses_.erase(std::ranges::max_element(
      purses_, {}, [&](const auto& each) { return filled(each.second, now).refusals; }));
}

}  // namespace logzio_okta
