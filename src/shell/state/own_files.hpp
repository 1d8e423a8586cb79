// OwnFiles: whether the names in the state directory still lead to the files that are open.
//
// A file that was removed or replaced can still be written through its descriptor, but whoever else finds the
// name is not kept out by our lock, and reads another state than we write.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace logzio_okta {

class OwnFiles {
 public:
  OwnFiles() = default;
  /// Of these names, as they are now; one that leads nowhere is not looked at again.
  explicit OwnFiles(const std::vector<std::string>& paths);

  /// The first name that leads nowhere or to another file; empty if none does.
  [[nodiscard]] std::string first_gone() const;

 private:
  struct File {
    std::string path;
    dev_t device{};
    ino_t inode{};
  };
  std::vector<File> files_;
};

}  // namespace logzio_okta
