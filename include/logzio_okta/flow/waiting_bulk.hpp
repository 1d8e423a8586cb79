// WaitingBulk: a sealed bulk until it is settled, with what the listener said of it so far.
//
// A bulk refused again and again while others pass is no trouble of the destination: the refusals are about
// what is in it. That takes an answer that is about lines at all, and others that passed in between.
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
  bool urgent = false;  ///< Holds a newest batch.
  std::optional<BulkId> in_flight{};
  Instant not_before{};
  int tries = 0;
  int refusals = 0;  ///< Alike, in a row.
  int refusals_until_halved = limits::refusals_until_halved;
  int last_status = 0;
  std::uint64_t passed_before = 0;      ///< How many bulks had passed when these refusals began,
  std::uint64_t passed_at_refusal = 0;  ///< and at the last of them.
  bool suspected = false;               ///< Refused while others passed; it, or what it was half of.
  bool perhaps_taken = false;
  bool marked = false;  ///< Every line says possible_duplicate.
  Instant sent_at{};
  int patience = 1;  ///< With which it was sent.

  /// `passed`: how many bulks passed by now.
  void count_refusal(const verdict::Retry& retry, std::uint64_t passed);
  /// Others passed since it was refused before, or since it is known that they do.
  [[nodiscard]] bool is_to_blame(const verdict::Retry& retry, std::uint64_t passed) const;
  /// Others passed: it is about this bulk, and time to look for the line.
  [[nodiscard]] bool is_culprit(std::uint64_t passed) const;
  [[nodiscard]] bool refused_enough() const { return refusals >= refusals_until_halved; }
  /// The halves of it, each as it may go out.
  [[nodiscard]] std::pair<WaitingBulk, WaitingBulk> halve(std::uint64_t passed) const;
};

}  // namespace logzio_okta
