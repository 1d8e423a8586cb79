#include "shell/state/clean_end.hpp"

#include <cstdint>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/os/small_file.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view seal_name = "/clean-end";
constexpr std::size_t seal_bytes_max = 256;  // Eight numbers.

/// The compared attributes of the state file.
struct Look {
  std::int64_t changed_s = 0;
  std::int64_t changed_ns = 0;
  std::int64_t modified_s = 0;
  std::int64_t modified_ns = 0;
  std::int64_t size = 0;
  std::uint64_t user = 0;
  std::uint64_t group = 0;
  std::uint64_t mode = 0;
};

std::optional<Look> look_of(const std::string& state_file) {
  struct stat status{};
  if (::lstat(state_file.c_str(), &status) != 0) return std::nullopt;
  return Look{.changed_s = status.st_ctim.tv_sec,
              .changed_ns = status.st_ctim.tv_nsec,
              .modified_s = status.st_mtim.tv_sec,
              .modified_ns = status.st_mtim.tv_nsec,
              .size = status.st_size,
              .user = status.st_uid,
              .group = status.st_gid,
              .mode = status.st_mode};
}

/// Some file systems lose the nanoseconds when unmounted.
bool same_moment(std::int64_t a_s, std::int64_t a_ns, std::int64_t b_s, std::int64_t b_ns) {
  return a_s == b_s && (a_ns == b_ns || a_ns == 0 || b_ns == 0);
}

struct Seal {
  std::int64_t run = 0;
  std::optional<Look> look;  ///< Missing if the end was only begun.
};

std::optional<Seal> read_seal(const std::string& dir) {
  const NeverWaitForFiles at_once;
  const auto file = read_small_file(dir + std::string(seal_name), seal_bytes_max);
  if (!file) return std::nullopt;
  std::istringstream in(file->bytes);
  Seal seal;
  if (!(in >> seal.run)) return std::nullopt;
  Look look;
  in >> look.changed_s >> look.changed_ns >> look.modified_s >> look.modified_ns >> look.size >> look.user >>
      look.group >> look.mode;
  if (in) seal.look = look;
  return seal;
}

bool write_whole(const Descriptor& file, const std::string& text) {
  return ::ftruncate(file.get(), 0) == 0 &&
         ::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::fsync(file.get()) == 0;
}

bool matches(const Look& sealed, const Look& now) {
  if (same_moment(sealed.changed_s, sealed.changed_ns, now.changed_s, now.changed_ns)) return true;
  const bool handed_over = sealed.user != now.user || sealed.group != now.group || sealed.mode != now.mode;
  return handed_over && sealed.size == now.size &&
         same_moment(sealed.modified_s, sealed.modified_ns, now.modified_s, now.modified_ns);
}

}  // namespace

Descriptor begin_clean_end(const std::string& dir, std::int64_t run) {
  const std::string path = dir + std::string(seal_name);
  Descriptor seal(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR));
  if (seal) fit_state_file(seal.get(), dir);
  if (!seal || !write_whole(seal, std::to_string(run) + "\n") || !sync_directory(dir)) return {};
  return seal;
}

bool seal_clean_end(const Descriptor& seal, const std::string& state_file, std::int64_t run) {
  const std::optional<Look> look = look_of(state_file);
  if (!look) return false;
  std::ostringstream out;
  out << run << ' ' << look->changed_s << ' ' << look->changed_ns << ' ' << look->modified_s << ' '
      << look->modified_ns << ' ' << look->size << ' ' << look->user << ' ' << look->group << ' '
      << look->mode << '\n';
  return write_whole(seal, out.str());
}

bool is_as_sealed(const std::string& dir, const std::string& state_file, std::int64_t run) {
  const std::optional<Seal> sealed = read_seal(dir);
  const std::optional<Look> now = look_of(state_file);
  if (!sealed || !now || sealed->run != run) return false;
  return !sealed->look || matches(*sealed->look, *now);
}

KeptSeal::KeptSeal(std::string dir, std::string state_file)
    : dir_(std::move(dir)), state_file_(std::move(state_file)) {
  const std::optional<Seal> sealed = read_seal(dir_);
  if (!sealed || !sealed->look) return;
  run_ = sealed->run;
  was_whole_ = is_as_sealed(dir_, state_file_, run_);
}

KeptSeal::KeptSeal(KeptSeal&& other) noexcept
    : dir_(std::move(other.dir_)),
      state_file_(std::move(other.state_file_)),
      run_(other.run_),
      was_whole_(std::exchange(other.was_whole_, false)) {}

KeptSeal::~KeptSeal() {
  if (!was_whole_) return;
  const Descriptor seal = begin_clean_end(dir_, run_);
  if (seal) seal_clean_end(seal, state_file_, run_);
}

}  // namespace logzio_okta
