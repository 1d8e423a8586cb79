#include "shell/state/state_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/descriptor.hpp"

namespace logzio_okta {
namespace {

constexpr mode_t all_mode_bits = 07777;
constexpr auto unchanged = static_cast<uid_t>(-1);  // Keeps the owner in chown(2).

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// Anything but "no such file" counts as existing: a path that we may not examine must not be skipped.
bool may_exist(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool holds_state(const std::string& dir) {
  struct stat status{};
  return !dir.empty() && ::stat((dir + "/" + state_file_name).c_str(), &status) == 0;
}

std::string user_directory(const StateDirSearch& search) {
  if (search.xdg_state_home.starts_with('/')) return search.xdg_state_home + "/logzio-okta";
  if (search.home.starts_with('/')) return search.home + "/.local/state/logzio-okta";
  return {};
}

Result<StateDir> made(std::string path, std::vector<std::string> warnings = {}) {
  if (auto ready = make_state_dir(path); !ready) return std::unexpected(ready.error());
  return StateDir{.path = std::move(path), .warnings = std::move(warnings)};
}

/// A daemon that was first tried by hand and then installed has two states; says which one is used.
std::vector<std::string> warn_of_other_state(const std::string& chosen, const std::string& other) {
  if (!holds_state(other) || other == chosen) return {};
  return {"there is also a state in " + other + "; the one in " + chosen +
          " is used (choose with --state-dir)"};
}

/// Creates one directory and makes its name durable. 0, or an errno; an existing one is not an error.
int make_one(const std::string& path, const std::string& parent) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0) return errno == EEXIST ? 0 : errno;
  return sync_directory(parent) ? 0 : errno;
}

int make_with_parents(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const int error = make_one(path.string(), parent.string());
  if (error != ENOENT || parent == path || parent == ".") return error;
  if (const int parent_error = make_with_parents(parent); parent_error != 0) return parent_error;
  return make_one(path.string(), parent.string());
}

/// Creates a file in an existing directory that disappears when it is closed. -1 with the reason in errno.
int open_nameless(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  // Not every file system has nameless files.
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  const std::string name = dir + "/check-" + std::to_string(::getpid());
  const int named = ::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

/// 0, or ENOSPC if only root may use the remaining space.
int look_at_disk(const std::string& dir, StateDirLook& look) {
  struct statvfs disk{};
  if (::statvfs(dir.c_str(), &disk) != 0 || disk.f_blocks == 0) return 0;  // It does not report space.
  look.free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (*look.free_bytes < limits::state_probe_bytes) return ENOSPC;
  if (*look.free_bytes < limits::state_free_bytes_low) {
    look.warnings.push_back("only " + describe_bytes(*look.free_bytes) + " are free on the disk of " + dir +
                            "; if the state cannot be saved, nothing is delivered, so free some space");
  }
  return 0;
}

StateDirLook look_at(const std::string& path) {
  StateDirLook look{.path = path, .exists = true, .problem = {}, .warnings = state_mode_warnings(path)};
  const auto problem = [&](int error) {
    if (error != 0)
      look.problem = path + " cannot be used for the state: " + explain_state_errno(error, path);
    return look;
  };
  if (path.empty()) return problem(ENOENT);
  const auto there = first_that_exists(path);
  if (!there) return problem(there.error());
  look.exists = *there == path;
  struct stat status{};
  if (::stat(there->c_str(), &status) != 0) return problem(errno);
  if (!S_ISDIR(status.st_mode)) return problem(ENOTDIR);
  look.owner = status.st_uid;
  look.mode = status.st_mode & all_mode_bits;
  if (const int error = try_to_write(*there); error != 0) return problem(error);
  if (const int error = look_at_disk(*there, look); error != 0) return problem(error);
  const std::string file = path + "/" + state_file_name;
  look.has_state = ::access(file.c_str(), R_OK | W_OK) == 0;
  return look.has_state || errno == ENOENT ? look : problem(errno);
}

}  // namespace

StateDirSearch StateDirSearch::of_environment(std::optional<std::string> given) {
  StateDirSearch search;
  search.given = std::move(given);
  search.state_directory = variable("STATE_DIRECTORY");
  search.xdg_state_home = variable("XDG_STATE_HOME");
  search.home = variable("HOME");
  return search;
}

Result<StateDir> find_state_dir(const StateDirSearch& search) {
  if (search.given) return made(*search.given);
  if (!search.state_directory.empty()) {
    return made(search.state_directory.substr(0, search.state_directory.find(':')));
  }
  const std::string user = user_directory(search);
  if (may_exist(search.system)) {
    return StateDir{.path = search.system, .warnings = warn_of_other_state(search.system, user)};
  }
  auto system = make_state_dir(search.system);
  if (system) return StateDir{.path = search.system, .warnings = warn_of_other_state(search.system, user)};
  if (user.empty()) {
    return fail("no directory for the state: " + system.error().text +
                ", and neither XDG_STATE_HOME nor HOME names another; name one with --state-dir");
  }
  return made(user, {"the state is kept in " + user + ", because " + search.system + " cannot be created"});
}

StateDirLook look_at_state_dir(const StateDirSearch& search) {
  if (search.given) return look_at(*search.given);
  if (!search.state_directory.empty()) {
    return look_at(search.state_directory.substr(0, search.state_directory.find(':')));
  }
  StateDirLook system = look_at(search.system);
  const std::string user = user_directory(search);
  if (may_exist(search.system) || !system.problem || user.empty()) return system;
  return look_at(user);
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

std::expected<std::string, int> first_that_exists(const std::string& path) {
  std::filesystem::path there = path;
  struct stat status{};
  while (::stat(there.c_str(), &status) != 0) {
    if (errno != ENOENT) return std::unexpected(errno);
    if (!there.has_parent_path()) {
      there = ".";
    } else if (there.parent_path() == there) {
      return std::unexpected(ENOENT);
    } else {
      there = there.parent_path();
    }
  }
  return there.string();
}

int try_to_write(const std::string& dir) {
  const Descriptor file(open_nameless(dir));
  if (!file) return errno;
  const std::string probe(limits::state_probe_bytes, 'x');
  const ssize_t written = ::write(file.get(), probe.data(), probe.size());
  if (written < 0) return errno;
  if (static_cast<std::size_t>(written) < probe.size()) return ENOSPC;
  return ::fsync(file.get()) == 0 || errno == EINVAL ? 0 : errno;
}

int make_directories(const std::string& path) {
  // With a trailing slash, the last component would be empty and its parent the directory itself.
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  return make_with_parents(trimmed);
}

Result<void> make_state_dir(const std::string& path) {
  if (path.empty()) return fail("the state directory's name is empty; name one with --state-dir");
  if (const int error = make_directories(path); error != 0) {
    return fail("cannot create the state directory " + path + ": " + explain_state_errno(error, path));
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail("cannot use the state directory " + path + ": " + explain_state_errno(errno, path));
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail("the state directory " + path + " is not a directory; name another with --state-dir");
  }
  return {};
}

std::vector<std::string> state_mode_warnings(const std::string& dir) {
  const std::string file = dir + "/" + state_file_name;
  std::string loose;
  for (const std::string& path : {dir, file, file + "-wal", dir + "/lock", dir + "/clean-end"}) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode) || (status.st_mode & S_IWOTH) == 0)
      continue;
    loose += (loose.empty() ? "" : " ") + path;
  }
  if (loose.empty()) return {};
  return {"every user of this machine can change the state and so what is delivered; chmod o-w " + loose};
}

