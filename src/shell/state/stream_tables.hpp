// StreamTables: the rows of streams in the state file: places, windows, events set aside, events in flight.
//
// Created once the file is open, and replaced by a new one before it is closed. Every function is a step of
// the caller's transaction: false means that it failed and the database has the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/flow/place.hpp"

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

/// The total of events set aside.
struct SetAsideTotal {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;  ///< As counted against limits::set_aside_bytes_max.
};
/// Nothing after a failure.
[[nodiscard]] std::optional<SetAsideTotal> total_set_aside(Database& database);

/// A stream's row.
struct StreamRow {
  std::int64_t unclean = 0;  ///< As in schema.hpp.
  Place place;
};

class StreamTables {
 public:
  StreamTables() = default;
  explicit StreamTables(Database& database);

  /// Writes a save, except its spool part; creates the stream's row if it is missing. Returns the row's
  /// number.
  [[nodiscard]] std::optional<std::int64_t> write(const std::string& key, const Save& save);
  /// Records that these events of a page are in flight. The stream must have been saved before.
  [[nodiscard]] bool note(const std::string& key, std::uint64_t page, const std::vector<EventHash>& events);

  /// Nothing if it has no row yet.
  [[nodiscard]] bool read(const std::string& key, std::optional<StreamRow>& row);
  /// Rows of pages from `from` on, without their events; pages already in the list stay unchanged.
  [[nodiscard]] bool list_rows(const std::string& key, std::uint64_t from,
                               std::map<std::uint64_t, RowInfo>& by_page);
  /// The same with their events, newest page first, until there are `events_max` of them.
  [[nodiscard]] bool read_rows(const std::string& key, std::uint64_t from, std::size_t events_max,
                               std::map<std::uint64_t, WindowRow, std::greater<>>& by_page);
  /// The recorded events in flight; nothing unless the records are known to be complete.
  [[nodiscard]] bool read_notes(const std::string& key, std::optional<std::vector<EventHash>>& in_flight);

 private:
  bool overtake_others(const std::string& key);
  bool write_rows(std::int64_t stream, const Save& save);
  bool write_set_aside(std::int64_t stream, const Save& save);

  Statement write_place_;
  Statement overtake_;
  Statement drop_rows_;
  Statement add_row_;
  Statement add_set_aside_;
  Statement find_place_;
  Statement list_rows_;
  Statement read_rows_;
  Statement add_in_flight_;
  Statement read_in_flight_;
  Statement drop_in_flight_;
};

}  // namespace logzio_okta
