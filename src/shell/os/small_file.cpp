#include "shell/os/small_file.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/secret.hpp"

#include "shell/os/clock.hpp"
#include "shell/os/descriptor.hpp"

namespace logzio_okta {
namespace {

std::string why(int error) {
  std::string text = std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return text + "; check the path";
    case EACCES:
    case EPERM:
      return text + "; make it readable for the user that logzio-okta runs as, uid " +
             std::to_string(::geteuid());
    default:
      return text;
  }
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Files that root has read, still open, by name. Global to the process, like the right to read, and read by
/// several threads.
struct Kept {
  std::mutex lock;
  std::map<std::string, Descriptor, std::less<>> files;
};
Kept& kept() {
  static Kept all;
  return all;
}

void keep(const std::string& path, Descriptor file) {
  struct stat status{};
  if (::geteuid() != 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  Kept& all = kept();
  const std::scoped_lock locked(all.lock);
  if (all.files.size() < limits::files_kept_max || all.files.contains(path))
    all.files.insert_or_assign(path, std::move(file));
}

/// Otherwise, opening a named pipe would wait until its other end is opened.
int open_to_read(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/// The file of this name; if we may not open it and root has read this very file, root's descriptor.
Descriptor open_or_kept(const std::string& path) {
  Descriptor file(open_to_read(path));
  if (file.get() >= 0 || errno != EACCES) return file;
  Kept& all = kept();
  const std::scoped_lock locked(all.lock);
  const auto found = all.files.find(path);
  struct stat opened{};
  struct stat named{};
  if (found != all.files.end() && ::fstat(found->second.get(), &opened) == 0 &&
      ::stat(path.c_str(), &named) == 0 && same_file(opened, named)) {
    return Descriptor(::fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0));
  }
  errno = EACCES;
  return file;
}

constexpr const char* is_directory =
    "is a directory, not a file; Docker creates one if the file before the colon of -v does not exist on the "
    "host: remove that directory and create the file";

std::atomic<int>& never_waiting() {
  static std::atomic<int> scopes = 0;
  return scopes;
}

/// Refuses kinds of files that cannot be used; a pipe or a terminal is allowed while waiting is.
Result<void> check_kind(mode_t mode) {
  if (S_ISREG(mode)) return {};
  if (S_ISDIR(mode)) return fail(is_directory);
  if (S_ISSOCK(mode) || S_ISBLK(mode)) return fail("is a socket or a disk, not a file; name a file");
  if (never_waiting() == 0) return {};
  return fail(S_ISFIFO(mode)
                  ? "is a pipe, not a file, and a pipe is read only at the start; put a file in its place"
                  : "is a device, not a file; put a file in its place");
}

/// Waits until a pipe has bytes or its writer has closed it.
Result<void> await_bytes(int file, Instant until) {
  pollfd waited{.fd = file, .events = POLLIN, .revents = 0};
  const auto left = to_ms(std::max<Duration>(until - steady_now(), Duration::zero()));
  const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
  if (ready > 0) return {};
  if (ready < 0) return fail("cannot be read: " + why(errno));
  return fail("is a pipe whose writer did not finish within " + describe(limits::pipe_patience) +
              "; check the program that writes to it, or put a file in its place");
}

/// Fills `room` from the file; returns the number of bytes.
Result<std::size_t> read_whole(int file, bool is_pipe, std::string& room) {
  const Instant until = steady_now() + limits::pipe_patience;
  std::size_t size = 0;
  while (size < room.size()) {
    // A pipe without a writer yet would read as empty.
    if (is_pipe) {
      if (auto ready = await_bytes(file, until); !ready) return std::unexpected(std::move(ready.error()));
    }
    // With the position given, because a descriptor that is kept shares its own with other readers.
    const ssize_t got = is_pipe
                            ? ::read(file, room.data() + size, room.size() - size)
                            : ::pread(file, room.data() + size, room.size() - size, static_cast<off_t>(size));
    if (got < 0 && (errno == EINTR || (is_pipe && errno == EAGAIN))) continue;
    if (got < 0) return fail("cannot be read: " + why(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

// Docker decides the mode of these secrets, and the container keeps others out.
bool is_dockers(const std::string& path) {
  return path.starts_with("/run/secrets/");
}

/// Anyone who may write to the directory can replace the file, unless it is sticky.
bool is_replaceable_by_others(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  struct stat status{};
  if (parent.empty() || ::stat(parent.c_str(), &status) != 0) return false;
  return (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
}

}  // namespace

Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max) {
  Descriptor file = open_or_kept(path);
  if (file.get() < 0) return fail("cannot be read: " + why(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail("cannot be read: " + why(errno));
  if (auto fit = check_kind(status.st_mode); !fit) return std::unexpected(std::move(fit.error()));

  const bool regular = S_ISREG(status.st_mode);
  const bool ours = regular && !is_dockers(path);
  // Sized once and never grown, so that no copy of a credential is left behind.
  SmallFile content{.bytes = std::string(bytes_max + 1, '\0'),
                    .readable_by_others = ours && (status.st_mode & S_IROTH) != 0,
                    .writable_by_others = ours && ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
                                                   is_replaceable_by_others(path)),
                    .is_pipe = !regular};
  const Result<std::size_t> read = read_whole(file.get(), !regular, content.bytes);
  if (!read) {
    wipe(content.bytes);
    return std::unexpected(read.error());
  }
  const std::size_t size = *read;
  if (size > bytes_max) {
    wipe(content.bytes);
    return fail("is larger than " + std::to_string(bytes_max) + " bytes; this cannot be the right file");
  }
  content.bytes.resize(size);
  keep(path, std::move(file));
  return content;
}

void warn_of_modes(const std::string& path, const SmallFile& file, std::string_view holds,
                   std::vector<std::string>& warnings) {
  const std::string what = path + ", which holds " + std::string(holds);
  if (file.writable_by_others) {
    warnings.push_back(
        what + ", can be changed by other users; chmod 600 it, and let no other user write to its directory");
  } else if (file.readable_by_others) {
    warnings.push_back(what + ", can be read by every user; chmod 600 it");
  }
}

NeverWaitForFiles::NeverWaitForFiles() {
  ++never_waiting();
}

NeverWaitForFiles::~NeverWaitForFiles() {
  --never_waiting();
}

bool is_pipe(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

void keep_small_file(const std::string& path) {
  keep(path, Descriptor(open_to_read(path)));
}

}  // namespace logzio_okta
