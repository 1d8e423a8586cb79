// Lowers this process's limits for a while, as an operator, a leak or a full disk would.
#pragma once

#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "catch.hpp"

namespace logzio_okta::test {

class LoweredLimit {
 public:
  LoweredLimit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    REQUIRE(::getrlimit(resource_, &before_) == 0);
    const rlimit lower{.rlim_cur = value, .rlim_max = before_.rlim_max};
    REQUIRE(::setrlimit(resource_, &lower) == 0);
  }
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;
  ~LoweredLimit() { ::setrlimit(resource_, &before_); }

 private:
  __rlimit_resource resource_;
  rlimit before_{};
};

/// How many files may be open.
class FileLimit : public LoweredLimit {
 public:
  explicit FileLimit(rlim_t files) : LoweredLimit(RLIMIT_NOFILE, files) {}

  /// Open files stay open, and no other can be opened.
  static rlim_t nothing_new() {
    const int lowest = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    REQUIRE(lowest > 0);
    ::close(lowest);
    return static_cast<rlim_t>(lowest);
  }
};

/// No file may grow beyond this many bytes: as on a full disk, a write is short and then fails.
class FullDisk : public LoweredLimit {
 public:
  explicit FullDisk(rlim_t bytes) : LoweredLimit(RLIMIT_FSIZE, bytes) { std::signal(SIGXFSZ, SIG_IGN); }
};

}  // namespace logzio_okta::test
