// StateView: reads the state without owning it, also while a daemon writes it (SQLite's write-ahead log
// allows one writer and many readers), and removes events set aside while no daemon runs. For the state that
// replicas share, see postgres/postgres_view.hpp.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"

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
  /// Opens a state directory. The error says that there is no state, or why it cannot be read.
  static Result<std::unique_ptr<StateView>> open(const std::string& dir);
  StateView() = default;
  StateView(const StateView&) = delete;
  StateView& operator=(const StateView&) = delete;
  virtual ~StateView() = default;

  [[nodiscard]] virtual Result<std::vector<CursorRow>> cursors() = 0;
  [[nodiscard]] virtual Result<std::vector<SetAsideRow>> set_aside() = 0;
  [[nodiscard]] virtual Result<SetAsideTotal> set_aside_total() = 0;
  /// Nothing if there is none with this number.
  [[nodiscard]] virtual Result<std::optional<SetAsideRow>> set_aside(std::int64_t id) = 0;
  /// In a state directory, only while no daemon holds it.
  [[nodiscard]] virtual Result<void> drop(std::int64_t id) = 0;
  /// Keeps only these bytes, which are `events` events, under the number. The same condition.
  [[nodiscard]] virtual Result<void> shrink(std::int64_t id, std::int64_t events,
                                            const std::string& bytes) = 0;
};

}  // namespace logzio_okta
