// StateView: reads the state without owning it, also while a daemon writes it (SQLite's write-ahead log
// allows one writer and many readers), and removes events set aside while no daemon runs.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"

#include "shell/state/sqlite.hpp"
#include "shell/state/stream_tables.hpp"

namespace logzio_okta {

/// A stream's cursor, for people.
struct CursorRow {
  std::string key;  ///< The domain, followed by '?' and the query if there is one.
  std::string next;
  WallTime since;
  std::optional<WallTime> watermark;
  std::optional<WallTime> caught_up;
};

struct SetAsideRow {
  std::int64_t id = 0;
  std::string stream;  ///< Its key.
  WallTime at;
  std::string reason;
  std::string answer;
  std::int64_t events = 0;
  std::string bytes;  ///< Inflated; only if a single one was requested.
};

class StateView {
 public:
  /// The error says that there is no state, or why it cannot be read.
  static Result<StateView> open(const std::string& dir);

  [[nodiscard]] Result<std::vector<CursorRow>> cursors();
  [[nodiscard]] Result<std::vector<SetAsideRow>> set_aside();
  [[nodiscard]] Result<SetAsideTotal> set_aside_total();
  /// Nothing if there is none with this number.
  [[nodiscard]] Result<std::optional<SetAsideRow>> set_aside(std::int64_t id);
  /// Only while no daemon holds the state.
  [[nodiscard]] Result<void> drop(std::int64_t id);
  /// Keeps only these bytes, which are `events` events, under the number. Only while no daemon holds the
  /// state.
  [[nodiscard]] Result<void> shrink(std::int64_t id, std::int64_t events, const std::string& bytes);

 private:
  StateView(std::string dir, std::unique_ptr<Database> database)
      : dir_(std::move(dir)), database_(std::move(database)) {}
  [[nodiscard]] std::unexpected<Error> failed() const;

  std::string dir_;
  std::unique_ptr<Database> database_;
};

}  // namespace logzio_okta
