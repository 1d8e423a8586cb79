#include "shell/state/own_files.hpp"

#include <cerrno>

#include <sys/stat.h>

namespace logzio_okta {

OwnFiles::OwnFiles(const std::vector<std::string>& paths) {
  for (const std::string& each : paths) {
    struct stat status{};
    if (::stat(each.c_str(), &status) == 0) files_.push_back({each, status.st_dev, status.st_ino});
  }
}

std::string OwnFiles::first_gone() const {
  for (const File& file : files_) {
    struct stat status{};
    if (::stat(file.path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return file.path;
      continue;  // No permission to look; the file itself is open.
    }
    if (status.st_dev != file.device || status.st_ino != file.inode) return file.path;
  }
  return {};
}

}  // namespace logzio_okta
