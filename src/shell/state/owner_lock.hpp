// OwnerLock: one owner of a state directory at a time.
//
// A kernel lock (flock) on the file `lock`, released however the process ends: after a kill -9 there is
// nothing to clean up. The file's text only shows a second instance who holds it. The file stays, because
// removing it would let two processes lock two files of that name.
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
    std::string text;   ///< Who holds it, or what is wrong and the cure.
  };
  /// Never waits. Forked children inherit it and hold it until they exec or end.
  static std::expected<OwnerLock, Refusal> take(const std::string& dir, WallTime now);

  /// Who holds it now, for people ("process 4711, since ..."); empty if nobody does, or if that cannot be
  /// told. Takes a shared lock for an instant, so a daemon that starts at that instant finds it held.
  [[nodiscard]] static std::string holder(const std::string& dir);

  /// Changes only the times of the lock file: this makes the holder retry at once what it is waiting for (see
  /// Daemon), without its process id or a port. 0 or the errno.
  [[nodiscard]] static int nudge(const std::string& dir);
  /// The file that nudge() touches.
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
