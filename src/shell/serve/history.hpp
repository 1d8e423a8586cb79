// History: the last half hour of each tenant, a sample every ten seconds, so that somebody who opens the
// status page sees at once how it has been going. Bounded: two numbers a sample and tenant.
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

  explicit History(Instant now) : due_(now) {}

  [[nodiscard]] Instant due() const { return due_; }
  void sample(Instant now, const Report& report);
  /// Delivered events a second over the last minute; nothing before the second sample.
  [[nodiscard]] std::optional<double> events_per_second(std::string_view domain) const;
  /// {"interval_seconds":10,"tenants":[{"domain":"...","delivered":[...],"behind_seconds":[...]}]}: events
  /// delivered between two samples, and the lag (null where it was not known), the oldest first.
  [[nodiscard]] std::string json() const;

 private:
  struct Sample {
    Instant at;
    std::uint64_t delivered = 0;  ///< Since the start.
    std::optional<Duration> behind;
  };
  struct Tenant {
    std::string domain;
    std::deque<Sample> samples;
  };
  std::vector<Tenant> tenants_;  ///< In the report's order.
  Instant due_;
};

}  // namespace logzio_okta
