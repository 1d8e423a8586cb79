// HookLedger: counts the outcomes of hook deliveries and logs, once and then ever more rarely, why some are
// refused.
//
// Only the kind of a refused delivery is logged: its sender controls the rest and could write to our log with
// it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

class HookLedger {
 public:
  void received(Now now);
  void woke() { ++counts_.woken; }
  void spooled() { ++counts_.spooled; }
  /// Deliveries cannot be kept, for this reason. Returns the line to log, if any.
  [[nodiscard]] std::optional<Note> cannot_keep(Now now, const std::string& why);
  [[nodiscard]] std::optional<Note> can_keep(Now now);
  [[nodiscard]] std::optional<Note> verified(Now now, bool let_in);
  /// `count` requests of this kind were refused. Returns the line to log, if any.
  [[nodiscard]] std::optional<Note> refused(Now now, HookRefusal kind, std::uint64_t count);

  [[nodiscard]] const HookReport& report() const { return counts_; }

 private:
  HookReport counts_;
  std::array<Complaint, hook_refusals_count> complaints_;
  Complaint verified_;
  Complaint spool_trouble_;
};

}  // namespace logzio_okta
