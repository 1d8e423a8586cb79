#include "shell/small_file.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

constexpr const char* is_directory =
    "is a directory, not a file; docker makes one when the file named before the colon of -v does not exist "
    "on the "
    "host: remove the directory there and create the file";

}  // namespace

Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) return fail("cannot be read: " + why(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail("cannot be read: " + why(errno));
  if (S_ISDIR(status.st_mode)) return fail(is_directory);

  // Sized once and never grown, so that no copy of a credential is left behind.
  SmallFile content{std::string(bytes_max + 1, '\0'), (status.st_mode & S_IROTH) != 0};
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
  return content;
}

}  // namespace logzio_okta
