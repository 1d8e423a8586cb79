#include "shell/state/store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"
#include "shell/state/clean_end.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/sqlite.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

constexpr int state_unusable = 74;
constexpr int state_held = 75;

// Of `run.clean`. An end that is noted as sealed has told the file beside it what the state looked like.
constexpr std::int64_t clean_unsealed = 1;
constexpr std::int64_t clean_sealed = 2;

constexpr std::int64_t application_id = 0x4C7A4F6B;
constexpr std::int64_t schema_version = 2;
constexpr std::int64_t oldest_schema_version = 1;  // Without the spool of event hooks.

constexpr const char* create_sql = R"(
  PRAGMA application_id = 0x4C7A4F6B;
  PRAGMA user_version = 1;
  CREATE TABLE run(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    clean INTEGER NOT NULL,
    started_ms INTEGER NOT NULL
  ) STRICT;
  INSERT INTO run VALUES (1, 1, 0);
  CREATE TABLE stream(
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    unclean INTEGER NOT NULL,
    next TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    first_start_ms INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    page_limit INTEGER NOT NULL,
    repeated INTEGER NOT NULL,
    watermark_ms INTEGER,
    window_from_ms INTEGER,
    restore_limit_ms INTEGER,
    recovering_ms INTEGER,
    caught_up_ms INTEGER,
    in_doubt_events INTEGER,
    in_doubt_before_ms INTEGER,
    quiet_until_ms INTEGER,
    okta_offset_ms INTEGER NOT NULL,
    gap_from_ms INTEGER,
    gap_until_ms INTEGER
  ) STRICT;
  CREATE TABLE window(
    stream INTEGER NOT NULL,
    page INTEGER NOT NULL,
    newest_ms INTEGER,
    events BLOB NOT NULL CHECK(length(events) % 16 = 0),
    PRIMARY KEY(stream, page)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE set_aside(
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    answer TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
)";

constexpr const char* create_spool_sql = R"(
  CREATE TABLE spool(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_time TEXT NOT NULL,
    marked INTEGER NOT NULL,
    count INTEGER NOT NULL,
    events BLOB NOT NULL
  ) STRICT;
  CREATE INDEX spool_by_stream ON spool(stream, id);
  CREATE TABLE spool_seen(
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    uuid INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX spool_seen_by_event ON spool_seen(stream, uuid);
  PRAGMA user_version = 2;
)";

constexpr const char* create_in_flight_sql = R"(
  CREATE TABLE IF NOT EXISTS in_flight(
    stream INTEGER NOT NULL,
    page INTEGER NOT NULL,
    events BLOB NOT NULL CHECK(length(events) % 16 = 0)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS in_flight_by_page ON in_flight(stream, page);
  CREATE TABLE IF NOT EXISTS in_flight_run(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    boot TEXT NOT NULL,
    started_ms INTEGER NOT NULL
  ) STRICT;
)";

// 1: whatever was noted is all there was.
constexpr const char* in_flight_known_sql = R"(
  SELECT count(*) FROM run JOIN in_flight_run ON run.started_ms = in_flight_run.started_ms
  WHERE clean <> 0 OR boot = ?)";

constexpr const char* in_flight_unknown_sql = R"(
  INSERT INTO in_flight SELECT id, -1, x'' FROM stream
  WHERE id NOT IN (SELECT stream FROM in_flight WHERE page = -1))";

// What may have been in flight when a run ended without order.
constexpr const char* doubt_spool_sql = R"(
  UPDATE spool SET marked = 1 WHERE id IN (SELECT id FROM
    (SELECT id, row_number() OVER (PARTITION BY stream ORDER BY id) AS place FROM spool) WHERE place <= 2000))";
static_assert(limits::spool_rows_unsettled_max == 2000);
constexpr const char* doubt_all_spool_sql = "UPDATE spool SET marked = 1";

// Their bytes as octets: length() would count a text's characters.
constexpr const char* sum_spool_sql = R"(
  SELECT key, max(spool.id), sum(count),
    sum(length(events) + length(CAST(source AS BLOB)) + length(CAST(event_id AS BLOB)) +
        length(CAST(event_time AS BLOB))), count(*), min(at_ms) FROM spool
  JOIN stream ON stream.id = spool.stream GROUP BY spool.stream)";

constexpr const char* read_spool_sql = R"(
  SELECT id, at_ms, source, event_id, event_time, marked, events FROM spool
  WHERE stream = (SELECT id FROM stream WHERE key = ?) AND id > ? ORDER BY id LIMIT ?)";

constexpr const char* write_place_sql = R"(
  INSERT INTO stream(unclean, key, next, since_ms, first_start_ms, pages, page_limit, repeated, watermark_ms,
    window_from_ms, restore_limit_ms, recovering_ms, caught_up_ms, in_doubt_events, in_doubt_before_ms,
    quiet_until_ms, okta_offset_ms, gap_from_ms, gap_until_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(key) DO UPDATE SET unclean = excluded.unclean, next = excluded.next, since_ms = excluded.since_ms,
    first_start_ms = excluded.first_start_ms, pages = excluded.pages, page_limit = excluded.page_limit,
    repeated = excluded.repeated, watermark_ms = excluded.watermark_ms,
    window_from_ms = excluded.window_from_ms, restore_limit_ms = excluded.restore_limit_ms,
    recovering_ms = excluded.recovering_ms, caught_up_ms = excluded.caught_up_ms,
    in_doubt_events = excluded.in_doubt_events, in_doubt_before_ms = excluded.in_doubt_before_ms,
    quiet_until_ms = excluded.quiet_until_ms, okta_offset_ms = excluded.okta_offset_ms,
    gap_from_ms = excluded.gap_from_ms, gap_until_ms = excluded.gap_until_ms
  RETURNING id)";

constexpr const char* read_place_sql = R"(
  SELECT unclean, next, since_ms, first_start_ms, pages, page_limit, repeated, watermark_ms, window_from_ms,
    restore_limit_ms, recovering_ms, caught_up_ms, in_doubt_events, in_doubt_before_ms, quiet_until_ms,
    okta_offset_ms, gap_from_ms, gap_until_ms
  FROM stream WHERE key = ?)";

// The other streams of an org, which go by its domain or by that and a question mark.
constexpr const char* overtake_sql = R"(
  UPDATE stream SET unclean = 2 WHERE key <> ? AND (key = ? OR (key > ? AND key < ?)))";

