#include "shell/state/state_file.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/state/schema.hpp"
#include "shell/state/spool_table.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/stream_tables.hpp"

namespace logzio_okta {

std::unexpected<StoreError> unusable(std::string text) {
  return std::unexpected(StoreError{.text = std::move(text)});
}

namespace {

/// Not the opposite of "exists": a file that cannot be examined is not missing.
bool is_missing(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) != 0 && errno == ENOENT;
}

/// "20261123T120000Z", fit for a file name.
std::string compact_utc(WallTime now) {
  std::string text = format_rfc3339(now).substr(0, std::string_view("2026-11-23T12:00:00").size());
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

/// Renames the file and its companions, so that they can still be opened together under the new name. The
/// main file is first: a crash in between leaves a log without a file, which the next start moves.
std::expected<std::string, StoreError> move_aside(const std::string& dir, const std::string& path,
                                                  WallTime now) {
  const std::string base = path + ".damaged-" + compact_utc(now);
  std::string target = base;
  const auto taken = [&] { return exists(target) || exists(target + "-wal") || exists(target + "-journal"); };
  for (int number = 2; taken(); ++number) target = base + "-" + std::to_string(number);
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (::rename((path + suffix).c_str(), (target + suffix).c_str()) == 0 || errno == ENOENT) continue;
    return unusable("cannot move the damaged " + path + suffix +
                    " aside: " + explain_state_errno(errno, dir));
  }
  if (!sync_directory(dir)) return unusable("cannot sync " + dir + ": " + explain_state_errno(errno, dir));
  return target;
}

/// Creates a new file under another name, syncs it and renames it, so that no crash leaves an incomplete one
/// behind.
std::expected<void, StoreError> create(const std::string& dir, const std::string& path) {
  const std::string draft = path + ".new";
  const auto refused = [&](const std::string& why) { return unusable("cannot create " + path + ": " + why); };
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (::unlink((draft + suffix).c_str()) != 0 && errno != ENOENT) {
      return refused(explain_state_errno(errno, dir));
    }
  }
  const int fd = ::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return refused(explain_state_errno(errno, dir));
  fit_state_file(fd, dir);  // SQLite's other files copy its mode.
  ::close(fd);
  Database database;
  // Before the first table, so that the file can shrink again, a few pages at a time.
  if (!(database.open(draft) &&
        database.run("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY; BEGIN") &&
        create_schema(database) && database.run("COMMIT; PRAGMA journal_mode = WAL"))) {
    return refused(database.failure().explain(dir));
  }
  database.close();
  if (::rename(draft.c_str(), path.c_str()) != 0 || !sync_directory(dir)) {
    return refused(explain_state_errno(errno, dir));
  }
  return {};
}

/// Checks that the system gives us access to the file, because SQLite's own errors are vague. Closing a file
/// drops this process's POSIX locks on it, so this must come before SQLite opens it.
std::expected<void, StoreError> check_access(const std::string& dir, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return unusable("cannot open " + path + ": " + explain_state_errno(errno, dir));
  struct stat status{};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  ::close(fd);
  if (!regular) return unusable(path + " is not a regular file; move it away, or name another --state-dir");
  return {};
}

/// Why a file's content cannot be used, or nothing if it is sound; StoreError if access is refused.
using Damage = std::expected<std::optional<std::string>, StoreError>;

Damage find_damage(Database& database, const std::string& dir, const std::string& path) {
  const auto unreadable = [&]() -> Damage {
    if (database.failure().content_is_wrong()) return database.failure().words;
    return unusable("cannot read " + path + ": " + database.failure().explain(dir));
  };
  const auto id = database.number("PRAGMA application_id");
  if (!id) return unreadable();
  if (*id != schema_application_id) return "it is not a state of logzio-okta";
  const auto version = database.number("PRAGMA user_version");
  if (!version) return unreadable();
  if (*version > schema_version) {
    return unusable(path + " was written by a newer logzio-okta (its schema is " + std::to_string(*version) +
                    ", this one knows " + std::to_string(schema_version) +
                    "); run that version again, or name another --state-dir");
  }
  if (*version < oldest_schema_version) return "its schema is " + std::to_string(*version);
  auto found = database.text("PRAGMA quick_check(1)");
  if (!found) return unreadable();
  if (database.disk_error() != 0) {
    return unusable("cannot read " + path + ": " + explain_state_errno(database.disk_error(), dir));
  }
  if (*found == "ok") return std::nullopt;
  std::ranges::replace(*found, '\n', ' ');
  return found;
}

/// The journal mode is stored in the file, but another tool may have changed it. A log that a burst made long
/// is truncated after a checkpoint.
bool configure(Database& database) {
  return database.run(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = 2; PRAGMA journal_size_limit = 8388608");
}

/// Whether all our statements fit the tables.
bool statements_fit(Database& database) {
  const StreamTables streams(database);
  const SpoolTable spool(database);
  return !database.failure();
}

/// Opens and examines the file; in any case a log beside it still exists after it is closed.
Damage open_sound(Database& database, const std::string& dir, const std::string& path) {
  const auto refused = [&] {
    return unusable("cannot open " + path + ": " + database.failure().explain(dir));
  };
  database.clear_failure();
  if (!database.open(path)) return refused();
  database.keep_log_when_closed(true);
  if (auto damage = find_damage(database, dir, path); !damage || *damage) return damage;
  if (configure(database) && upgrade_schema(database) && statements_fit(database)) {
    database.keep_log_when_closed(false);
    return std::nullopt;
  }
  if (database.failure().content_is_wrong()) return database.failure().words;
  return refused();
}

Damage open_existing(Database& database, const std::string& dir, const std::string& path) {
  if (auto access = check_access(dir, path); !access) return std::unexpected(access.error());
  auto damage = open_sound(database, dir, path);
  if (!damage || *damage) database.close();
  return damage;
}

}  // namespace

std::expected<OpenedState, StoreError> open_state_file(Database& database, const std::string& dir,
                                                       const std::string& path, WallTime now,
                                                       OnDamage on_damage) {
  OpenedState opened;
  // A log without its file is damage too: SQLite would delete it with its contents.
  const bool orphaned = is_missing(path) && exists(path + "-wal");
  if (!is_missing(path) || orphaned) {
    auto damage = orphaned ? Damage("its -wal file exists without it") : open_existing(database, dir, path);
    if (!damage) return std::unexpected(damage.error());
    if (!*damage) return opened;
    if (on_damage == OnDamage::refuse) {
      return unusable(
          path + " cannot be used (" + **damage +
          "); restore a copy of it, or start the daemon, which moves it aside and starts a new one");
    }
    auto aside = move_aside(dir, path, now);
    if (!aside) return std::unexpected(aside.error());
    opened.lost = true;
    opened.warnings.push_back(
        "THE STATE IS LOST: " + path + " cannot be used (" + **damage + ") and was moved to " + *aside +
        "; every tenant starts again at --since, and events delivered since then are delivered again");
  } else {
    opened.warnings.push_back(
        "no state found in " + dir +
        ": every tenant starts at --since; in a container, mount a volume there to keep it");
  }
  if (auto created = create(dir, path); !created) return std::unexpected(created.error());
  auto damage = open_existing(database, dir, path);
  if (!damage) return std::unexpected(damage.error());
  if (*damage) return unusable("cannot use the new " + path + ": " + **damage);
  return opened;
}

}  // namespace logzio_okta
