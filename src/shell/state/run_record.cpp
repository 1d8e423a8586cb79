#include "shell/state/run_record.hpp"

#include <fstream>

#include "shell/state/clean_end.hpp"
#include "shell/state/columns.hpp"
#include "shell/state/spool_table.hpp"
#include "shell/state/stream_tables.hpp"

namespace logzio_okta {
namespace {

// Values of `run.clean`.
constexpr std::int64_t clean_unsealed = 1;
constexpr std::int64_t clean_sealed = 2;

// 1: the in-flight notes are complete.
constexpr const char* in_flight_known_sql = R"(
  SELECT count(*) FROM run JOIN in_flight_run ON run.started_ms = in_flight_run.started_ms
  WHERE clean <> 0 OR boot = ?)";

constexpr const char* in_flight_unknown_sql = R"(
  INSERT INTO in_flight SELECT id, -1, x'' FROM stream
  WHERE id NOT IN (SELECT stream FROM in_flight WHERE page = -1))";

/// The machine's boot id, different after each boot; empty if the system does not provide one.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

/// The events in flight at the last end are known if that run ended cleanly or the machine has been up since,
/// and if that run recorded them.
bool judge_notes(Database& database, const std::string& started) {
  const std::string boot = boot_id();
  bool known = false;
  {
    Statement find(database, in_flight_known_sql);
    if (!find.ready()) return false;
    Query query(find);
    query.bind_text(boot);
    known = query.row() && query.number() == 1 && !boot.empty();
    if (query.failed()) return false;
  }
  const std::string noted =
      "INSERT OR REPLACE INTO in_flight_run VALUES (1, '" + boot + "', " + started + ")";
  return (known || database.run(in_flight_unknown_sql)) && database.run(noted.c_str());
}

bool doubt_all(Database& database) {
  return database.run("UPDATE stream SET unclean = 2") && doubt_whole_spool(database);
}

bool doubt_in_flight(Database& database) {
  return database.run("UPDATE stream SET unclean = max(unclean, 1)") && doubt_spool_in_flight(database);
}

}  // namespace

std::optional<RunBegun> begin_run(Database& database, const std::string& dir, const std::string& path,
                                  WallTime now) {
  const auto clean = database.number("SELECT clean FROM run");
  const auto ended = database.number("SELECT started_ms FROM run");
  const auto set_aside = total_set_aside(database);
  if (!clean || !ended || !set_aside) return std::nullopt;
  const bool copied = *clean == clean_sealed && !is_as_sealed(dir, path, *ended);
  const std::string started = std::to_string(to_sql(now));
  const std::string begin = "UPDATE run SET clean = 0, started_ms = " + started;
  const bool begun = database.run("BEGIN IMMEDIATE") && (!copied || doubt_all(database)) &&
                     (*clean != 0 || doubt_in_flight(database)) && judge_notes(database, started) &&
                     database.run(begin.c_str()) && database.run("COMMIT");
  if (!begun) return std::nullopt;
  return RunBegun{.started = to_sql(now), .copied = copied, .set_aside_bytes = set_aside->bytes};
}

bool end_run(Database& database, Sealed sealed) {
  const std::int64_t clean = sealed == Sealed::yes ? clean_sealed : clean_unsealed;
  database.clear_failure();
  return database.run(("PRAGMA synchronous = 2; UPDATE run SET clean = " + std::to_string(clean)).c_str());
}

}  // namespace logzio_okta
