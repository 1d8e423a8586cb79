// StateRun: the state directory in the hands of one run of the daemon, from the lock to the clean end.
//
//     StateRun run(dir, std::move(lock));
//     auto found = run.begin(wall, OnDamage::move_aside);
//     if (!found) return give_up(found.error().text, found.error().exit_code);
//     if (!run.streams().read(key, row)) return complain(run.failure());
//     if (!run.first_gone().empty()) return run.abandon();
//     if (!run.end(clean)) complain(run.failure());
//
// A run that begins is recorded as not ended. Destroyed without an end it stays so, unless no stream was
// handed out: then nothing was in flight.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "shell/state/own_files.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/spool_summary.hpp"
#include "shell/state/spool_table.hpp"
#include "shell/state/sqlite.hpp"
#include "shell/state/state_file.hpp"
#include "shell/state/stream_tables.hpp"

namespace logzio_okta {

class StateRun {
 public:
  /// What the runs before left.
  struct Found {
    bool lost = false;                  ///< There was a state; every stream starts afresh.
    std::uint64_t set_aside_bytes = 0;  ///< As charged.
    std::vector<SpoolSummary> spool;
    std::vector<std::string> warnings;  ///< Lines for the log.
  };

  StateRun(std::string dir, OwnerLock lock);
  StateRun(const StateRun&) = delete;
  StateRun& operator=(const StateRun&) = delete;
  ~StateRun();

  /// Opens the file and records that a run has begun. Call once, first.
  [[nodiscard]] std::expected<Found, StoreError> begin(WallTime now, OnDamage on_damage);
  /// A stream is handed out: from now on events may be in flight.
  void hand_out() { handed_out_ = true; }

  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] const std::string& path() const { return path_; }  ///< Of the file.
  [[nodiscard]] Database& database() { return database_; }
  [[nodiscard]] StreamTables& streams() { return streams_; }
  [[nodiscard]] SpoolTable& spool() { return spool_; }
  /// What failed last in the database, with its cure.
  [[nodiscard]] std::string failure() const { return database_.failure().explain(dir_); }
  /// The first of our names that is missing or leads to another file; empty if there is none.
  [[nodiscard]] std::string first_gone() const { return own_files_.first_gone(); }

  /// Closes the file and frees the lock. `clean`: nothing is in flight and everything is saved, which is
  /// recorded. False if that could not be written.
  [[nodiscard]] bool end(bool clean);
  /// Closes the file as it is and frees the lock: by now its name may lead to another file.
  void abandon();

 private:
  [[nodiscard]] std::unexpected<StoreError> cannot(const char* what) const;
  void close_file();

  std::string dir_;
  std::string path_;
  OwnerLock lock_;
  Database database_;  // Outlives the tables' statements below it.
  StreamTables streams_;
  SpoolTable spool_;
  OwnFiles own_files_;
  std::optional<std::int64_t> started_;  ///< In milliseconds since 1970.
  bool handed_out_ = false;
};

}  // namespace logzio_okta
