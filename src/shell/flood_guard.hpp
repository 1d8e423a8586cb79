// FloodGuard: an address whose requests are refused again and again is heard ever less.
//
// Each address has a purse of so many refusals, filled up again over time. Deliveries that are let in cost
// nothing, so that whoever has a credential is never limited. IPv6 clients count by their /64, which is what
// one customer gets.
#pragma once

#include <array>
#include <cstddef>
#include <map>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// An IPv4 address, or the first half of an IPv6 one.
using AddressKey = std::array<unsigned char, 9>;

struct FloodBounds {
  double refusals = 100;            ///< At once,
  double refusals_per_second = 20;  ///< and then in the long run.
  std::size_t addresses = 4096;     ///< Remembered at most; the fullest purses are forgotten first.
};

class FloodGuard {
 public:
  explicit FloodGuard(FloodBounds bounds = {}) : bounds_(bounds) {}

  void refused(const AddressKey& address, Instant now);
  /// Its purse is empty.
  [[nodiscard]] bool is_flooding(const AddressKey& address, Instant now) const;

 private:
  struct Purse {
    double left = 0;
    Instant at;
  };
  [[nodiscard]] double left(const Purse& purse, Instant now) const;
  void forget_one(Instant now);

  FloodBounds bounds_;
  std::map<AddressKey, Purse> purses_;
};

}  // namespace logzio_okta
