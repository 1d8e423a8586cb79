// FileWatch: notices that a file was replaced or changed since the last check.
//
// Compares device, inode, size and times, because a watch by name misses a bind-mounted file that the host
// replaced by rename, which is how editors and secret stores write.
#pragma once

#include <string>

#include <sys/stat.h>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

class FileWatch {
 public:
  /// Records the file as it is now, even if it is missing.
  explicit FileWatch(std::string path);
  /// True once after each change, including creation and removal.
  [[nodiscard]] bool changed();
  /// Whether the file that was last seen was replaced or changed since then, by the file system's clock.
  [[nodiscard]] bool changed_since(WallTime then) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Look {
    bool there = false;
    dev_t device{};
    ino_t inode{};
    off_t size{};
    timespec modified{};
    timespec status_changed{};
    [[nodiscard]] bool same_as(const Look& other) const;
  };
  [[nodiscard]] Look look() const;

  std::string path_;
  Look last_;
};

}  // namespace logzio_okta
