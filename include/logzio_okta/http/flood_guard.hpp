// FloodGuard: limits addresses whose requests are refused again and again.
//
// Each address has a budget of refusals that refills over time. An empty budget never shuts out a client with
// a credential: a load balancer or a whole company may share an address, and the client that floods is not
// the one that delivers. So a flooding address is still served, with a second budget of connections that
// bounds the cost of its handshakes, and gets a 429 only if it shows no credential. IPv6 clients count by
// their /64, which is what one customer gets.
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
  double refusals = 100;            ///< In a burst,
  double refusals_per_second = 20;  ///< and in the long run.
  double connections = 200;         ///< From a flooding address: in a burst,
  /// and in the long run; at 0.5 ms per handshake, a tenth of the loop.
  double connections_per_second = 200;
  std::size_t addresses = 4096;  ///< Remembered at most; the fullest budgets are forgotten first.
};

class FloodGuard {
 public:
  explicit FloodGuard(FloodBounds bounds = {}) : bounds_(bounds) {}

  void refused(const AddressKey& address, Instant now);
  /// Its budget is used up.
  [[nodiscard]] bool is_flooding(const AddressKey& address, Instant now) const;
  /// Whether it may open one more connection now; the connection is counted if the address floods.
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