bool is_shared_with_root(const std::string& dir) {
  struct stat status{};
  return ::stat(dir.c_str(), &status) == 0 && status.st_gid == 0 && (status.st_mode & S_IRWXG) == S_IRWXG;
}

void keep_group_of(const std::string& dir) {
  struct stat status{};
  if (!is_shared_with_root(dir) || ::stat(dir.c_str(), &status) != 0 || status.st_uid != ::geteuid()) return;
  if ((status.st_mode & S_ISGID) == 0) [[maybe_unused]]
    const int kept = ::chmod(dir.c_str(), (status.st_mode & all_mode_bits) | S_ISGID);
}

void fit_state_file(int fd, const std::string& dir) {
  mode_t mode = S_IRUSR | S_IWUSR;
  if (is_shared_with_root(dir) && ::fchown(fd, unchanged, 0) == 0) mode |= S_IRGRP | S_IWGRP;
  [[maybe_unused]] const int fitted = ::fchmod(fd, mode);
}

std::string explain_state_errno(int error, const std::string& dir) {
  std::string words = std::generic_category().message(error);
  const std::string uid = std::to_string(::geteuid());
  switch (error) {
    case EACCES:
    case EPERM:
      words += "; logzio-okta runs as uid " + uid + ": ";
      // The advice must be possible where it is read: the image has no shell.
      if (::access("/bin/sh", X_OK) == 0) {
        if (::access(dir.c_str(), F_OK) != 0 && errno == ENOENT)
          return words + "as root, run install -d -m 700 -o " + uid + " " + dir;
        return words + "chown -R " + uid + " " + dir;
      }
      return words + "start the container once without --user and --cap-drop, and it changes the owner of " +
             dir + "; for a directory of the host, run chown -R " + uid + " there";
    case EROFS:
      return words + "; mount a writable volume at " + dir + " (docker run -v logzio-okta-state:" + dir +
             " ...), or name another directory with --state-dir";
    case ENOSPC:
    case EDQUOT:
      return words + "; free space for " + dir;
    case EFBIG:
      return words + "; raise the limit on file size (LimitFSIZE=, ulimit -f) for " + dir;
    case EIO:
      return words + "; check the disk under " + dir;
    case ENOTDIR:
      return words + "; a part of " + dir + " is a file; name another directory with --state-dir";
    default:
      return words;
  }
}

bool sync_directory(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  // Some network file systems cannot sync a directory and return EINVAL; nothing more can be done there.
  const bool done = ::fsync(fd) == 0 || errno == EINVAL;
  const int error = errno;
  ::close(fd);
  errno = error;
  return done;
}

}  // namespace logzio_okta
