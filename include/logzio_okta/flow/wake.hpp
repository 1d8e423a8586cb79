// Wake: a hook announces an event, and its stream asks soon: at once if the pace allows, and a few more times
// until an event as new was read, because Okta may push an event before its log has it.
#pragma once

#include <optional>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

class Wake {
 public:
  /// `published`: of the newest event announced; `pace`: the interval between requests.
  void hook_arrived(std::optional<WallTime> published, Duration pace);
  /// When to ask after that, at the tail.
  [[nodiscard]] Instant first(Instant now) const;
  void asked(Instant now);
  /// A page was read; `newest` is its newest event.
  void read(std::optional<WallTime> newest);
  /// After an answer from the tail: when to ask again, if the announced event was not read yet. A request in
  /// flight may have been sent before the hook came.
  [[nodiscard]] std::optional<Instant> again(Instant now, bool empty);

 private:
  struct Woken {
    std::optional<WallTime> published;
    int asked = 0;  ///< Requests since then.
    Duration pace{};
  };
  std::optional<Woken> woken_;           ///< The announced event was not read yet.
  std::optional<WallTime> newest_read_;  ///< Greatest `published` of all pages read.
  Instant asked_at_{};                   ///< When it last asked.
};

}  // namespace logzio_okta
