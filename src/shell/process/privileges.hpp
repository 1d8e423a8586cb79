// Privileges: a daemon started as root drops them before its first connection.
//
// The image starts as root, because the host's tenants file may be readable only by root. Root reads the
// files (small_file keeps them open), hands the state directory to the service's user, and becomes that user
// for good: no other groups, no capabilities, and nothing that a program it starts could regain.
//
//     hand_over(state_dir, user);  // Tenants and tokens are read, and the state's lock is ours.
//     if (auto given_up = give_up_privileges(user); !given_up) return complain(given_up.error());
//
// Other ways to start a container work too: for a user other than root, only the rights are dropped, and root
// without the right to change users (--cap-drop=all) stays root without any capability. The state works with
// all of these: it belongs to the user and, with the same rights, to group root, as is usual in images that
// run as any user.
#pragma once

#include <string>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

/// Makes `user` the owner of the state directory and of those state files in it that belong to root or to its
/// previous owner (before --user was changed); of nothing else, and of nothing reached through another user's
/// link. The lock is ours, so no other instance uses them. Does nothing unless we are root; files that cannot
/// be handed over stay unchanged, and the store reports the problem and its cure.
void hand_over(const std::string& dir, const UserId& user);

/// The same for the directory of the copies, if root owns it: only its owner changes. Its contents were
/// created by the user, or are not ours.
void hand_over_copies(const std::string& dir, const UserId& user);

/// For good, for this process and its children. The error names the user and the reason.
[[nodiscard]] Result<void> give_up_privileges(const UserId& user);

}  // namespace logzio_okta