// The length alone is read without the pages that hold the events.
constexpr const char* list_rows_sql = R"(
  SELECT page, newest_ms, length(events) / 16 FROM window
  WHERE stream = (SELECT id FROM stream WHERE key = ?) AND page >= ? ORDER BY page)";

constexpr const char* read_rows_sql = R"(
  SELECT page, newest_ms, events FROM window
  WHERE stream = (SELECT id FROM stream WHERE key = ?) AND page >= ? ORDER BY page DESC)";

// SQLite's integers are signed; the numbers we count never reach the sign.
std::int64_t to_sql(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}
std::int64_t to_sql(WallTime time) {
  return time.time_since_epoch().count();
}
std::optional<std::int64_t> to_sql(std::optional<WallTime> time) {
  return time ? std::optional(to_sql(*time)) : std::nullopt;
}

std::uint64_t count_of(std::int64_t number) {
  return static_cast<std::uint64_t>(number);
}
std::uint32_t small_count_of(std::int64_t number) {
  return static_cast<std::uint32_t>(number);
}
// A damaged state may hold any number: within these bounds no sum or difference of them overflows.
constexpr std::chrono::milliseconds span_max = std::chrono::years(200);
std::int64_t bounded(std::int64_t ms) {
  return std::clamp(ms, -span_max.count(), span_max.count());
}
WallTime time_of(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(bounded(ms)));
}
std::optional<WallTime> time_of(std::optional<std::int64_t> ms) {
  return ms ? std::optional(time_of(*ms)) : std::nullopt;
}

constexpr std::size_t event_bytes = 16;

void append_little_endian(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(number >> shift & 0xffU));
}

std::uint64_t read_little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (unsigned at = 0; at < 8; ++at) {
    number |= std::uint64_t{static_cast<unsigned char>(bytes[at])} << (8 * at);
  }
  return number;
}

std::string pack(const std::vector<EventHash>& events) {
  std::string packed;
  packed.reserve(events.size() * event_bytes);
  for (const EventHash& event : events) {
    append_little_endian(packed, event.uuid);
    append_little_endian(packed, event.bytes);
  }
  return packed;
}

std::vector<EventHash> unpack(std::string_view packed) {
  std::vector<EventHash> events;
  events.reserve(packed.size() / event_bytes);
  for (; packed.size() >= event_bytes; packed.remove_prefix(event_bytes)) {
    events.push_back({.uuid = read_little_endian(packed), .bytes = read_little_endian(packed.substr(8))});
  }
  return events;
}

/// Taken apart by name, so that a field added to Place does not compile until it is stored.
void bind_place(Query& query, const Place& place) {
  const auto& [next, since, first_start, pages, limit, repeated, watermark, window_from, restore_limit,
               recovering, caught_up, in_doubt, quiet_until, okta_offset_ms, gap_from, gap_until] = place;
  std::optional<std::int64_t> in_doubt_events;
  std::optional<std::int64_t> in_doubt_before;
  if (in_doubt) {
    in_doubt_events = in_doubt->events_left;
    in_doubt_before = to_sql(in_doubt->before);
  }
  query.bind_text(next).bind(to_sql(since)).bind(to_sql(first_start));
  query.bind(to_sql(pages)).bind(std::int64_t{limit}).bind(std::int64_t{repeated});
  query.bind(to_sql(watermark)).bind(to_sql(window_from)).bind(to_sql(restore_limit));
  query.bind(to_sql(recovering)).bind(to_sql(caught_up));
  query.bind(in_doubt_events).bind(in_doubt_before);
  query.bind(to_sql(quiet_until)).bind(okta_offset_ms).bind(to_sql(gap_from)).bind(to_sql(gap_until));
}

Place read_place(Query& query) {
  Place place;
  place.next = query.bytes();
  place.since = time_of(query.number());
  place.first_start = time_of(query.number());
  place.pages = count_of(query.number());
  place.limit = small_count_of(query.number());
  place.repeated = query.number() != 0;
  place.watermark = time_of(query.maybe_number());
  place.window_from = time_of(query.maybe_number());
  place.restore_limit = time_of(query.maybe_number());
  place.recovering = time_of(query.maybe_number());
  place.caught_up = time_of(query.maybe_number());
  const std::optional<std::int64_t> in_doubt_events = query.maybe_number();
  const std::optional<std::int64_t> in_doubt_before = query.maybe_number();
  if (in_doubt_events && in_doubt_before) {
    place.in_doubt =
        InDoubt{.events_left = small_count_of(*in_doubt_events), .before = time_of(*in_doubt_before)};
  }
  place.quiet_until = time_of(query.maybe_number());
  place.okta_offset_ms = bounded(query.number());
  place.gap_from = time_of(query.maybe_number());
  place.gap_until = time_of(query.maybe_number());
  return place;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Not the opposite: a file that cannot be looked at is not missing.
bool is_missing(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) != 0 && errno == ENOENT;
}

/// Of the running machine, another after each start of it; empty where the system does not say.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

/// "20261123T120000Z", fit for a file's name.
std::string compact_utc(WallTime now) {
  std::string text = format_rfc3339(now).substr(0, std::string_view("2026-11-23T12:00:00").size());
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

std::unexpected<StoreError> unusable(std::string text) {
  return std::unexpected(StoreError{.exit_code = state_unusable, .text = std::move(text)});
}

/// Renames the file and what belongs to it, so that together they can still be opened under the new name.
/// The main file goes first: a crash in between leaves a log without a file, which is moved by the next
/// start.
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

/// A new file under another name, synced and then renamed, so that no crash leaves a half-made one behind.
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
  fit_state_file(fd, dir);  // What SQLite makes beside it takes after it.
  ::close(fd);
  Database database;
  // Before the first table: so the file can shrink again, a few pages at a time.
  if (!(database.open(draft) &&
        database.run("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY; BEGIN") &&
        database.run(create_sql) && database.run(create_spool_sql) &&
        database.run("COMMIT; PRAGMA journal_mode = WAL"))) {
    return refused(database.failure().explain(dir));
  }
  database.close();
  if (::rename(draft.c_str(), path.c_str()) != 0 || !sync_directory(dir)) {
    return refused(explain_state_errno(errno, dir));
  }
  return {};
}

/// Sees whether the system lets us at the file, which SQLite would only report in general words. Closing a
/// file drops this process's POSIX locks on it, so this must come before SQLite opens it.
std::expected<void, StoreError> check_access(const std::string& dir, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return unusable("cannot open " + path + ": " + explain_state_errno(errno, dir));
  struct stat status{};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  ::close(fd);
  if (!regular) return unusable(path + " is not a regular file; move it away, or name another --state-dir");
  return {};
}

