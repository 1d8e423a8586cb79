#include "shell/owner_lock.hpp"

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

#include "shell/state_dir.hpp"

namespace logzio_okta {
namespace {

/// "process 4711 on host box since 2026-11-23T12:00:00.000Z"
std::string describe_self(WallTime now) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return "process " + std::to_string(::getpid()) + " on host " + host.data() + " since " +
         format_rfc3339(now);
}

/// What the holder wrote, without whatever else may stand there.
std::string read_holder(int fd) {
  std::array<char, 512> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  holder.resize(std::min(holder.size(), holder.find('\n')));
  return holder.empty() ? "another process" : printable(holder);
}

/// Best effort: without its text the lock is as good, only a second instance's error says less.
void write_holder(int fd, const std::string& holder) {
  const std::string line = holder + "\n";
  if (::ftruncate(fd, 0) != 0) return;
  if (::pwrite(fd, line.data(), line.size(), 0) < 0) return;
}

}  // namespace

std::expected<OwnerLock, OwnerLock::Refusal> OwnerLock::take(const std::string& dir, WallTime now) {
  const std::string path = dir + "/lock";
  OwnerLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (lock.fd_ < 0) {
    return std::unexpected(Refusal{
        .held = false, .text = "cannot use the state: " + path + ": " + explain_state_errno(errno, dir)});
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
                                         "; keep the state on a file system with locks"});
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
