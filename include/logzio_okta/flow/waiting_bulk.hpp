// WaitingBulk: a sealed bulk until it is settled, with the listener's answers to it so far.
//
// If a bulk is refused again and again while others pass, the destination is fine: the refusals concern the
// bulk's content. That takes an answer that can concern lines, and other bulks that passed in between.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/logzio/verdict.hpp"

namespace logzio_okta {

struct WaitingBulk {
  Bulk bulk;
  bool urgent = false;  ///< Contains a newest batch.
  std::optional<BulkId> in_flight{};
  Instant not_before{};
  int tries = 0;
  int refusals = 0;  ///< In a row, with the same status.
  int refusals_until_halved = limits::refusals_until_halved;
  int last_status = 0;
  std::uint64_t passed_before = 0;      ///< How many bulks had passed when these refusals began,
  std::uint64_t passed_at_refusal = 0;  ///< and at the last of them.
  bool suspected = false;               ///< It, or the bulk it is half of, was refused while others passed.
  bool perhaps_taken = false;
  bool marked = false;  ///< Every line is marked possible_duplicate.
  Instant sent_at{};
  int patience = 1;  ///< Factor of the timeout it was sent with.

  /// `passed`: how many bulks have passed by now.
  void count_refusal(const verdict::Retry& retry, std::uint64_t passed);
  /// Others have passed since its previous refusal, or it is already suspected.
  [[nodiscard]] bool is_to_blame(const verdict::Retry& retry, std::uint64_t passed) const;
  /// Others have passed: the fault is in this bulk, and it is time to find the line.
  [[nodiscard]] bool is_culprit(std::uint64_t passed) const;
  [[nodiscard]] bool refused_enough() const { return refusals >= refusals_until_halved; }
  /// Its halves, each ready to be sent.
  [[nodiscard]] std::pair<WaitingBulk, WaitingBulk> halve(std::uint64_t passed) const;
};

}  // namespace logzio_okta