/// Why a file's content cannot be used, or nothing if it is sound; StoreError where we are not let at it.
using Damage = std::expected<std::optional<std::string>, StoreError>;

Damage find_damage(Database& database, const std::string& dir, const std::string& path) {
  const auto unreadable = [&]() -> Damage {
    if (database.failure().content_is_wrong()) return database.failure().words;
    return unusable("cannot read " + path + ": " + database.failure().explain(dir));
  };
  const auto id = database.number("PRAGMA application_id");
  if (!id) return unreadable();
  if (*id != application_id) return "it is not a state of logzio-okta";
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

}  // namespace

struct Store::Impl {
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  using Question = std::variant<OpenStream, ReadWindow, ReadSpool>;
  /// What saves not yet committed do to a stream's window: pages before `from` go, `rows` come by their page.
  struct QueuedRows {
    std::uint64_t from = 0;
    std::map<std::uint64_t, const WindowRow*> rows;
  };

  std::string dir;
  std::string path;
  Stopwatch stopwatch;
  OwnerLock lock;
  Database database;  // Outlives the statements below it.
  Statement write_place;
  Statement overtake;
  Statement drop_rows;
  Statement add_row;
  Statement add_set_aside;
  Statement find_place;
  Statement list_rows;
  Statement read_rows;
  Statement add_in_flight;
  Statement read_in_flight;
  Statement drop_in_flight;
  Statement find_stream;
  Statement find_seen;
  Statement add_seen;
  Statement change_seen;
  Statement forget_seen;
  Statement add_spool;
  Statement read_spool;
  Statement drop_spool;
  Statement doubt_spool;

  /// A file that is ours as long as this name leads to it.
  struct OwnFile {
    std::string path;
    dev_t device{};
    ino_t inode{};
  };
  std::vector<OwnFile> own_files;
  bool gone = false;  ///< As of the last look.

  std::int64_t run = 0;  ///< When it began, in milliseconds.
  bool run_begun = false;
  bool stream_opened = false;
  bool state_was_lost = false;
  std::uint64_t set_aside_bytes = 0;
  std::map<StreamId, std::string> keys;
  std::deque<Save> queue;
  std::deque<SpoolEvents> spool_queue;
  std::deque<NoteInFlight> notes;  // That could not be written yet.
  Instant note_again{};
  bool notes_fail = false;
  std::vector<SpoolSummary> spool_found;
  std::deque<Question> questions;  // That could not be answered yet.
  std::deque<Input> answers;
  std::vector<std::string> warnings;
  Instant due{};               // When the queue wants to be committed ...
  Instant not_before{};        // ... and when it may be.
  Instant spool_not_before{};  // Likewise, while a hook delivery waits for it.
  bool failing = false;        // The last commit did.
  bool may_shrink = false;     // The file may hold more room than it needs.
  Instant shrink_at{};
  std::string failed_because;
  Instant ask_again{};

  // Opening.
  std::expected<void, StoreError> open_file(WallTime now, OnDamage on_damage);
  Damage open_existing();
  Damage open_sound();
  std::expected<void, StoreError> begin_run(WallTime now);
  bool configure();
  bool upgrade();
  bool prepare();
  void forget_statements();
  [[nodiscard]] std::unexpected<StoreError> refused(const char* what) const;

  // Reading.
  [[nodiscard]] const std::string& key_of(StreamId stream) const;
  [[nodiscard]] QueuedRows queued_rows(const std::string& key) const;
  bool list_window(const std::string& key, std::vector<RowInfo>& rows);
  /// The newest rows with so many events at most, oldest first.
  bool read_window(const std::string& key, std::size_t events_max, std::vector<WindowRow>& newest);
  bool read_notes(const std::string& key, std::optional<std::vector<EventHash>>& in_flight);
  bool answer(const Question& question);
  bool answer_one(const OpenStream& request);
  bool answer_one(const ReadWindow& request);
  bool answer_one(const ReadSpool& request);
  bool sum_spool();
  void ask(Question question);
  void answer_questions(Instant now);

  // Writing.
  bool commit();
  bool write(const NoteInFlight& note);
  void write_notes(Instant now);
  bool note_run(const std::string& started);
  bool write(const Save& save);
  std::optional<std::int64_t> write_stream(const Save& save);
  bool write_rows(std::int64_t stream, const Save& save);
  bool write_set_aside(std::int64_t stream, const Save& save);
  bool shrink_spool(std::int64_t stream, const Save& save);
  bool write_spool(std::vector<Spooled>& results);
  bool write(const SpoolEvents& spool, Spooled& result);
  bool add_rows(std::int64_t stream, const SpoolEvents& spool, bool changed, const std::string& events,
                std::size_t count, Spooled& result);
  bool forget_seen_events();
  void refuse_spool(const std::string& why);
  [[nodiscard]] Instant allowed_at() const { return spool_queue.empty() ? not_before : spool_not_before; }
  bool overtake_others(const std::string& key);
  [[nodiscard]] bool nothing_queued() const { return queue.empty() && spool_queue.empty(); }
  void acknowledge();
  bool mark_clean(std::int64_t how = clean_unsealed);
  void learn_own_files();
  [[nodiscard]] std::string what_is_gone() const;
  void fail_commit(Instant now, std::string why);

  // Giving room back.
  void make_shrinkable();
  void look_for_room();
  void shrink(Instant now);
};

/// A start that failed further on, before any stream was handed out, had nothing in flight.
Store::Impl::~Impl() {
  if (run_begun && !stream_opened && database.is_open()) static_cast<void>(mark_clean());
}

std::unexpected<StoreError> Store::Impl::refused(const char* what) const {
  return unusable(std::string("cannot ") + what + " " + path + ": " + database.failure().explain(dir));
}

