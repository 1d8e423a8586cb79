// What a process that holds credentials does before it reads the first.
#pragma once

namespace logzio_okta {

/// Standard streams that are closed are occupied, so that no file or socket of ours is taken for one; no core
/// dump, no debugger of the same user, no file for others to read.
void harden_process();

}  // namespace logzio_okta
