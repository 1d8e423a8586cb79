// FlakyDisk: while it lives, SQLite's reads of a database file can be made to fail as those of a bad disk do.
#pragma once

#include <cerrno>
#include <limits>

#include <sqlite3.h>

namespace logzio_okta::test {

class FlakyDisk {
 public:
  FlakyDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = "flaky";
    vfs_.pNext = nullptr;
    vfs_.xOpen = &FlakyDisk::open;
    self_ = this;
    sqlite3_vfs_register(&vfs_, 1);
  }
  FlakyDisk(const FlakyDisk&) = delete;
  FlakyDisk& operator=(const FlakyDisk&) = delete;
  ~FlakyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }

  /// The n-th read from now on fails, n from 1; those after it succeed.
  void fail_read(int n) { reads_left_ = n; }
  [[nodiscard]] bool failed() const { return reads_left_ <= 0; }

 private:
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    const int code = self_->real_->xOpen(self_->real_, name, file, flags, flags_out);
    if (code != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return code;
    self_->real_methods_ = file->pMethods;
    self_->methods_ = *file->pMethods;
    self_->methods_.xRead = &FlakyDisk::read;
    file->pMethods = &self_->methods_;
    return code;
  }
  static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
    if (self_->reads_left_ > 0 && --self_->reads_left_ == 0) {
      errno = EIO;
      return SQLITE_IOERR_CORRUPTFS;  // What SQLite's own unix layer returns for EIO.
    }
    return self_->real_methods_->xRead(file, to, size, at);
  }

  static inline FlakyDisk* self_ = nullptr;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  const sqlite3_io_methods* real_methods_ = nullptr;
  sqlite3_io_methods methods_{};
  int reads_left_ = std::numeric_limits<int>::max();
};

}  // namespace logzio_okta::test
