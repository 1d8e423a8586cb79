// CommitPace: when a store on this machine's disk commits what is queued.
//
// Commits are gathered: one when the loop is about to block, or limits::commit_delay after the oldest save.
// Then the disk rests for a multiple of what the commit took, so that a slow disk takes a tenth of the loop;
// the rest is shorter while Okta waits for the answer to a hook delivery. A failed commit is retried every
// limits::save_retry.
#pragma once

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

class CommitPace {
 public:
  /// Something was queued, and the queue was empty before.
  void queued(Instant now);
  void loop_will_block(Instant now);
  /// When the queue is to be committed.
  [[nodiscard]] Instant next(bool delivery_waits) const;

  /// `saves`: it had saves, not only deliveries.
  void committed(Instant now, Duration took, bool saves);
  void failed(Instant now);
  /// Saves may not be committed yet.
  void held(Instant now);
  /// The last commit failed.
  [[nodiscard]] bool failing() const { return failing_; }
  /// The last commit failed, and it is not yet time to try again.
  [[nodiscard]] bool hopeless(Instant now) const { return failing_ && now < not_before_; }

  /// The file was made smaller, or could not be.
  void shrunk(Instant now, Duration took, bool done);
  /// When the file may be made smaller, while nothing is queued.
  [[nodiscard]] Instant shrink_at() const { return shrink_at_; }

 private:
  Instant due_{};                    ///< When the queue is to be committed ...
  Instant not_before_{};             ///< ... and when it may be.
  Instant deliveries_not_before_{};  ///< Likewise, while a hook delivery waits for it.
  Instant shrink_at_{};
  bool failing_ = false;
};

}  // namespace logzio_okta
