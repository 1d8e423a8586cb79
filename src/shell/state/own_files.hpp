// OwnFiles: checks that the names in the state directory still lead to the open files.
//
// A removed or replaced file can still be written through its descriptor, but our lock does not exclude
// others who open the name, and they read a different state.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace logzio_okta {

class OwnFiles {
 public:
  OwnFiles() = default;
  /// Records these names as they are now; a missing one is not checked again.
  explicit OwnFiles(const std::vector<std::string>& paths);

  /// The first name that is missing or leads to another file; empty if there is none.
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
