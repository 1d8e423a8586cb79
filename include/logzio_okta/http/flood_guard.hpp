// FloodGuard: an address whose requests are refused again and again is heard ever less.
//
// Each address has a purse of so many refusals, filled up again over time. An empty one never keeps out who
// has a credential: addresses are shared, by a balancer or a whole company, and the one who floods is not the
// one who delivers. So a flooding address goes on to be heard, with a second purse of so many connections,
// which bounds what its handshakes cost; and whoever it is, is told 429 only where no credential was shown.
// IPv6 clients count by their /64, which is what one customer gets.
#pragma once

#include <array>
#include <cstddef>
#include <map>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/address.hpp"

namespace logzio_okta {

/// An IPv4 address, or the first half of an IPv6 one.
using AddressKey = std::array<unsigned char, 9>;
[[nodiscard]] AddressKey key_of(const IpAddress& address);

struct FloodBounds {
  double refusals = 100;            ///< At once,
  double refusals_per_second = 20;  ///< and then in the long run.
  double connections = 200;         ///< Of an address that floods: at once,
  /// and in the long run; with a handshake of 0.5 ms a tenth of the loop.
  double connections_per_second = 200;
  std::size_t addresses = 4096;  ///< Remembered at most; the fullest purses are forgotten first.
};

class FloodGuard {
 public:
  explicit FloodGuard(FloodBounds bounds = {}) : bounds_(bounds) {}

  void refused(const AddressKey& address, Instant now);
  /// Its purse is empty.
  [[nodiscard]] bool is_flooding(const AddressKey& address, Instant now) const;
  /// Whether it may have one more connection now, which is counted if it floods.
  [[nodiscard]] bool may_connect(const AddressKey& address, Instant now);

 private:
  struct Purses {
    double refusals = 0;  ///< Left at that moment,
    double connections = 0;
    Instant at;
  };
  [[nodiscard]] Purses filled(const Purses& purses, Instant now) const;
  void forget_one(Instant now);

  FloodBounds bounds_;
  std::map<AddressKey, Purses> purses_;
};

}  // namespace logzio_okta
