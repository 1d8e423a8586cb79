#include "shell/os/file_watch.hpp"

#include <chrono>
#include <utility>

namespace logzio_okta {
namespace {

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

FileWatch::FileWatch(std::string path) : path_(std::move(path)), last_(look()) {}

bool FileWatch::changed() {
  const Look now = look();
  if (now.same_as(last_)) return false;
  last_ = now;
  return true;
}

bool FileWatch::changed_since(WallTime then) const {
  const auto since_epoch = std::chrono::seconds(last_.status_changed.tv_sec) +
                           std::chrono::nanoseconds(last_.status_changed.tv_nsec);
  return last_.there && since_epoch >= then.time_since_epoch();
}

FileWatch::Look FileWatch::look() const {
  struct stat status{};
  if (stat(path_.c_str(), &status) != 0) return {};
  return {.there = true,
          .device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = status.st_mtim,
          .status_changed = status.st_ctim};
}

bool FileWatch::Look::same_as(const Look& other) const {
  return there == other.there && device == other.device && inode == other.inode && size == other.size &&
         same(modified, other.modified) && same(status_changed, other.status_changed);
}

}  // namespace logzio_okta
