#include "shell/process/privileges.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"

#include "shell/os/descriptor.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

using Capabilities = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

// glibc has no wrappers for these two, and libcap would be a library for two system calls.
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

/// So that no set-uid program or file capability can restore one. Needs a capability itself; without it,
/// PR_SET_NO_NEW_PRIVS alone has the same effect.
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

// Handing over the state. The directory's owner is not root and may change anything in it meanwhile: a link
// in place of a file, another directory in place of this one. So names are resolved one by one, each in the
// directory opened before it, and every check and change applies to the opened file.

constexpr mode_t all_mode_bits = 07777;
constexpr mode_t file_mode_shared = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP;
constexpr mode_t dir_mode_shared = S_ISGID | S_IRWXU | S_IRWXG;
constexpr int links_max = 40;  // As the kernel allows in one path.

Descriptor open_entry(int dir, const std::string& name) {
  return Descriptor(::openat(dir, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

std::optional<struct stat> look(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 ? std::optional(status) : std::nullopt;
}

std::string target_of(int link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
  return {target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

/// Puts the names of a path before the remaining ones.
void walk_first(const std::string& path, std::deque<std::string>& left) {
  std::deque<std::string> names;
  for (const std::filesystem::path& name : std::filesystem::path(path).relative_path()) {
    if (!name.empty() && name != ".") names.push_back(name.string());
  }
  left.insert(left.begin(), names.begin(), names.end());
}

Descriptor open_beginning(const std::string& path) {
  return Descriptor(::open(path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// Opens the directory, if every link on the path is root's: any other owner could make a link lead anywhere.
Descriptor open_safely(const std::string& path) {
  std::deque<std::string> left;
  walk_first(path, left);
  Descriptor at = open_beginning(path);
  for (int links = 0; at && !left.empty();) {
    Descriptor next = open_entry(at.get(), left.front());
    left.pop_front();
    const auto status = look(next.get());
    if (!status) return {};
    if (!S_ISLNK(status->st_mode)) {
      at = std::move(next);
      continue;
    }
    const std::string target = target_of(next.get());
    if (status->st_uid != 0 || ++links > links_max || target.empty()) return {};
    if (target.starts_with('/')) at = open_beginning(target);
    walk_first(target, left);
  }
  return at;
}

/// Whether it is a file name of the store or the lock.
bool is_ours(std::string_view name) {
  return name == "lock" || name == "clean-end" || name.starts_with(state_file_name);
}

/// The names in the directory; nothing if it cannot be read.
std::optional<std::vector<std::string>> names_in(int dir) {
  const int fd = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const stream = fd < 0 ? nullptr : ::fdopendir(fd);
  if (stream == nullptr) {
    if (fd >= 0) ::close(fd);
    return std::nullopt;
  }
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(stream);
  return names;
}

/// Gives it to the user, with the same rights for group root (state_dir.hpp). The mode is changed while root
/// owns it, so only the capability to change owners is needed. Without that capability there is no user, and
/// root only shares its own files.
void give(int fd, const struct stat& was, mode_t mode, const std::optional<UserId>& user) {
  // Files that are already right stay untouched: their times show whether another program changed them
  // (clean_end.hpp).
  const bool right_mode = (was.st_mode & all_mode_bits) == mode;
  if (user && was.st_uid == user->user && was.st_gid == 0 && right_mode) return;
  const bool roots = was.st_uid == 0 && was.st_gid == 0;
  if (!roots && (!user || ::fchownat(fd, "", 0, 0, AT_EMPTY_PATH) != 0)) return;
  if (!right_mode) {
    // For a descriptor opened with O_PATH, the mode can only be changed by this name.
    [[maybe_unused]] const int changed = ::chmod(("/proc/self/fd/" + std::to_string(fd)).c_str(), mode);
  }
  if (!user) return;
  [[maybe_unused]] const int given = ::fchownat(fd, "", user->user, 0, AT_EMPTY_PATH);
}

/// Only a plain file with one name, owned by root or the directory's previous owner: we did not create files
/// of others, and a hard link may lead anywhere.
void give_file(int dir, const struct stat& dir_status, const std::string& name,
               const std::optional<UserId>& user) {
  const Descriptor file = open_entry(dir, name);
  const auto status = look(file.get());
  if (!status || !S_ISREG(status->st_mode) || status->st_nlink != 1) return;
  if (status->st_uid != 0 && status->st_uid != dir_status.st_uid) return;
  give(file.get(), *status, file_mode_shared, user);
}

/// Whether it is a shared directory, such as /tmp or /etc: then it stays root's.
bool is_for_others(int dir, const struct stat& dir_status, const std::vector<std::string>& names) {
  if ((dir_status.st_mode & S_ISVTX) != 0) return true;
  return std::ranges::any_of(names, [&](const std::string& name) {
    const auto status = look(open_entry(dir, name).get());
    return status && status->st_uid == 0 && S_ISDIR(status->st_mode) && name != "lost+found";
  });
}

}  // namespace

void hand_over(const std::string& dir, const UserId& user) {
  if (::geteuid() != 0) return;
  const Descriptor opened = open_safely(dir);
  const auto status = look(opened.get());
  if (!status || !S_ISDIR(status->st_mode)) return;
  const auto names = names_in(opened.get());
  if (!names || is_for_others(opened.get(), *status, *names)) return;
  const bool may_give = may(CAP_SETUID) && may(CAP_CHOWN);
  const std::optional<UserId> receiver = may_give ? std::optional(user) : std::nullopt;
  for (const std::string& name : *names) {
    if (is_ours(name)) give_file(opened.get(), *status, name, receiver);
  }
  give(opened.get(), *status, dir_mode_shared, receiver);
}

void hand_over_copies(const std::string& dir, const UserId& user) {
  if (::geteuid() != 0 || !may(CAP_SETUID) || !may(CAP_CHOWN)) return;
  constexpr auto same_group = static_cast<gid_t>(-1);
  const Descriptor opened = open_safely(dir);
  const auto status = look(opened.get());
  if (!status || !S_ISDIR(status->st_mode) || status->st_uid != 0) return;
  const auto names = names_in(opened.get());
  if (!names || is_for_others(opened.get(), *status, *names)) return;
  [[maybe_unused]] const int given = ::fchownat(opened.get(), "", user.user, same_group, AT_EMPTY_PATH);
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
  // The kernel resets it when the user changes.
  CHECK(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
  return {};
}

}  // namespace logzio_okta
