#include "shell/small_file.hpp"

#include <cerrno>
#include <functional>
#include <map>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/secret.hpp"

#include "shell/descriptor.hpp"

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

/// What root has read, still open, by the name it was read by. Of the process, as the right to read is.
std::map<std::string, Descriptor, std::less<>>& kept() {
  static std::map<std::string, Descriptor, std::less<>> files;
  return files;
}

void keep(const std::string& path, Descriptor file) {
  struct stat status{};
  if (::geteuid() != 0 || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (kept().size() < limits::files_kept_max || kept().contains(path)) {
    kept().insert_or_assign(path, std::move(file));
  }
}

int open_to_read(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/// The file of this name; if its name is refused to us and root has read this very file, what root has
/// opened.
Descriptor open_or_kept(const std::string& path) {
  Descriptor file(open_to_read(path));
  if (file.get() >= 0 || errno != EACCES) return file;
  const auto found = kept().find(path);
  struct stat opened{};
  struct stat named{};
  if (found != kept().end() && ::fstat(found->second.get(), &opened) == 0 &&
      ::stat(path.c_str(), &named) == 0 && same_file(opened, named) &&
      ::lseek(found->second.get(), 0, SEEK_SET) == 0) {
    return Descriptor(::fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0));
  }
  errno = EACCES;
  return file;
}

constexpr const char* is_directory =
    "is a directory, not a file; docker makes one when the file named before the colon of -v does not exist "
    "on the "
    "host: remove the directory there and create the file";

}  // namespace

Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max) {
  Descriptor file = open_or_kept(path);
  if (file.get() < 0) return fail("cannot be read: " + why(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail("cannot be read: " + why(errno));
  if (S_ISDIR(status.st_mode)) return fail(is_directory);

  // Docker decides the mode of the secrets it puts there, and keeps others out by the container.
  const bool others_may_read = (status.st_mode & S_IROTH) != 0 && !path.starts_with("/run/secrets/");
  // Sized once and never grown, so that no copy of a credential is left behind.
  SmallFile content{std::string(bytes_max + 1, '\0'), others_may_read};
  std::size_t size = 0;
  while (size < content.bytes.size()) {
    const ssize_t got = ::read(file.get(), content.bytes.data() + size, content.bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      wipe(content.bytes);
      return fail("cannot be read: " + why(error));
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) {
    wipe(content.bytes);
    return fail("is larger than " + std::to_string(bytes_max) + " bytes; this cannot be the right file");
  }
  content.bytes.resize(size);
  keep(path, std::move(file));
  return content;
}

void keep_small_file(const std::string& path) {
  keep(path, Descriptor(open_to_read(path)));
}

}  // namespace logzio_okta
