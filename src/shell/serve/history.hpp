// History: the last half hour of each tenant, a sample every ten seconds, and the last six hours of all of
// them, a sample a minute, so that the status page shows at once how it has been going. Bounded: three
// numbers a sample and tenant, two a minute, and a few errors.
//
//     if (now >= history.due()) history.sample(now, scheduler.report(now));
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

class History {
 public:
  static constexpr Duration interval = 10s;
  static constexpr std::size_t samples_max = 180;
  static constexpr Duration fleet_interval = 60s;
  static constexpr std::size_t fleet_samples_max = 360;
  static constexpr std::size_t errors_max = 5;

  explicit History(Instant now) : minute_ends_(now + fleet_interval), due_(now) {}

  [[nodiscard]] Instant due() const { return due_; }
  void sample(Instant now, const Report& report);
  /// Delivered events a second over the last minute; nothing before the second sample.
  [[nodiscard]] std::optional<double> events_per_second(std::string_view domain) const;
  /// {"interval_seconds":10,"tenants":[{"domain":"...","delivered":[...],"behind_seconds":[...],
  /// "rate_remaining":[...],"errors":[{"at":"...","text":"..."}]}],"fleet":{"interval_seconds":60,
  /// "delivered":[...],"behind_seconds":[...]}}: events delivered between two samples, the lag (of the fleet
  /// the greatest) and the requests that Okta has left us (null where not known), the oldest first.
  [[nodiscard]] std::string json() const;

 private:
  struct Sample {
    Instant at;
    std::uint64_t delivered = 0;  ///< Since the start.
    std::optional<Duration> behind;
    std::optional<std::int64_t> rate_remaining;
  };
  struct Error {
    WallTime at;
    std::string text;
  };
  struct Tenant {
    std::string domain;
    std::deque<Sample> samples;
    std::deque<Error> errors;  ///< Each where it differs from the one before.
    bool in_error = false;
  };
  struct FleetSample {
    std::uint64_t delivered = 0;  ///< Within it.
    std::optional<Duration> behind;
  };

  /// A tenant's next sample; the events it delivered since the one before.
  static std::uint64_t extend(Tenant& tenant, Instant now, WallTime at, const TenantReport& report);
  void extend_fleet(Instant now, const FleetSample& since_last);

  std::vector<Tenant> tenants_;  ///< In the report's order.
  std::deque<FleetSample> fleet_;
  FleetSample minute_;  ///< The one that is not over.
  Instant minute_ends_;
  Instant due_;
};

}  // namespace logzio_okta
