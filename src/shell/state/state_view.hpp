// StateView: looks at the state without owning it, also while a daemon writes it (SQLite's write-ahead log
// lets one write and others read), and takes out of what is set aside. Of a state that replicas share see
// postgres/postgres_view.hpp.
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

/// Where a stream stands, for a person to read.
struct CursorRow {
  std::string key;  ///< The domain, and behind '?' the query if there is one.
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
  std::string bytes;  ///< Inflated; only where one was asked for.
};

class StateView {
 public:
  /// Of a state directory. The error says that there is no state, or why it cannot be read.
  static Result<std::unique_ptr<StateView>> open(const std::string& dir);
  StateView() = default;
  StateView(const StateView&) = delete;
  StateView& operator=(const StateView&) = delete;
  virtual ~StateView() = default;

  [[nodiscard]] virtual Result<std::vector<CursorRow>> cursors() = 0;
  [[nodiscard]] virtual Result<std::vector<SetAsideRow>> set_aside() = 0;
  [[nodiscard]] virtual Result<SetAsideTotal> set_aside_total() = 0;
  /// Nothing if there is none of this number.
  [[nodiscard]] virtual Result<std::optional<SetAsideRow>> set_aside(std::int64_t id) = 0;
  /// Of a state directory only while no daemon holds it.
  [[nodiscard]] virtual Result<void> drop(std::int64_t id) = 0;
  /// Keeps only these bytes under the number, which are so many events. Likewise.
  [[nodiscard]] virtual Result<void> shrink(std::int64_t id, std::int64_t events,
                                            const std::string& bytes) = 0;
};

}  // namespace logzio_okta
