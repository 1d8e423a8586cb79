#include "shell/privileges.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {
namespace {

using Capabilities = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

// glibc has no wrappers for these two; libcap would be a library for two system calls.
Capabilities capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Capabilities held{};
  CHECK(::syscall(SYS_capget, &header, held.data()) == 0);
  return held;
}

void give_up_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const Capabilities none{};
  CHECK(::syscall(SYS_capset, &header, none.data()) == 0);
}

bool may(unsigned capability) {
  return (capabilities()[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

/// So that no program that root owns and marks could give one back. Needs a capability itself; without it
/// PR_SET_NO_NEW_PRIVS alone says the same.
void empty_the_bounding_set() {
  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return;
  }
}

Result<void> become(const UserId& user) {
  if (::setgroups(0, nullptr) == 0 && ::setresgid(user.group, user.group, user.group) == 0 &&
      ::setresuid(user.user, user.user, user.user) == 0) {
    return {};
  }
  return fail("cannot become user " + std::to_string(user.user) + ", group " + std::to_string(user.group) +
              ": " + std::generic_category().message(errno) +
              "; name another with --user (LOGZIO_OKTA_USER)");
}

/// Root's own entries only: what somebody else owns there was not made by us, and a second name of a file may
/// have its first one anywhere.
void hand_over_one(const std::string& path, const UserId& user) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 || status.st_uid != 0) return;
  const bool plain = S_ISREG(status.st_mode) && status.st_nlink == 1;
  if (!plain && !S_ISDIR(status.st_mode)) return;
  [[maybe_unused]] const int handed =
      ::fchownat(AT_FDCWD, path.c_str(), user.user, user.group, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

void hand_over(const std::string& dir, const UserId& user) {
  if (::geteuid() != 0 || !may(CAP_SETUID) || !may(CAP_CHOWN)) return;
  std::error_code ignored;
  for (std::filesystem::recursive_directory_iterator each(dir, ignored), end; !ignored && each != end;
       each.increment(ignored)) {
    hand_over_one(each->path().string(), user);
  }
  hand_over_one(dir, user);
}

Result<void> give_up_privileges(const UserId& user) {
  CHECK(user.user != 0);
  CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  empty_the_bounding_set();
  if (::geteuid() == 0 && may(CAP_SETUID) && may(CAP_SETGID)) {
    if (auto became = become(user); !became) return became;
    CHECK(::setresuid(0, 0, 0) != 0);  // There is no way back.
  }
  give_up_capabilities();
  return {};
}

}  // namespace logzio_okta
