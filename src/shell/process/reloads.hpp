// Reloads: the files that are read again while the daemon runs, and how that went.
//
//     std::optional<FileWatch> file = reloads.watch(path);
//     if (file && file->changed()) {
//       auto token = read_token_file(path, warnings);
//       if (reloads.judge(ReloadedFile::token, token)) use(std::move(*token));
//     }
//
// What cannot be used changes nothing: what was read before stays in force, an ERROR says why, and status
// repeats it until the file can be used again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/error.hpp"

#include "shell/os/file_watch.hpp"
#include "shell/process/console.hpp"

namespace logzio_okta {

enum class ReloadedFile : std::uint8_t { tenants, token, hook_secrets, certificate };
inline constexpr std::size_t reloaded_files = 4;

class Reloads {
 public:
  /// The console must outlive it.
  explicit Reloads(Console& console) : console_(console) {}

  /// Returns nothing for a pipe: it could be read only once, and a WARN says so.
  [[nodiscard]] std::optional<FileWatch> watch(const std::string& path);

  /// Counts the reload, and logs why if the file cannot be used. True if it can.
  template <class T>
  bool judge(ReloadedFile file, const Result<T>& read) {
    return note(file, read ? std::string() : read.error().text);
  }
  /// Why the file, as it was last read, cannot be used; empty if it can.
  [[nodiscard]] const std::string& why_refused(ReloadedFile file) const {
    return refused_.at(static_cast<std::size_t>(file));
  }

  [[nodiscard]] std::uint64_t count_taken() const { return count_taken_; }
  [[nodiscard]] std::uint64_t count_refused() const { return count_refused_; }
  /// Why each file that cannot be used is refused.
  [[nodiscard]] std::vector<std::string> all_refused() const;

 private:
  bool note(ReloadedFile file, std::string why_not);

  Console& console_;
  std::array<std::string, reloaded_files> refused_;
  std::uint64_t count_taken_ = 0;
  std::uint64_t count_refused_ = 0;
};

}  // namespace logzio_okta
