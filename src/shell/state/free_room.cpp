#include "shell/state/free_room.hpp"

#include <cstdint>
#include <string>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

constexpr std::int64_t incremental = 2;  // Value of auto_vacuum.

}  // namespace

void make_shrinkable(Database& database) {
  const auto mode = database.number("PRAGMA auto_vacuum");
  const auto pages = database.number("PRAGMA page_count");
  const auto free_pages = database.number("PRAGMA freelist_count");
  const bool wanted = mode && pages && free_pages && *mode != incremental &&
                      *pages - *free_pages <= limits::state_pages_rewritten_max;
  // In memory: there may be no directory for temporary files.
  if (wanted) {
    static_cast<void>(database.run("PRAGMA temp_store = MEMORY; PRAGMA auto_vacuum = INCREMENTAL; VACUUM"));
    static_cast<void>(database.run("PRAGMA temp_store = DEFAULT"));
  }
  database.clear_failure();
}

bool has_room_to_give(Database& database) {
  const auto mode = database.number("PRAGMA auto_vacuum");
  const auto free_pages = database.number("PRAGMA freelist_count");
  database.clear_failure();
  return mode == incremental && free_pages && *free_pages > limits::state_pages_kept_free;
}

bool give_room_back(Database& database) {
  static const std::string step =
      "PRAGMA incremental_vacuum(" + std::to_string(limits::state_pages_step) + ")";
  const bool shrunk = database.run(step.c_str());
  database.clear_failure();
  return shrunk;
}

}  // namespace logzio_okta
