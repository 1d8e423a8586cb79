// Privileges: what a daemon started as root gives up before it speaks to anybody.
//
// The image starts as root, because the tenants file of the host may be readable for root alone. Root reads
// the files (small_file keeps them open), hands the state directory to the user of the service, and becomes
// that user for good: no other groups, no capability, nothing to be regained by a program it might start.
//
//     tenants and tokens are read ...
//     hand_over(state_dir, user);
//     if (auto kept = give_up_privileges(user); !kept) ... // nothing was said to anybody yet
//
// A container that was started with other rights is taken as it is: as another user than root nothing is
// changed but the rights, and root without the right to become somebody else (--cap-drop=all) stays root
// without any capability.
#pragma once

#include <string>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

/// Makes `user` the owner of the directory and of what root owns in it. Does nothing unless we are root. What
/// cannot be handed over is left as it is, for the store says what is wrong and how to cure it.
void hand_over(const std::string& dir, const UserId& user);

/// For good, for this process and its children. The error says who we would have become and why not.
[[nodiscard]] Result<void> give_up_privileges(const UserId& user);

}  // namespace logzio_okta
