#include "shell/state/copies.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view ending = ".ndjson.gz";
constexpr std::string_view working_ending = ".partial";
constexpr std::string_view damaged_ending = ".damaged";
// The first bytes of all our members: deflate, no flags, no time.
constexpr std::string_view member_begins("\x1f\x8b\x08\0\0\0\0\0", 8);

std::string explain(int error, const std::string& dir) {
  const std::string elsewhere = ", or name another directory with --copy-to";
  if (error == ENOENT) return std::generic_category().message(error) + "; make " + dir + elsewhere;
  if (error == EROFS)
    return std::generic_category().message(error) + "; mount a writable volume at " + dir + elsewhere;
  if (error == ENOTDIR)
    return std::generic_category().message(error) + "; a part of " + dir + " is a file" + elsewhere;
  if (error == ELOOP) return "a symbolic link, which is not followed in " + dir + "; remove it";
  return explain_state_errno(error, dir);
}

/// "2026-11-27T19"
std::string hour_of(WallTime at) {
  constexpr std::size_t bytes = 13;
  return format_rfc3339(at).substr(0, bytes);
}

std::string file_name(std::string_view hour, int number) {
  return std::string(hour) + (number > 1 ? "_" + std::to_string(number) : "") + std::string(ending);
}

bool is_symlink(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

std::string directory_name(std::string_view destination) {
  std::string name(destination.substr(0, limits::copy_name_bytes_max));
  const auto belongs = [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '.' || c == '_' || c == '-';
  };
  std::ranges::replace_if(name, [&](char c) { return !belongs(c); }, '-');
  if (name.empty() || name.front() == '.') name.insert(name.begin(), '-');
  return name;
}

/// Renames the file, unless a file with that name exists. 0, or an errno.
int rename_to_free(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL) return errno;
  // Not every file system can do both at once; the directory is locked against other instances.
  if (exists(to)) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

/// Gives the file its final name, or the next free one of that hour. 0, or an errno.
int give_final_name(const std::string& place, const std::string& name) {
  const std::string from = place + "/" + name + std::string(working_ending);
  const std::string hour = name.substr(0, name.find_first_of("_."));
  int error = rename_to_free(from, place + "/" + name);
  for (int number = 2; error == EEXIST && number <= limits::copy_files_an_hour_max; ++number)
    error = rename_to_free(from, place + "/" + file_name(hour, number));
  if (error != 0) return error;
  return sync_directory(place) ? 0 : errno;
}

std::vector<std::filesystem::directory_entry> entries_of(const std::filesystem::path& dir) {
  std::vector<std::filesystem::directory_entry> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator at(dir, error), end; !error && at != end; at.increment(error))
    entries.push_back(*at);
  return entries;
}

std::string read_at(int fd, std::uint64_t from, std::size_t size) {
  std::string bytes;
  bytes.resize_and_overwrite(size, [&](char* to, std::size_t room) {
    std::size_t read = 0;
    while (read < room) {
      const ssize_t got = ::pread(fd, to + read, room - read, static_cast<off_t>(from + read));
      if (got <= 0) break;
      read += static_cast<std::size_t>(got);
    }
    return read;
  });
  return bytes;
}

std::vector<std::size_t> members_in(std::string_view bytes) {
  std::vector<std::size_t> starts;
  for (std::size_t at = bytes.find(member_begins); at != std::string_view::npos;
       at = bytes.find(member_begins, at + 1))
    starts.push_back(at);
  return starts;
}

/// The number of bytes in complete members. Nothing if the file does not look like ours.
///
/// Synced data is complete. The rest is checked from a member that certainly comes after it. The first bytes
/// of a member identify its start; its checksum, after which the next member must follow, shows that they are
/// not in the middle of another.
std::optional<std::uint64_t> whole_bytes(int fd, std::uint64_t size) {
  for (std::uint64_t window = limits::copy_tail_bytes_first;; window *= 2) {
    const std::uint64_t from = size - std::min(size, window);
    const std::string tail = read_at(fd, from, static_cast<std::size_t>(size - from));
    const std::string_view bytes = tail;
    if (from == 0) {
      const std::size_t whole = whole_members(bytes);
      const std::string_view begin = bytes.substr(0, member_begins.size());
      const bool ours = member_begins.starts_with(begin) || begin.find_first_not_of('\0') == begin.npos;
      return whole > 0 || ours ? std::optional<std::uint64_t>(whole) : std::nullopt;
    }
    const std::vector<std::size_t> starts = members_in(bytes);
    if (starts.size() <= limits::copy_members_doubted && window < limits::copy_tail_bytes_max) continue;
    const std::size_t doubted = std::min(starts.size(), limits::copy_members_doubted + 1);
    for (auto start = starts.end() - static_cast<std::ptrdiff_t>(doubted); start != starts.end(); ++start) {
      if (const std::size_t whole = whole_members(bytes.substr(*start)); whole > 0)
        return from + *start + whole;
    }
    return std::nullopt;
  }
}

}  // namespace

