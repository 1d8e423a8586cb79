// Watch: the log lines that concern more than one tenant or destination: a summary every five minutes, one
// org under two names, a wrong clock, a state that cannot be saved.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/roster.hpp"
#include "logzio_okta/flow/twins.hpp"

namespace logzio_okta {

class Watch {
 public:
  /// The references must outlive it.
  Watch(Instant now, ActiveRoster& roster, std::deque<Output>& outputs);

  /// Does what is due: summaries and the tenants' retention.
  void look(Now now);
  [[nodiscard]] Instant deadline() const;
  /// The orgs' clocks agree with one another, so if one of them differs from ours, ours is wrong.
  void watch_clock(Now now, const Tenant& tenant);
  /// Checks events from `tenant`.
  void look_for_twins(const Tenant& tenant, const std::vector<EventSlice>& events);

  void save_failed(Now now, const SaveFailed& failed);
  void saved();
  /// Logs once that saving is possible again.
  void tell_saving(Now now);
  /// While true, nothing is asked or delivered, because progress could not be saved.
  [[nodiscard]] bool saving_fails() const { return saving_error_.has_value(); }
  /// What cannot be saved, and why.
  [[nodiscard]] const std::string& saving_error() const { return *saving_error_; }
  /// Whether its destination or the disk takes nothing at the moment.
  [[nodiscard]] bool held(const Tenant& tenant) const;

 private:
  [[nodiscard]] std::string why_held(const Tenant& tenant) const;
  void tell_summary(Now now, Tenant& tenant);
  void note(Level level, std::string text);

  ActiveRoster& roster_;
  std::deque<Output>& outputs_;
  Instant summary_at_;
  Instant retention_at_;
  Twins twins_;
  Complaint clock_trouble_;
  Complaint save_trouble_;
  std::optional<std::string> saving_error_;
  bool copying_fails_ = false;  ///< The last failure was of the copy.
};

}  // namespace logzio_okta
