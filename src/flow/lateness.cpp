#include "logzio_okta/flow/lateness.hpp"

#include <algorithm>

namespace logzio_okta {
namespace {

// At the tail an answer is due every poll interval; if it is later than this, we are behind.
constexpr Duration tail_grace = 60s;
constexpr std::chrono::milliseconds behind_max = std::chrono::years(100);  // Events may have any date.

// The age of the oldest events that were read and are not settled; 0 if there are none. An event that is
// older than one that is settled came late from Okta, not from us.
Duration undelivered_for(Now now, const Progress& progress) {
  if (progress.pages().empty() || !progress.pages().front().watermark) return 0s;
  const WallTime newest = std::max(*progress.pages().front().watermark, progress.settled_up_to());
  return std::clamp<Duration>(progress.okta_time(now) - newest, 0s, behind_max);
}

}  // namespace

void Lateness::answered(Instant now, bool at_tail) {
  answered_at_ = now;
  at_tail_ = at_tail;
}

void Lateness::report(Now now, const Progress& progress, Duration poll_interval, TenantReport& report) const {
  if (answered_at_) report.last_answer = by_clock(now, *answered_at_);
  if (delivered_at_) report.last_delivery = by_clock(now, *delivered_at_);
  if (at_tail_ && answered_at_) {
    // Nothing was left at the last answer; what has come since is unknown.
    const Duration late = std::max(now.steady - *answered_at_, undelivered_for(now, progress));
    report.behind = late > poll_interval + tail_grace ? late : Duration(0);
  } else if (progress.place().watermark) {
    const auto behind = progress.okta_time(now) - *progress.place().watermark;
    report.behind = std::clamp(behind, 0ms, behind_max);
  }
}

}  // namespace logzio_okta
