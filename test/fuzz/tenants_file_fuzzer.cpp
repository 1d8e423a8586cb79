// The tenants file: any bytes give usable tenants, or a one-line error that says where and what, without a
// key.
#include <cstdio>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "fuzz/input.hpp"
#include "shell/settings/tenants_file.hpp"

using namespace logzio_okta;

namespace {

/// The bytes as a file that needs no disk.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : fd_(memfd_create("tenants", MFD_CLOEXEC)) {
    CHECK(fd_ >= 0 && write(fd_, data, size) == static_cast<ssize_t>(size));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { close(fd_); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// In seeds and dictionary; it may appear only in the keyring.
constexpr std::string_view key = "00keykeykeykeykeykeykeykeykeykey";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  const auto tenants = read_tenants_file(file.path(), Environment({}));
  if (!tenants) {
    const std::string& text = tenants.error().text;
    CHECK(text.starts_with(file.path() + ":"));
    CHECK(text.size() < 1000 && !text.contains(key));
    for (const char c : text) CHECK(c >= ' ' && c <= '~');
    return 0;
  }
  CHECK(!tenants->entries.empty() && tenants->entries.size() <= limits::tenants_max);
  for (const TenantEntry& entry : tenants->entries) {
    CHECK(!entry.api_key.empty() && entry.api_key.expose().size() <= limits::secret_bytes_max);
    for (const char c : entry.api_key.expose()) CHECK(c > ' ' && c <= '~');
    CHECK(!entry.domain.name().empty() && entry.line > 0);
  }
  for (const std::string& warning : tenants->warnings) CHECK(!warning.contains(key));
  return 0;
}
