// DestinationHealth: whether a destination takes events now, as its answers show; when the next attempt is
// due, and how long its answers may take.
//
// A destination is in trouble after an answer (or none) that concerns more than one bulk, until it takes
// something again. A refused token is a separate trouble, because only a person can end it.
#pragma once

#include <cstdint>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/waiting_bulk.hpp"
#include "logzio_okta/logzio/verdict.hpp"

namespace logzio_okta {

class DestinationHealth {
 public:
  /// It took a bulk, at least in part.
  void took();
  /// It answers, whether or not it takes anything, or has nothing left to refuse: the next attempt is due at
  /// once.
  void recovers();
  /// An answer that concerns more than the bulk.
  void failed() { ++failures_; }
  void refused_token(Instant now);
  /// It counted no line of a bulk as taken. True if this happened too often in a row to be due to the lines.
  [[nodiscard]] bool refuses_everything();
  /// A bulk turned out to be the cause of the failures.
  void is_not_the_cause() { failures_ = 0; }

  [[nodiscard]] bool healthy() const { return failures_ == 0 && !token_refused_; }
  [[nodiscard]] bool failing() const { return failures_ > 0; }
  [[nodiscard]] bool token_refused() const { return token_refused_; }
  /// How many bulks it took, at least in part.
  [[nodiscard]] std::uint64_t passed() const { return passed_; }

  /// Nothing is sent before this moment.
  [[nodiscard]] Instant not_before() const { return not_before_; }
  /// Waits as long as the failures in a row demand, and at least this long.
  void wait(Instant now, Duration at_least, Random& random);
  void try_at_once(Instant now) { not_before_ = now; }

  /// Factor for the timeout of the next bulk: a destination that answers late gets more time.
  [[nodiscard]] int patience() const { return patience_; }
  /// Ends the patience if all recent answers were early. Call before sending.
  void end_patience(Instant now);
  /// The bulk was answered, or its own timeout passed without an answer.
  void learn_patience(Instant now, const WaitingBulk& bulk, const BulkResult& result);

 private:
  bool token_refused_ = false;
  int failures_ = 0;  ///< In a row, over all bulks.
  Instant not_before_{};
  std::uint64_t passed_ = 0;
  int refused_in_a_row_ = 0;  ///< Answers that counted no line as taken, over all bulks.
  int patience_ = 1;
  Instant patient_until_{};
};

}  // namespace logzio_okta