bool Store::Impl::configure() {
  // The journal mode is the file's own, but another tool may have changed it. A log that a burst made long is
  // cut again after a checkpoint.
  return database.run(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = 2; PRAGMA journal_size_limit = 8388608");
}

/// A file from before files could shrink is written anew, as long as that takes no time to speak of; else at
/// a later start. Whatever keeps it from it, such as a full disk, nothing depends on it.
void Store::Impl::make_shrinkable() {
  constexpr std::int64_t incremental = 2;
  const auto mode = database.number("PRAGMA auto_vacuum");
  const auto pages = database.number("PRAGMA page_count");
  const auto free_pages = database.number("PRAGMA freelist_count");
  const bool wanted = mode && pages && free_pages && *mode != incremental &&
                      *pages - *free_pages <= limits::state_pages_rewritten_max;
  // In memory: there may be no directory for temporary files.
  if (wanted) {
    static_cast<void>(database.run("PRAGMA temp_store = MEMORY; PRAGMA auto_vacuum = INCREMENTAL; VACUUM"));
    static_cast<void>(database.run("PRAGMA temp_store = DEFAULT"));
  }
  database.clear_failure();
}

void Store::Impl::look_for_room() {
  constexpr std::int64_t incremental = 2;
  const auto mode = database.number("PRAGMA auto_vacuum");
  const auto free_pages = database.number("PRAGMA freelist_count");
  may_shrink = mode == incremental && free_pages && *free_pages > limits::state_pages_kept_free;
  database.clear_failure();
}

/// A few pages; the file itself becomes shorter with the log's next checkpoint.
void Store::Impl::shrink(Instant now) {
  look_for_room();
  if (!may_shrink) return;
  static const std::string step =
      "PRAGMA incremental_vacuum(" + std::to_string(limits::state_pages_step) + ")";
  const Instant begun = stopwatch();
  const bool shrunk = database.run(step.c_str());
  const Duration took = stopwatch() - begun;
  const Duration rest = std::min<Duration>(limits::commit_rest * took, limits::commit_rest_max);
  shrink_at = now + took + (shrunk ? std::max(rest, limits::shrink_rest_min) : limits::shrink_retry);
  not_before = std::max(not_before, now + took);
  database.clear_failure();
}

/// From an older schema to ours.
bool Store::Impl::upgrade() {
  const auto version = database.number("PRAGMA user_version");
  if (!version || *version == schema_version) return version.has_value();
  return database.run("BEGIN IMMEDIATE") && database.run(create_spool_sql) && database.run("COMMIT");
}

/// Whatever was in flight when the last run ended is known if it ended in order, or if the machine has been
/// up since; and if it was a run that noted it.
bool Store::Impl::note_run(const std::string& started) {
  const std::string boot = boot_id();
  bool known = false;
  {
    Statement find(database, in_flight_known_sql);
    if (!find.ready()) return false;
    Query query(find);
    query.bind_text(boot);
    known = query.row() && query.number() == 1 && !boot.empty();
    if (query.failed()) return false;
  }
  const std::string noted =
      "INSERT OR REPLACE INTO in_flight_run VALUES (1, '" + boot + "', " + started + ")";
  return (known || database.run(in_flight_unknown_sql)) && database.run(noted.c_str());
}

/// Opens and examines; whatever was found, a log beside the file is still there when it is closed again.
Damage Store::Impl::open_sound() {
  database.clear_failure();
  if (!database.open(path)) return refused("open");
  database.keep_log_when_closed(true);
  if (auto damage = find_damage(database, dir, path); !damage || *damage) return damage;
  if (configure() && upgrade() && database.run(create_in_flight_sql) && prepare()) {
    database.keep_log_when_closed(false);
    return std::nullopt;
  }
  if (database.failure().content_is_wrong()) return database.failure().words;
  return refused("open");
}

Damage Store::Impl::open_existing() {
  if (auto access = check_access(dir, path); !access) return std::unexpected(access.error());
  auto damage = open_sound();
  if (!damage || *damage) {
    forget_statements();
    database.close();
  }
  return damage;
}

std::expected<void, StoreError> Store::Impl::open_file(WallTime now, OnDamage on_damage) {
  // A log whose file is gone is damage too: SQLite would delete it with all it holds.
  const bool orphaned = is_missing(path) && exists(path + "-wal");
  if (!is_missing(path) || orphaned) {
    auto damage = orphaned ? Damage("its -wal file is there without it") : open_existing();
    if (!damage) return std::unexpected(damage.error());
    if (!*damage) return {};
    if (on_damage == OnDamage::refuse) {
      return unusable(path + " cannot be used (" + **damage +
                      "); put a copy of it back, or start the daemon, which moves it aside and begins anew");
    }
    auto aside = move_aside(dir, path, now);
    if (!aside) return std::unexpected(aside.error());
    state_was_lost = true;
    warnings.push_back("THE STATE IS LOST: " + path + " cannot be used (" + **damage + ") and was moved to " +
                       *aside + "; every tenant starts again at --since, and what was delivered since then " +
                       "comes a second time");
  } else {
    warnings.push_back("no state found in " + dir +
                       ": every tenant starts at --since (in a container, only a volume keeps it)");
  }
  if (auto created = create(dir, path); !created) return created;
  auto damage = open_existing();
  if (!damage) return std::unexpected(damage.error());
  if (*damage) return unusable("cannot use the new " + path + ": " + **damage);
  return {};
}

bool Store::Impl::prepare() {
  write_place = Statement(database, write_place_sql);
  overtake = Statement(database, overtake_sql);
  drop_rows = Statement(database, "DELETE FROM window WHERE stream = ? AND page < ?");
  add_row = Statement(database,
                      "INSERT OR REPLACE INTO window(stream, page, newest_ms, events) VALUES (?, ?, ?, ?)");
  add_set_aside = Statement(database,
                            "INSERT INTO set_aside(stream, at_ms, reason, answer, events, bytes)"
                            " VALUES (?, ?, ?, ?, ?, ?)");
  find_place = Statement(database, read_place_sql);
  list_rows = Statement(database, list_rows_sql);
  read_rows = Statement(database, read_rows_sql);
  add_in_flight = Statement(
      database, "INSERT INTO in_flight(stream, page, events) SELECT id, ?, ? FROM stream WHERE key = ?");
  read_in_flight = Statement(database,
                             "SELECT page, events FROM in_flight"
                             " WHERE stream = (SELECT id FROM stream WHERE key = ?) ORDER BY page");
  drop_in_flight = Statement(database, "DELETE FROM in_flight WHERE stream = ? AND page < ?");
  find_stream = Statement(database, "SELECT id FROM stream WHERE key = ?");
  find_seen = Statement(database, "SELECT bytes FROM spool_seen WHERE stream = ? AND uuid = ?");
  add_seen = Statement(database, "INSERT INTO spool_seen(stream, at_ms, uuid, bytes) VALUES (?, ?, ?, ?)");
  change_seen = Statement(database, "UPDATE spool_seen SET bytes = ? WHERE stream = ? AND uuid = ?");
  forget_seen = Statement(database,
                          "DELETE FROM spool_seen WHERE id IN (SELECT id FROM spool_seen ORDER BY id LIMIT ?)"
                          " AND (at_ms < ? OR id <= (SELECT max(id) FROM spool_seen) - ?)");
  add_spool =
      Statement(database,
                "INSERT INTO spool(stream, at_ms, source, event_id, event_time, marked, count, events)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
  read_spool = Statement(database, read_spool_sql);
  drop_spool = Statement(database, "DELETE FROM spool WHERE stream = ? AND id <= ?");
  doubt_spool = Statement(database, "UPDATE spool SET marked = 1 WHERE stream = ? AND id <= ?");
  return !database.failure();
}

void Store::Impl::forget_statements() {
  for (Statement* statement : {&write_place,    &overtake,    &drop_rows,  &add_row,       &add_set_aside,
                               &find_place,     &list_rows,   &read_rows,  &add_in_flight, &read_in_flight,
                               &drop_in_flight, &find_stream, &find_seen,  &add_seen,      &change_seen,
                               &forget_seen,    &add_spool,   &read_spool, &drop_spool,    &doubt_spool}) {
    *statement = Statement();
  }
}

/// Reads how the last run ended and notes, durably, that this one has not ended.
std::expected<void, StoreError> Store::Impl::begin_run(WallTime now) {
  const auto clean = database.number("SELECT clean FROM run");
  const auto bytes = database.number(sum_set_aside_sql);
  const auto items = database.number("SELECT count(*) FROM set_aside");
  const auto ended = database.number("SELECT started_ms FROM run");
  if (!clean || !bytes || !items || !ended) return refused("read");
  set_aside_bytes = count_of(*bytes) + count_of(*items) * limits::set_aside_item_bytes;
  const bool copied = *clean == clean_sealed && !is_as_sealed(dir, path, *ended);
  if (copied) {
    warnings.push_back(
        "the state in " + dir +
        " is not as the last stop left it: it was copied, put back from a copy, or changed. "
        "What was published up to now and may have been delivered since that copy is marked as "
        "a possible duplicate");
  }
  run = to_sql(now);
  const std::string started = std::to_string(run);
  const std::string begin = "UPDATE run SET clean = 0, started_ms = " + started;
  if (!(database.run("BEGIN IMMEDIATE") &&
        (!copied || (database.run("UPDATE stream SET unclean = 2") && database.run(doubt_all_spool_sql))) &&
        (*clean != 0 ||
         (database.run("UPDATE stream SET unclean = max(unclean, 1)") && database.run(doubt_spool_sql))) &&
        note_run(started) && database.run(begin.c_str()) && database.run("COMMIT") && sum_spool())) {
    return refused("write");
  }
  run_begun = true;
  make_shrinkable();
  look_for_room();
  learn_own_files();
  std::ranges::move(state_mode_warnings(dir), std::back_inserter(warnings));
  return {};
}

void Store::Impl::learn_own_files() {
  own_files.clear();
  for (const std::string& each : {dir + "/lock", path, path + "-wal"}) {
    struct stat status{};
    if (::stat(each.c_str(), &status) == 0) own_files.push_back({each, status.st_dev, status.st_ino});
  }
}

/// The file whose name leads nowhere or to another file, for whoever else finds it is not kept out by our
/// lock and reads another state than we write; empty if all are there.
std::string Store::Impl::what_is_gone() const {
  for (const OwnFile& file : own_files) {
    struct stat status{};
    if (::stat(file.path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return file.path;
      continue;  // We may not look; the file itself is open.
    }
    if (status.st_dev != file.device || status.st_ino != file.inode) return file.path;
  }
  return {};
}

bool Store::Impl::sum_spool() {
  Statement sum(database, sum_spool_sql);
  if (!sum.ready()) return false;
  Query query(sum);
  while (query.row()) {
    SpoolSummary found;
    found.key = query.bytes();
    found.newest = count_of(query.number());
    found.events = count_of(query.number());
    const std::size_t text_bytes = count_of(query.number());
    found.bytes = spool_bytes_charged(text_bytes, found.events) +
                  (count_of(query.number()) - 1) * limits::spool_row_bytes;
    found.oldest = time_of(query.number());
    spool_found.push_back(std::move(found));
  }
  return !query.failed();
}

const std::string& Store::Impl::key_of(StreamId stream) const {
  const auto found = keys.find(stream);
  CHECK(found != keys.end());
  return found->second;
}

bool Store::Impl::answer(const Question& question) {
  database.clear_failure();
  return std::visit([this](const auto& request) { return answer_one(request); }, question);
}

Store::Impl::QueuedRows Store::Impl::queued_rows(const std::string& key) const {
  QueuedRows queued;
  for (const Save& save : queue) {
    if (key_of(save.stream) != key) continue;
    for (const WindowRow& row : save.rows) queued.rows.insert_or_assign(row.page, &row);
    queued.from = save.rows_from;
  }
  queued.rows.erase(queued.rows.begin(), queued.rows.lower_bound(queued.from));
  return queued;
}

bool Store::Impl::list_window(const std::string& key, std::vector<RowInfo>& rows) {
  const QueuedRows queued = queued_rows(key);
  std::map<std::uint64_t, RowInfo> by_page;
  for (const auto& [page, row] : queued.rows) {
    const auto events = static_cast<std::uint32_t>(row->events.size());
    by_page.emplace(page, RowInfo{.page = page, .newest = row->newest, .events = events});
  }
  Query query(list_rows);
  query.bind_text(key).bind(to_sql(queued.from));
  while (query.row()) {
    const std::uint64_t page = count_of(query.number());
    const std::optional<WallTime> newest = time_of(query.maybe_number());
    const std::uint32_t events = small_count_of(query.number());
    by_page.try_emplace(page, RowInfo{.page = page, .newest = newest, .events = events});
  }
  for (const auto& [page, row] : by_page) rows.push_back(row);
  return !query.failed();
}

bool Store::Impl::answer_one(const OpenStream& request) {
  Opened reply{.stream = request.stream, .place = std::nullopt, .clean = !state_was_lost, .rows = {}};
  Query query(find_place);
  query.bind_text(request.key);
  if (query.row()) {
    const std::int64_t unclean = query.number();
    reply.clean = unclean == 0;
    reply.overtaken = unclean == 2;
    reply.place = read_place(query);
  }
  if (query.failed() || !list_window(request.key, reply.rows)) return false;
  if (!read_window(request.key, limits::recent_events_max, reply.recent)) return false;
  if (!read_notes(request.key, reply.in_flight)) return false;
  // By key and not by stream: a tenant taken out of the file and put back comes as a new stream.
  for (const Save& save : queue) {
    const std::string& key = key_of(save.stream);
    if (key == request.key) {
      reply.place = save.place;  // Which carries what is in doubt itself.
      reply.clean = true;
      reply.overtaken = save.overtaken;
    } else if (!save.overtaken && reply.place && org_of_stream_key(key) == org_of_stream_key(request.key)) {
      reply.overtaken = true;
    }
  }
  stream_opened = true;
  answers.emplace_back(std::move(reply));
  return true;
}

bool Store::Impl::read_notes(const std::string& key, std::optional<std::vector<EventHash>>& in_flight) {
  std::vector<EventHash> noted;
  bool all = true;
  Query query(read_in_flight);
  query.bind_text(key);
  while (query.row()) {
    all = query.number() >= 0 && all;
    const std::vector<EventHash> events = unpack(query.bytes());
    noted.insert(noted.end(), events.begin(), events.end());
  }
  if (all) in_flight = std::move(noted);
  return !query.failed();
}

bool Store::Impl::answer_one(const ReadWindow& request) {
  WindowRead reply{.stream = request.stream, .rows = {}};
  if (!read_window(key_of(request.stream), limits::window_events_max, reply.rows)) return false;
  answers.emplace_back(std::move(reply));
  return true;
}

bool Store::Impl::read_window(const std::string& key, std::size_t events_max,
                              std::vector<WindowRow>& newest) {
  const QueuedRows queued = queued_rows(key);
  std::map<std::uint64_t, WindowRow, std::greater<>> rows;  // Newest first, to be cut from the oldest.
  for (const auto& [page, row] : queued.rows) rows.emplace(page, *row);

  Query query(read_rows);
  query.bind_text(key).bind(to_sql(queued.from));
  for (std::size_t events = 0; events < events_max && query.row();) {
    const std::uint64_t page = count_of(query.number());
    const std::optional<WallTime> newest_event = time_of(query.maybe_number());
    WindowRow row{.page = page, .newest = newest_event, .events = unpack(query.bytes())};
    events += row.events.size();
    rows.try_emplace(page, std::move(row));
  }
  if (query.failed()) return false;

  std::size_t events = 0;
  for (auto& [page, row] : rows) {
    events += row.events.size();
    if (events > events_max) break;
    newest.push_back(std::move(row));
  }
  std::ranges::reverse(newest);
  return true;
}

bool Store::Impl::answer_one(const ReadSpool& request) {
  SpoolRead reply{.stream = request.stream, .rows = {}};
  Query query(read_spool);
  query.bind_text(key_of(request.stream)).bind(to_sql(request.after)).bind(to_sql(request.rows_max));
  for (std::size_t bytes = 0; bytes < request.bytes_max && query.row();) {
    SpoolRow& row = reply.rows.emplace_back();
    row.number = count_of(query.number());
    row.at = time_of(query.number());
    row.source = query.bytes();
    row.event_id = query.bytes();
    row.event_time = query.bytes();
    row.marked = query.number() != 0;
    row.events = query.bytes();
    bytes += row.events.size();
  }
  if (query.failed()) return false;
  answers.emplace_back(std::move(reply));
  return true;
}

void Store::Impl::ask(Question question) {
  if (!answer(question)) questions.push_back(std::move(question));
}

/// One that cannot be answered keeps no other from it.
void Store::Impl::answer_questions(Instant now) {
  if (questions.empty() || now < ask_again) return;
  std::string why;
  std::erase_if(questions, [&](const Question& question) {
    if (answer(question)) return true;
    why = database.failure().explain(dir);
    return false;
  });
  if (questions.empty()) return;
  warnings.push_back("cannot read " + path + ": " + why);
  ask_again = now + limits::save_retry;
}

bool Store::Impl::commit() {
  database.clear_failure();
  std::vector<Spooled> spooled;
  const bool written = database.run("PRAGMA synchronous = FULL; BEGIN IMMEDIATE") &&  // After a note.
                       std::ranges::all_of(queue, [this](const Save& save) { return write(save); }) &&
                       write_spool(spooled) && database.run("COMMIT");
  if (written) {
    std::ranges::move(spooled, std::back_inserter(answers));
    spool_queue.clear();
    const auto drops = [](const Save& save) { return save.spool_settled > 0; };
    may_shrink = may_shrink || std::ranges::any_of(queue, drops);
  }
  // A failure may have ended the transaction already; the failure itself is kept by the database.
  if (!written && database.in_transaction()) static_cast<void>(database.run("ROLLBACK"));
  return written;
}

// Like any commit, but that nobody waits for the disk: the log is synced before it is moved into the main
// file, so that a loss of power costs the note and nothing else.
bool Store::Impl::write(const NoteInFlight& note) {
  database.clear_failure();
  const std::string packed = pack(note.events);
  bool written = database.run("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
  if (written) {
    Query query(add_in_flight);
    query.bind(to_sql(note.page)).bind_blob(packed).bind_text(key_of(note.stream));
    written = query.finish();
  }
  written = written && database.run("COMMIT");
  if (!written) static_cast<void>(!database.in_transaction() || database.run("ROLLBACK"));
  return written;
}

void Store::Impl::write_notes(Instant now) {
  if (notes.empty() || now < note_again) return;
  while (!notes.empty() && write(notes.front())) notes.pop_front();
  if (!notes.empty()) {
    note_again = now + limits::save_retry;
    notes_fail = true;
    answers.emplace_back(SaveFailed{"cannot save in " + path + ": " + database.failure().explain(dir)});
  } else if (std::exchange(notes_fail, false) && !failing && !gone && queue.empty()) {
    answers.emplace_back(Saved{});  // Otherwise a save that succeeds will tell.
  }
}

bool Store::Impl::write(const Save& save) {
  const std::optional<std::int64_t> stream = write_stream(save);
  if (stream && save.in_flight_from > 0 &&
      !Query(drop_in_flight).bind(*stream).bind(to_sql(save.in_flight_from)).finish()) {
    return false;
  }
  return stream && write_rows(*stream, save) && write_set_aside(*stream, save) && shrink_spool(*stream, save);
}

bool Store::Impl::shrink_spool(std::int64_t stream, const Save& save) {
  const auto apply = [&](Statement& statement, std::uint64_t up_to) {
    return up_to == 0 || Query(statement).bind(stream).bind(to_sql(up_to)).finish();
  };
  return apply(drop_spool, save.spool_settled) && apply(doubt_spool, save.spool_doubted);
}

// The spool.

bool Store::Impl::write_spool(std::vector<Spooled>& results) {
  if (spool_queue.empty()) return true;
  const bool written = std::ranges::all_of(spool_queue, [&](const SpoolEvents& spool) {
    return write(spool, results.emplace_back(Spooled{
                            .stream = spool.stream, .hook = spool.hook, .kept = true, .why_not = {}}));
  });
  return written && forget_seen_events();
}

bool Store::Impl::write(const SpoolEvents& spool, Spooled& result) {
  Query find(find_stream);
  find.bind_text(key_of(spool.stream));
  if (!find.row()) return false;
  const std::int64_t stream = find.number();
  std::array<std::string, 2> lists;  // The new ones; and those known with other bytes.
  std::array<std::size_t, 2> counts{};
  for (const SpoolEvents::Event& event : spool.events) {
    const auto uuid = static_cast<std::int64_t>(event.hash.uuid);
    const auto bytes = static_cast<std::int64_t>(event.hash.bytes);
    Query seen(find_seen);
    seen.bind(stream).bind(uuid);
    const bool known = seen.row();
    if (seen.failed()) return false;
    if (known && seen.number() == bytes) {
      ++result.duplicates;
      continue;
    }
    const bool noted =
        known ? Query(change_seen).bind(bytes).bind(stream).bind(uuid).finish()
              : Query(add_seen).bind(stream).bind(to_sql(spool.at)).bind(uuid).bind(bytes).finish();
    if (!noted) return false;
    std::string& list = lists[known ? 1 : 0];
    list.append(list.empty() ? "[" : ",").append(event.bytes);
    ++counts[known ? 1 : 0];
  }
  for (const bool changed : {false, true}) {
    std::string& list = lists[changed ? 1 : 0];
    if (list.empty()) continue;
    if (!add_rows(stream, spool, changed, list.append("]"), counts[changed ? 1 : 0], result)) return false;
  }
  return true;
}

bool Store::Impl::add_rows(std::int64_t stream, const SpoolEvents& spool, bool changed,
                           const std::string& events, std::size_t count, Spooled& result) {
  Query query(add_spool);
  query.bind(stream).bind(to_sql(spool.at)).bind_text(spool.source).bind_text(spool.event_id);
  query.bind_text(spool.event_time).bind(std::int64_t{changed}).bind(to_sql(count)).bind_blob(events);
  if (!query.row()) return false;
  result.newest = count_of(query.number());
  result.events += count;
  result.bytes += spool_bytes_charged(
      spool.source.size() + spool.event_id.size() + spool.event_time.size() + events.size(), count);
  return query.finish();
}

// A few of the oldest each time, twice as many as came, so that no commit has a day's worth to forget.
bool Store::Impl::forget_seen_events() {
  std::size_t came = 0;
  for (const SpoolEvents& spool : spool_queue) came += spool.events.size();
  const WallTime day_ago = spool_queue.back().at - to_ms(limits::spool_memory);
  return Query(forget_seen)
      .bind(to_sql(2 * came))
      .bind(to_sql(day_ago))
      .bind(limits::spool_memory_events)
      .finish();
}

/// Okta is told at once, and sends them again.
void Store::Impl::refuse_spool(const std::string& why) {
  for (const SpoolEvents& spool : spool_queue) {
    answers.emplace_back(Spooled{.stream = spool.stream, .hook = spool.hook, .kept = false, .why_not = why});
  }
  spool_queue.clear();
}

std::optional<std::int64_t> Store::Impl::write_stream(const Save& save) {
  Query query(write_place);
  query.bind(std::int64_t{save.overtaken ? 2 : 0}).bind_text(key_of(save.stream));
  bind_place(query, save.place);
  if (!query.row()) return std::nullopt;
  const std::int64_t stream = query.number();
  if (!query.finish() || (!save.overtaken && !overtake_others(key_of(save.stream)))) return std::nullopt;
  return stream;
}

bool Store::Impl::overtake_others(const std::string& key) {
  const std::string org(org_of_stream_key(key));
  const std::string from = org + "?";
  const std::string to = org + "@";  // The next character.
  return Query(overtake).bind_text(key).bind_text(org).bind_text(from).bind_text(to).finish();
}

bool Store::Impl::write_rows(std::int64_t stream, const Save& save) {
  if (!Query(drop_rows).bind(stream).bind(to_sql(save.rows_from)).finish()) return false;
  return std::ranges::all_of(save.rows, [&](const WindowRow& row) {
    const std::string packed = pack(row.events);
    Query query(add_row);
    query.bind(stream).bind(to_sql(row.page)).bind(to_sql(row.newest)).bind_blob(packed);
    return query.finish();
  });
}

bool Store::Impl::write_set_aside(std::int64_t stream, const Save& save) {
  const std::int64_t at = to_sql(wall_now());
  return std::ranges::all_of(save.set_aside, [&](const SetAside& item) {
    Query query(add_set_aside);
    query.bind(stream).bind(at).bind_text(item.reason).bind_text(item.answer);
    query.bind(std::int64_t{item.events}).bind_blob(item.bytes);
    return query.finish();
  });
}

void Store::Impl::acknowledge() {
  std::map<StreamId, std::uint64_t> highest;
  for (const Save& save : queue) {
    highest[save.stream] = save.number;
    for (const SetAside& item : save.set_aside) set_aside_bytes += bytes_charged(item);
  }
  for (const auto& [stream, number] : highest)
    answers.emplace_back(Saved{.stream = stream, .number = number});
  queue.clear();
}

bool Store::Impl::mark_clean(std::int64_t how) {
  database.clear_failure();
  return database.run(("PRAGMA synchronous = 2; UPDATE run SET clean = " + std::to_string(how)).c_str());
}

void Store::Impl::fail_commit(Instant now, std::string why) {
  failing = true;
  not_before = spool_not_before = now + limits::save_retry;
  failed_because = std::move(why);
  refuse_spool(failed_because);
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

std::expected<Store, StoreError> Store::open(const std::string& dir, WallTime now, OnDamage on_damage) {
  return open(dir, now, on_damage, steady_now);
}

std::expected<Store, StoreError> Store::open(const std::string& dir, WallTime now, OnDamage on_damage,
                                             Stopwatch stopwatch) {
  if (auto made = make_state_dir(dir); !made) return unusable(made.error().text);
  auto lock = OwnerLock::take(dir, now);
  if (!lock) {
    return std::unexpected(StoreError{.exit_code = lock.error().held ? state_held : state_unusable,
                                      .text = std::move(lock.error().text)});
  }
  return open(dir, now, on_damage, std::move(stopwatch), std::move(*lock));
}

std::expected<Store, StoreError> Store::open(const std::string& dir, WallTime now, OwnerLock lock) {
  return open(dir, now, OnDamage::move_aside, steady_now, std::move(lock));
}

std::expected<Store, StoreError> Store::open(const std::string& dir, WallTime now, OnDamage on_damage,
                                             Stopwatch stopwatch, OwnerLock lock) {
  keep_group_of(dir);
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->path = dir + "/" + state_file_name;
  impl->stopwatch = std::move(stopwatch);
  impl->lock = std::move(lock);
  if (auto opened = impl->open_file(now, on_damage); !opened) return std::unexpected(opened.error());
  if (auto begun = impl->begin_run(now); !begun) return std::unexpected(begun.error());
  impl->answers.emplace_back(SetAsideSize{impl->set_aside_bytes});
  return Store(std::move(impl));
}

std::vector<std::string> Store::take_warnings() {
  return std::exchange(impl_->warnings, {});
}

void Store::open_stream(const OpenStream& request) {
  impl_->keys[request.stream] = request.key;
  impl_->ask(request);
}

void Store::read_window(const ReadWindow& request) {
  impl_->ask(request);
}

void Store::save(Save&& save, Instant now) {
  CHECK(impl_->keys.contains(save.stream));
  for (SetAside& item : save.set_aside) item.bytes = gzip(item.bytes);
  if (impl_->nothing_queued()) impl_->due = now + limits::commit_delay;
  impl_->queue.push_back(std::move(save));
}

void Store::note(NoteInFlight&& note, Instant now) {
  CHECK(impl_->keys.contains(note.stream));
  impl_->notes.push_back(std::move(note));
  impl_->write_notes(now);
}

bool Store::notes_written() const {
  return impl_->notes.empty();
}

void Store::read_spool(const ReadSpool& request) {
  impl_->ask(request);
}

void Store::spool(SpoolEvents&& spool, Instant now) {
  CHECK(impl_->keys.contains(spool.stream));
  if (impl_->nothing_queued()) impl_->due = now + limits::commit_delay;
  impl_->spool_queue.push_back(std::move(spool));
  if (impl_->failing && now < impl_->not_before) impl_->refuse_spool(impl_->failed_because);
}

const std::vector<SpoolSummary>& Store::spool_found() const {
  return impl_->spool_found;
}

void Store::work(Instant now, bool about_to_block) {
  impl_->answer_questions(now);
  impl_->write_notes(now);
  if (impl_->nothing_queued()) {
    if (about_to_block && impl_->may_shrink && !impl_->failing && now >= impl_->shrink_at) impl_->shrink(now);
    return;
  }
  if (about_to_block) impl_->due = std::min(impl_->due, now);
  if (now < std::max(impl_->due, impl_->allowed_at())) return;

  if (!is_in_place()) return impl_->fail_commit(now, impl_->failed_because);
  const Instant begun = impl_->stopwatch();
  if (!impl_->commit()) {
    impl_->fail_commit(
        now, "cannot save in " + impl_->path + ": " + impl_->database.failure().explain(impl_->dir));
    if (!impl_->queue.empty()) impl_->answers.emplace_back(SaveFailed{impl_->failed_because});
    return;
  }
  impl_->failing = false;
  const Duration took = impl_->stopwatch() - begun;
  impl_->not_before = now + took + std::min(limits::commit_rest * took, limits::commit_rest_max);
  impl_->spool_not_before = now + took + std::min(limits::spool_commit_rest * took, limits::commit_rest_max);
  impl_->acknowledge();
}

bool Store::is_in_place() {
  const std::string missing = impl_->what_is_gone();
  const bool was_gone = std::exchange(impl_->gone, !missing.empty());
  if (impl_->gone) {
    impl_->failed_because = missing +
                            " was removed or replaced while this daemon uses it; put it back, or start the "
                            "daemon again: it then goes on from what is in " +
                            impl_->dir;
    impl_->answers.emplace_back(SaveFailed{impl_->failed_because});
  } else if (was_gone && impl_->queue.empty()) {
    impl_->answers.emplace_back(Saved{});
  }
  return !impl_->gone;
}

std::optional<Instant> Store::deadline() const {
  std::optional<Instant> at;
  if (!impl_->nothing_queued()) at = std::max(impl_->due, impl_->allowed_at());
  if (!impl_->notes.empty()) at = std::min(at.value_or(never), impl_->note_again);
  if (!impl_->questions.empty()) at = std::min(at.value_or(never), impl_->ask_again);
  if (impl_->may_shrink && !impl_->failing && impl_->nothing_queued())
    at = std::min(at.value_or(never), impl_->shrink_at);
  return at;
}

std::optional<Input> Store::next_answer() {
  if (impl_->answers.empty()) return std::nullopt;
  Input answer = std::move(impl_->answers.front());
  impl_->answers.pop_front();
  return answer;
}

std::uint64_t Store::set_aside_bytes() const {
  return impl_->set_aside_bytes;
}

Result<void> Store::close(bool clean) {
  CHECK(impl_->database.is_open());
  if (!is_in_place()) {
    impl_->database.keep_log_when_closed(true);  // The name may lead to somebody else's by now.
    impl_->forget_statements();
    impl_->database.close();
    impl_->lock = OwnerLock();
    return fail("cannot save: " + impl_->failed_because);
  }
  const bool saved = impl_->queue.empty() || impl_->commit();
  const Descriptor seal = saved && clean ? begin_clean_end(impl_->dir, impl_->run) : Descriptor();
  const bool sealable = seal.get() >= 0;
  const bool done = saved && (!clean || impl_->mark_clean(sealable ? clean_sealed : clean_unsealed));
  const std::string why = done ? std::string() : impl_->database.failure().explain(impl_->dir);
  impl_->forget_statements();
  impl_->database.close();
  // One that could not be written makes the next run mark more than it had to.
  if (done && sealable) seal_clean_end(seal, impl_->path, impl_->run);
  impl_->lock = OwnerLock();
  if (!done) return fail("cannot save in " + impl_->path + ": " + why);
  return {};
}

}  // namespace logzio_okta
