// Privileges: what a daemon started as root gives up before it speaks to anybody.
//
// The image starts as root, because the tenants file of the host may be readable for root alone. Root reads
// the files (small_file keeps them open), hands the state directory to the user of the service, and becomes
// that user for good: no other groups, no capability, nothing to be regained by a program it might start.
//
//     hand_over(state_dir, user);  // Tenants and tokens are read, and the state's lock is ours.
//     if (auto given_up = give_up_privileges(user); !given_up) return complain(given_up.error());
//
// A container that was started with other rights is taken as it is: as another user than root nothing is
// changed but the rights, and root without the right to become somebody else (--cap-drop=all) stays root
// without any capability. Whichever way it was started, the state serves each other way: it belongs to the
// user and, with the same rights, to group root, as directories do in images that run as any user.
#pragma once

#include <string>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

/// Makes `user` the owner of the state directory and of the state's own files in it that are root's or of its
/// owner until now (another user's, before --user was changed); nothing else, and nothing that is reached
/// through somebody's link. The lock is ours, so nobody who keeps to it works on them. Does nothing unless we
/// are root; what cannot be handed over is left as it is, for the store says what is wrong and how to cure
/// it.
void hand_over(const std::string& dir, const UserId& user);

/// Likewise the directory of the copies, if it is root's own: its owner changes and nothing else. What is in
/// it was made by the user, or is not ours.
void hand_over_copies(const std::string& dir, const UserId& user);

/// For good, for this process and its children. The error says who we would have become and why not.
[[nodiscard]] Result<void> give_up_privileges(const UserId& user);

}  // namespace logzio_okta
