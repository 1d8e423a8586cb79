// TempDir: a directory that is removed with its owner.
#pragma once

#include <filesystem>
#include <string_view>

namespace logzio_okta::sandbox {

class TempDir {
 public:
  /// Throws std::filesystem::filesystem_error.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Mode 0600, whole or not at all as far as this process is concerned. Throws std::runtime_error.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace logzio_okta::sandbox
