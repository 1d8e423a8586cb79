// PostgresStore: the state of several replicas, in one PostgreSQL database (see StateStore).
//
//     PostgresStore store({.access = {.url = "postgresql://okta@db/okta"}, .instance = "okta-1"});
//
// Two connections: one for leases (LeaseKeeper), one for saves, the spool and questions. Nothing here waits
// for the database; work() moves on what can be moved on.
//
// Promises beyond those of StateStore
// - A commit window is one transaction, sent as one and answered as one; the next is sent once it is
//   answered. Each save in it is fenced (tables.hpp), so that one that is Lost takes no other with it.
// - A commit whose answer was lost is sent again: what was written by it is not written twice. Deliveries to
//   the spool are refused instead, and recognised when they come again.
// - Trouble that passes within limits::commit_patience is not reported to the core; lasting trouble is
//   reported as SaveFailed, with its reason and cure, until all is well.
// - What is in flight is not noted: it would cost a commit before every bulk. An unclean end leaves
//   everything after the place in doubt, and a failover of the database everything up to the tail.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"

#include "shell/postgres/access.hpp"
#include "shell/postgres/fleet.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta {

struct PostgresOptions {
  StoreAccess access;
  std::string instance;  ///< The name by which people know this replica.
  Duration lease = 20s;  ///< For every org; at least 10 s outside tests.
  bool spools = false;   ///< Some orgs push and are not polled: what they push is only here.
  /// From this size on, deliveries for orgs that this replica does not hold are refused. The size is summed
  /// over all replicas once a minute, so each may exceed it by what it takes in a minute.
  std::size_t spool_bytes_max = limits::spool_bytes_max;
  /// Since the machine started, its sleep included; a clock of their own in tests.
  std::function<Duration()> since_boot{};
};

class PostgresStore final : public StateStore {
 public:
  explicit PostgresStore(PostgresOptions options);
  ~PostgresStore() override;

  [[nodiscard]] std::vector<std::string> take_warnings() override;
  void open_stream(const OpenStream& request) override;
  void let_go(const LetGo& request) override;
  void read_window(const ReadWindow& request) override;
  /// Does nothing.
  void note(NoteInFlight&& note, Instant now) override;
  [[nodiscard]] bool notes_written() const override { return true; }
  [[nodiscard]] bool may_act() const override;
  void hold_saves(Hold hold) override;
  void save(Save&& save, Instant now) override;
  [[nodiscard]] std::vector<SpoolSummary> take_spool_found() override;
  void spool(SpoolEvents&& spool, Instant now) override;
  void read_spool(const ReadSpool& request) override;
  void work(Instant now, bool about_to_block) override;
  /// Always true: leases show which other replicas use the database.
  bool is_in_place() override { return true; }
  void add_descriptors(std::vector<pollfd>& descriptors) const override;
  [[nodiscard]] std::optional<Instant> deadline() const override;
  [[nodiscard]] std::optional<Input> next_answer() override;
  [[nodiscard]] std::uint64_t set_aside_bytes() const override;
  [[nodiscard]] std::optional<FleetReport> fleet_report(Instant now) const override;
  [[nodiscard]] bool take_nudge() override;
  /// Takes a few seconds at most.
  [[nodiscard]] Result<void> close(bool clean) override;

  /// As of the last round.
  [[nodiscard]] const Fleet& fleet() const;
  /// Our own id in the fleet.
  [[nodiscard]] const std::string& id() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
