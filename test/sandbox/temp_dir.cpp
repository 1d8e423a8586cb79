#include "sandbox/temp_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace logzio_okta::sandbox {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "logzio-okta.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw std::filesystem::filesystem_error("mkdtemp", pattern,
                                            std::error_code(errno, std::generic_category()));
  }
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path draft = path.string() + ".new";
  {
    std::ofstream file(draft, std::ios::binary | std::ios::trunc);
    std::filesystem::permissions(draft,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    file << text;
    file.flush();
    if (!file) throw std::runtime_error("cannot write " + path.string());
  }
  std::filesystem::rename(draft, path);
}

}  // namespace logzio_okta::sandbox
