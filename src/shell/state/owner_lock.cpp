#include "shell/state/owner_lock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/text.hpp"

#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

/// "process 4711 on host box since 2026-11-23T12:00:00.000Z"
std::string describe_self(WallTime now) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return "process " + std::to_string(::getpid()) + " on host " + host.data() + " since " +
         format_rfc3339(now);
}

/// The holder's text, without anything else.
std::string read_holder(int fd) {
  std::array<char, 512> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  holder.resize(std::min(holder.size(), holder.find('\n')));
  return holder.empty() ? "another process" : printable(holder);
}

/// Whether the file is an earlier lock file, or new. In another user's directory it might be anything, and
/// root would write into it.
bool is_lock_file(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) return false;
  constexpr std::string_view beginning = "process ";
  std::array<char, beginning.size()> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  return size == 0 ||
         (size > 0 && beginning.starts_with(std::string_view(text.data(), static_cast<std::size_t>(size))));
}

/// Opens the file, creating it if it is missing; -1 with errno otherwise.
int open_lock_file(const std::string& path, const std::string& dir) {
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const int made = ::open(path.c_str(), flags | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  if (made < 0 && errno == EEXIST) return ::open(path.c_str(), flags);
  if (made >= 0) fit_state_file(made, dir);
  return made;
}

/// Best effort: the lock works without the text, only a second instance's error says less.
void write_holder(int fd, const std::string& holder) {
  const std::string line = holder + "\n";
  if (::ftruncate(fd, 0) != 0) return;
  if (::pwrite(fd, line.data(), line.size(), 0) < 0) return;
}

}  // namespace

std::expected<OwnerLock, OwnerLock::Refusal> OwnerLock::take(const std::string& dir, WallTime now) {
  const std::string path = path_in(dir);
  OwnerLock lock(open_lock_file(path, dir));
  if (lock.fd_ < 0) {
    return std::unexpected(Refusal{
        .held = false, .text = "cannot use the state: " + path + ": " + explain_state_errno(errno, dir)});
  }
  if (!is_lock_file(lock.fd_)) {
    return std::unexpected(Refusal{.held = false,
                                   .text = "cannot use the state: " + path +
                                           " is not a lock of logzio-okta; remove it if it is not needed"});
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) {
    write_holder(lock.fd_, describe_self(now));
    return lock;
  }
  if (errno == EWOULDBLOCK) {
    return std::unexpected(Refusal{.held = true,
                                   .text = "the state in " + dir + " is in use by " + read_holder(lock.fd_) +
                                           "; stop that one, or give this one its own --state-dir"});
  }
  return std::unexpected(Refusal{.held = false,
                                 .text = "cannot lock " + path + ": " + explain_state_errno(errno, dir) +
                                         "; keep the state on a file system that supports locks"});
}

std::string OwnerLock::holder(const std::string& dir) {
  const OwnerLock lock(::open(path_in(dir).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (lock.fd_ < 0 || !is_lock_file(lock.fd_) || ::flock(lock.fd_, LOCK_SH | LOCK_NB) == 0) return {};
  return errno == EWOULDBLOCK ? read_holder(lock.fd_) : std::string();
}

int OwnerLock::nudge(const std::string& dir) {
  return ::utimensat(AT_FDCWD, path_in(dir).c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

OwnerLock::OwnerLock(OwnerLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

OwnerLock& OwnerLock::operator=(OwnerLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

OwnerLock::~OwnerLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace logzio_okta