// The current file.

std::string Copies::Place::working_path() const {
  return path + "/" + name + std::string(working_ending);
}

/// It may have been moved away; later writes must not go to that file.
bool Copies::Place::is_in_place() const {
  struct stat named{};
  struct stat opened{};
  return !is_symlink(path) && ::stat(working_path().c_str(), &named) == 0 &&
         ::fstat(file.get(), &opened) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int Copies::Place::begin(const std::string& hour_given) {
  if (is_symlink(path)) return ELOOP;  // It could lead out of the named directory.
  if (const int error = make_directories(path); error != 0) return error;
  for (int number = 1; number <= limits::copy_files_an_hour_max; ++number) {
    name = file_name(hour_given, number);
    if (exists(path + "/" + name)) continue;
    Descriptor made(::open(working_path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                           S_IRUSR | S_IWUSR));
    if (!made && errno == EEXIST) continue;
    if (!made || !sync_directory(path)) return errno;
    file = std::move(made);
    hour = hour_given;
    size = written = 0;
    return 0;
  }
  return EMFILE;
}

int Copies::Place::write() {
  constexpr std::size_t pieces_max = 64;
  std::array<iovec, pieces_max> pieces{};
  std::size_t next = 0;    // In the waiting copies,
  std::size_t offset = 0;  // and in that copy.
  written = 0;
  while (next < waiting.size()) {
    const std::size_t count = std::min(pieces_max, waiting.size() - next);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& packed = *waiting[next + i];
      const std::size_t skipped = i == 0 ? offset : 0;
      pieces.at(i) = {.iov_base = const_cast<char*>(packed.data() + skipped),
                      .iov_len = packed.size() - skipped};
    }
    const ssize_t wrote =
        ::pwritev(file.get(), pieces.data(), static_cast<int>(count), static_cast<off_t>(size + written));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return wrote < 0 ? errno : EIO;
    written += static_cast<std::uint64_t>(wrote);
    for (offset += static_cast<std::size_t>(wrote); next < waiting.size() && offset >= waiting[next]->size();
         ++next)
      offset -= waiting[next]->size();
  }
  return 0;
}

/// Restores the previous size: everything after it is written again, because after a failure it is unknown
/// what is on disk.
void Copies::Place::take_back() const {
  [[maybe_unused]] const int cut = ::ftruncate(file.get(), static_cast<off_t>(size));
}

int Copies::Place::sync() {
  if (::fdatasync(file.get()) != 0) return errno;
  // Nobody reads them soon; their memory serves the next ones, instead of pushing out what others need.
  [[maybe_unused]] const int advised =
      ::posix_fadvise(file.get(), static_cast<off_t>(size), static_cast<off_t>(written), POSIX_FADV_DONTNEED);
  size += std::exchange(written, 0);
  waiting.clear();
  return 0;
}

int Copies::Place::finish() {
  if (!file) return 0;
  if (is_in_place()) {
    struct stat status{};
    if (::fstat(file.get(), &status) != 0) return errno;
    if (std::cmp_not_equal(status.st_size, size) &&
        (::ftruncate(file.get(), static_cast<off_t>(size)) != 0 || ::fdatasync(file.get()) != 0))
      return errno;
    if (size == 0) {
      if (::unlink(working_path().c_str()) != 0) return errno;
    } else if (const int error = give_final_name(path, name); error != 0) {
      return error;
    }
  }
  file = Descriptor();
  return 0;
}

// All files.

Copies::Copies(std::string dir, Descriptor lock) : dir_(std::move(dir)), lock_(std::move(lock)) {}

std::expected<Copies, Copies::Refusal> Copies::open(const std::string& dir) {
  const auto refuse = [&](int error) {
    return std::unexpected(
        Refusal{.text = "--copy-to: " + dir + " cannot be used for copies: " + explain(error, dir)});
  };
  if (const int error = make_directories(dir); error != 0) return refuse(error);
  Descriptor opened(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return refuse(errno);
  // Without locks in the file system, nothing more can be done.
  if (::flock(opened.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return std::unexpected(Refusal{.held = true,
                                   .text = "--copy-to: another instance keeps its copies in " + dir +
                                           "; name another directory for this one, or stop the other"});
  }
  // sync() reports a full disk: it may have room by then.
  const int error = try_to_write(dir);
  if (error != 0 && error != ENOSPC && error != EDQUOT && error != EFBIG) return refuse(error);
  Copies copies(dir, std::move(opened));
  copies.recover();
  return copies;
}

void Copies::recover() {
  std::error_code error;
  const std::string open_ending = std::string(ending).append(working_ending);
  for (const auto& place : entries_of(dir_)) {
    if (!place.is_directory(error) || place.is_symlink(error)) continue;
    for (const auto& entry : entries_of(place.path())) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(open_ending))
        recover(place.path().string(), name.substr(0, name.size() - working_ending.size()));
    }
  }
}

