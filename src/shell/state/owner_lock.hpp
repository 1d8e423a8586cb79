// OwnerLock: one owner of a state directory at a time.
//
// A lock of the kernel (flock) on the file `lock`, which goes with the process however it ends: after a kill
// -9 there is nothing to clean up. The file's text only tells a second instance who holds it; the file stays,
// since removing it would let two processes lock two files of that name.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

class OwnerLock {
 public:
  struct Refusal {
    bool held = false;  ///< By another instance; otherwise the lock file could not be used.
    std::string text;   ///< Who holds it, or what is wrong and its cure.
  };
  /// Never waits. Inherited by forked children, who hold it too until they exec or end.
  static std::expected<OwnerLock, Refusal> take(const std::string& dir, WallTime now);

  /// Changes the times of the lock file, and nothing else: by that sign whoever holds it tries at once what
  /// it would wait for (see Daemon), so that nobody needs its process id or a port of its. 0 or the errno.
  [[nodiscard]] static int nudge(const std::string& dir);
  /// What nudge() changes.
  [[nodiscard]] static std::string path_in(const std::string& dir) { return dir + "/lock"; }

  OwnerLock() = default;
  OwnerLock(OwnerLock&& other) noexcept;
  OwnerLock& operator=(OwnerLock&& other) noexcept;
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;
  ~OwnerLock();

 private:
  explicit OwnerLock(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace logzio_okta
