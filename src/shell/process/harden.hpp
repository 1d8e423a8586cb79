// Protects a process before it reads its first credential.
#pragma once

namespace logzio_okta {

/// Occupies closed standard streams, so that no file or socket of ours is taken for one; allows no core dump,
/// no debugger of the same user, and no file that others can read.
void harden_process();

}  // namespace logzio_okta
