// OnceView: the progress of a run with --once, one line per tenant, drawn if standard error is a terminal.
#pragma once

#include <cstdio>
#include <map>
#include <string>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/report.hpp"

#include "shell/output/progress.hpp"

namespace logzio_okta {

class OnceView {
 public:
  OnceView(std::FILE* out, Instant started) : line_(out), started_(started) {}

  [[nodiscard]] bool drawing() const { return line_.drawing(); }
  [[nodiscard]] bool due(Instant now) const { return line_.due(now); }
  /// "acme.okta.com  [####....] 45 %, up to 2026-11-23T12:00:00Z, 12345 events, 812/s, 2 min left". Finished
  /// tenants come last, where a small terminal cuts.
  [[nodiscard]] std::string text(const Report& report, Instant now);
  void draw(const Report& report, Instant now) { line_.draw(now, text(report, now)); }
  /// Call before writing a log line, so that the two do not mix.
  void clear() { line_.clear(); }

 private:
  ProgressLine line_;
  Instant started_;
  std::map<std::string, WallTime> begun_;  ///< The newest event of each tenant when it was first seen.
};

}  // namespace logzio_okta
