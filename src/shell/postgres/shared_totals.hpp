// SharedTotals: how many bytes all replicas together have set aside, and how many wait in their spool: the
// last sum of the database, and what this replica has added since.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "logzio_okta/base/time.hpp"

#include "shell/postgres/connection.hpp"

namespace logzio_okta {

class SharedTotals {
 public:
  /// `changed` is called when a sum shows another size of what is set aside.
  SharedTotals(PgConnection& connection, std::function<void(std::uint64_t)> changed)
      : connection_(connection), changed_(std::move(changed)) {}

  /// Asks the database, if it is connected.
  void sum(Instant now);
  /// The last sum is a minute old.
  [[nodiscard]] bool are_old(Instant now) const { return now >= sum_at_; }

  /// Empty until the first sum.
  [[nodiscard]] std::optional<std::uint64_t> set_aside() const { return set_aside_; }
  [[nodiscard]] std::uint64_t spooled() const { return spooled_; }
  void add_set_aside(std::uint64_t bytes);
  void add_spooled(std::uint64_t bytes) { spooled_ += bytes; }

 private:
  PgConnection& connection_;
  std::function<void(std::uint64_t)> changed_;
  std::optional<std::uint64_t> set_aside_;
  std::uint64_t spooled_ = 0;
  Instant sum_at_{};
};

}  // namespace logzio_okta
