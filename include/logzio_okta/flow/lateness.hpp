// Lateness: when a tenant's log was last answered and delivered, and how far behind its delivery is.
//
// At the end of Okta's log, behind is what the listener has not taken yet. Before it, behind is how old the
// last delivered event is.
#pragma once

#include <optional>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/progress.hpp"
#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

class Lateness {
 public:
  /// A page came. `at_tail`: it reached up to Okta's present.
  void answered(Instant now, bool at_tail);
  /// Whether the end is still in sight is unknown.
  void failed() { at_tail_ = false; }
  void delivered(Instant now) { delivered_at_ = now; }

  /// The last page reached up to Okta's present.
  [[nodiscard]] bool at_tail() const { return at_tail_; }
  /// Fills in `last_answer`, `last_delivery` and `behind`. An answer is due every `poll_interval`.
  void report(Now now, const Progress& progress, Duration poll_interval, TenantReport& report) const;

 private:
  bool at_tail_ = false;
  std::optional<Instant> answered_at_;
  std::optional<Instant> delivered_at_;
};

}  // namespace logzio_okta
