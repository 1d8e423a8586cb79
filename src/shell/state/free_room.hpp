// FreeRoom: pages of the state file that nothing uses any more, given back to the disk a few at a time.
//
// Nothing depends on any of this: what fails is tried again, or not, and the database's failure is cleared.
#pragma once

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

/// A file from before files could shrink is written anew, as long as that takes no time to speak of; else at
/// a later start.
void make_shrinkable(Database& database);
/// Whether the file can shrink and holds more free pages than limits::state_pages_kept_free.
[[nodiscard]] bool has_room_to_give(Database& database);
/// At most limits::state_pages_step pages; the file itself becomes shorter with the log's next checkpoint.
[[nodiscard]] bool give_room_back(Database& database);

}  // namespace logzio_okta
