// Wake: a hook says that something happened, and its stream asks soon: at once as far as the pace allows, and
// a few times more while nothing as new was read, since Okta may push an event before its log has it.
#pragma once

#include <optional>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

class Wake {
 public:
  /// `published`: of the newest event that was told; `pace`: how far apart to ask.
  void hook_arrived(std::optional<WallTime> published, Duration pace);
  /// When to ask, at the tail, after that.
  [[nodiscard]] Instant first(Instant now) const;
  void asked(Instant now);
  /// A page was read whose newest event is this.
  void read(std::optional<WallTime> newest);
  /// After an answer from the tail: when to ask again, if what the hook told of was not read yet. What was on
  /// its way was perhaps asked before the hook came.
  [[nodiscard]] std::optional<Instant> again(Instant now, bool empty);

 private:
  struct Woken {
    std::optional<WallTime> published;
    int asked = 0;  ///< How often since.
    Duration pace{};
  };
  std::optional<Woken> woken_;           ///< What it told of was not read yet.
  std::optional<WallTime> newest_read_;  ///< Greatest `published` of all pages read.
  Instant asked_at_{};                   ///< When it last asked.
};

}  // namespace logzio_okta
