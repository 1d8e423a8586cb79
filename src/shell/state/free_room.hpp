// FreeRoom: gives unused pages of the state file back to the disk, a few at a time.
//
// Nothing depends on this: failures are retried or ignored, and the database's failure is cleared.
#pragma once

#include "shell/state/sqlite.hpp"

namespace logzio_okta {

/// Rewrites a file from a version without shrinking, if that is quick; otherwise a later start does it.
void make_shrinkable(Database& database);
/// Whether the file can shrink and has more free pages than limits::state_pages_kept_free.
[[nodiscard]] bool has_room_to_give(Database& database);
/// Gives back at most limits::state_pages_step pages; the file itself shrinks at the log's next checkpoint.
[[nodiscard]] bool give_room_back(Database& database);

}  // namespace logzio_okta
