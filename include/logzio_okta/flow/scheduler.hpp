// Scheduler: the whole core as one object. Owns orgs, pollers and shippers and carries between them.
//
//     for (;;) {
//       while (auto output = scheduler.next_output()) shell.perform(std::move(*output));
//       if (scheduler.at_rest()) return scheduler.exit_code();
//       Input input = shell.wait_until(scheduler.deadline());
//       scheduler.handle(shell.now(), std::move(input));
//     }
//
// Pure: no clock, no file, no socket, no log, no credential. The same inputs give the same outputs. It never
// assumes an answer in the same turn, and takes answers to requests it has cancelled without harm. The shell
// and the simulator drive it alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"

namespace logzio_okta {

struct SchedulerOptions {
  Policy policy;
  std::uint64_t seed = 0;  ///< For all jitter.
  Duration running_for{};  ///< How long ago this process began: what is older may have been in flight before.
  /// Other replicas may follow the orgs while we do not: an unclean end is dated by the moment a stream
  /// opens, not by when this process began; and a stream that leaves lets go of its org.
  bool shared_state = false;
  bool hooks = false;                        ///< Event hooks are listened for.
  std::vector<Domain> hook_orgs{};           ///< Their deliveries are shipped if they are not polled.
  std::vector<ConstantField> hook_fields{};  ///< Put into each of their lines.
  std::size_t spool_bytes_max = limits::spool_bytes_max;
};

class Scheduler {
 public:
  Scheduler(Now now, SchedulerOptions options, const Roster& roster);
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) = delete;

  void handle(Now now, Input input);
  /// Drain after construction and after every handle(). Order matters: perform them as they come.
  [[nodiscard]] std::optional<Output> next_output();
  /// When handle() must be called with Tick at the latest; `never` if only an input can change anything.
  [[nodiscard]] Instant deadline() const;
  /// Nothing is left to do: stopped, or --once is done, and every Save was answered. Close the store now.
  [[nodiscard]] bool at_rest() const;
  /// 0, or 69 when --once could not finish, or 75 when a stop left a bulk unanswered. Valid at rest.
  [[nodiscard]] int exit_code() const;
  /// True if the store may note an orderly end: no bulk is unanswered.
  [[nodiscard]] bool clean() const;
  [[nodiscard]] Report report(Now now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
