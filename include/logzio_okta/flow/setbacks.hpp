// Setbacks: a stream's failures in a row: how long to wait after each, and when to log it.
//
//     if (auto level = setbacks.failed(now, failure)) note(*level, failure.text + setbacks.so_far(now));
//     ask_at = now + setbacks.wait();
//     if (auto lasted = setbacks.healed(now)) note(Level::info, "answers again");
#pragma once

#include <optional>
#include <string>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/failure.hpp"

namespace logzio_okta {

class Setbacks {
 public:
  explicit Setbacks(Random random) : random_(random) {}

  /// The level to report it at, if it should be reported.
  [[nodiscard]] std::optional<Level> failed(Instant now, const Failure& failure);
  /// Complaint::so_far.
  [[nodiscard]] std::string so_far(Instant now) const { return trouble_.so_far(now); }
  /// How long to wait now that it failed once more.
  [[nodiscard]] Duration wait();
  /// Okta's link was refused. An answer to a question of our own in between says nothing about the next link,
  /// which may be refused for a long time: the waits keep growing from the last one.
  void link_refused();
  void link_answered() { links_refused_ = 0; }
  /// A page came. Returns how long the trouble lasted, if it had been reported.
  [[nodiscard]] std::optional<Duration> healed(Instant now);
  /// The next wait is as short as after the first failure.
  void begin_anew() { tries_ = 0; }
  [[nodiscard]] bool any() const { return tries_ > 0; }

 private:
  Random random_;
  int tries_ = 0;          ///< Failures in a row.
  int links_refused_ = 0;  ///< In a row, whatever answers our own questions got in between.
  Complaint trouble_;
};

}  // namespace logzio_okta
