// Lowers for a while how many files this process may have open, as an operator or a leak would.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "catch.hpp"

namespace logzio_okta::test {

class FileLimit {
 public:
  explicit FileLimit(rlim_t files) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit lower{.rlim_cur = files, .rlim_max = before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  /// What is open stays, and nothing can be opened.
  static rlim_t nothing_new() {
    const int lowest = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    REQUIRE(lowest > 0);
    ::close(lowest);
    return static_cast<rlim_t>(lowest);
  }

 private:
  rlimit before_{};
};

}  // namespace logzio_okta::test