void Copies::recover(const std::string& place, const std::string& name) {
  const std::string path = place + "/" + name + std::string(working_ending);
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  const auto trouble = [&](int error) {
    warnings_.push_back(path + " was left by a run that did not shut down cleanly, and cannot be finished: " +
                        explain(error, dir_));
  };
  if (!file || ::fstat(file.get(), &status) != 0) return trouble(errno);
  if (!S_ISREG(status.st_mode)) return;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto whole = whole_bytes(file.get(), size);
  if (!whole) {
    const std::string aside = path + std::string(damaged_ending);
    if (const int error = rename_to_free(path, aside); error != 0) return trouble(error);
    warnings_.push_back(path + " is damaged or not a copy of ours; it is now " + aside);
    return;
  }
  if (*whole < size) {
    warnings_.push_back(path + " ended in the middle of a bulk: " + std::to_string(size - *whole) +
                        " bytes are cut off. Nothing is lost: their events are delivered again");
    if (::ftruncate(file.get(), static_cast<off_t>(*whole)) != 0) return trouble(errno);
  }
  if (::fsync(file.get()) != 0) return trouble(errno);
  if (*whole == 0) {
    if (::unlink(path.c_str()) != 0) trouble(errno);
  } else if (const int error = give_final_name(place, name); error != 0) {
    trouble(error);
  }
}

std::vector<std::string> Copies::take_warnings() {
  return std::exchange(warnings_, {});
}

Copies::Place& Copies::place_of(const KeepCopy& copy) {
  auto known = names_.find(copy.destination);
  if (known == names_.end()) {
    const std::string wanted = directory_name(copy.name);
    std::string name = wanted;
    const auto is_taken = [&](const auto& each) { return each.second == name; };
    for (int number = 2; std::ranges::any_of(names_, is_taken); ++number)
      name = wanted + "_" + std::to_string(number);
    known = names_.emplace(copy.destination, std::move(name)).first;
  }
  Place& place = places_[known->second];
  if (place.path.empty()) place.path = dir_ + "/" + known->second;
  return place;
}

void Copies::add(KeepCopy copy) {
  place_of(copy).waiting.push_back(std::move(copy.packed));
}

void Copies::forget(DestinationId destination) {
  names_.erase(destination);
}

int Copies::write(Place& place, const std::string& hour) {
  if (place.file && !place.is_in_place()) place.file = Descriptor();
  if (place.file && place.hour != hour) {
    if (const int error = place.finish(); error != 0) return error;
  }
  if (!place.file) {
    if (const int error = place.begin(hour); error != 0) return error;
  }
  const int error = place.write();
  if (error != 0) place.take_back();
  return error;
}

// First write all, then sync all: the first sync does most of the work of the others.
Result<void> Copies::sync(WallTime now) {
  const std::string hour = hour_of(now);
  std::string trouble;
  const auto fails = [&](const Place& place, int error) {
    if (error != 0 && trouble.empty()) trouble = place.path + ": " + explain(error, dir_);
    return error != 0;
  };
  std::vector<Place*> written;
  for (auto& [name, place] : places_) {
    if (!place.waiting.empty() && !fails(place, write(place, hour))) written.push_back(&place);
  }
  for (Place* const place : written) {
    const std::size_t bulks = place->waiting.size();
    const std::uint64_t bytes = place->written;
    if (fails(*place, place->sync())) {
      place->take_back();
      continue;
    }
    bulks_ += bulks;
    bytes_ += bytes;
    last_written_ = now;
  }
  last_error_ = trouble;
  if (!trouble.empty()) return fail(std::move(trouble));
  return {};
}

void Copies::finish_hours(WallTime now) {
  const std::string hour = hour_of(now);
  for (auto& [name, place] : places_) {
    if (place.file && place.hour != hour) [[maybe_unused]]
      const int error = place.finish();
  }
}

Result<void> Copies::close(WallTime now) {
  Result<void> done = sync(now);
  for (auto& [name, place] : places_) {
    if (const int error = place.finish(); error != 0 && done)
      done = fail(place.path + ": " + explain(error, dir_));
  }
  return done;
}

CopiesReport Copies::report() const {
  std::size_t waiting = 0;
  for (const auto& [name, place] : places_) waiting += place.waiting.size();
  return {.dir = dir_,
          .bulks = bulks_,
          .bytes = bytes_,
          .waiting = waiting,
          .last_written = last_written_,
          .last_error = last_error_};
}

std::optional<std::string> problem_with_place(const std::string& dir, const std::string& state_dir) {
  std::error_code missing;
  if (!std::filesystem::equivalent(dir, state_dir, missing)) return std::nullopt;
  return dir + " is the state directory; name another, for example " + dir + "/copies";
}

std::optional<std::string> problem_with_copies(const std::string& dir) {
  const auto there = first_that_exists(dir);
  const int error = there ? try_to_write(*there) : there.error();
  if (error == 0) return std::nullopt;
  return dir + " cannot be used for copies: " + explain(error, dir);
}

}  // namespace logzio_okta
