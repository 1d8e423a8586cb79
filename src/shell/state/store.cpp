#include "shell/state/store.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <map>
#include <utility>
#include <variant>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/commit_pace.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"
#include "shell/state/free_room.hpp"
#include "shell/state/queued_window.hpp"
#include "shell/state/schema.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/state_run.hpp"

namespace logzio_okta {
struct Store::Impl {
  Impl(const std::string& dir, OwnerLock lock, Stopwatch its_stopwatch)
      : run(dir, std::move(lock)), stopwatch(std::move(its_stopwatch)) {}

  using Question = std::variant<OpenStream, ReadWindow, ReadSpool>;
  StateRun run;
  Stopwatch stopwatch;
  bool gone = false;  ///< As of the last look.
  bool state_was_lost = false;
  std::uint64_t set_aside_bytes = 0;
  std::map<StreamId, std::string> keys;
  std::deque<Save> queue;
  std::deque<SpoolEvents> spool_queue;
  std::deque<NoteInFlight> notes;  // Those that could not be written yet.
  Instant note_again{};
  bool notes_fail = false;
  std::vector<SpoolSummary> spool_found;
  std::deque<Question> questions;  // Those that could not be answered yet.
  Instant ask_again{};
  std::deque<Input> answers;
  std::vector<std::string> warnings;
  Store::Hold hold;
  CommitPace pace;
  std::string failed_because;
  bool may_shrink = false;  // The file may hold more room than it needs.

  std::expected<void, StoreError> begin(WallTime now, OnDamage on_damage);

  // Reading.
  [[nodiscard]] const std::string& key_of(StreamId stream) const;
  [[nodiscard]] QueuedWindow window_of(const std::string& key) const;
  bool answer(const Question& question);
  bool answer_one(const OpenStream& request);
  bool answer_one(const ReadWindow& request);
  bool answer_one(const ReadSpool& request);
  void ask(Question question);
  void answer_questions(Instant now);

  // Writing.
  [[nodiscard]] std::optional<SaveFailed> held() const;
  bool commit(bool saves = true);
  void roll_back();
  bool write(const Save& save);
  bool write_spool(std::vector<Spooled>& results);
  bool write(const NoteInFlight& note);
  void write_notes(Instant now);
  void refuse_spool(const std::string& why);
  [[nodiscard]] Instant commit_at() const { return pace.next(!spool_queue.empty()); }
  [[nodiscard]] bool nothing_queued() const { return queue.empty() && spool_queue.empty(); }
  void acknowledge();
  void fail_commit(Instant now, std::string why);
  [[nodiscard]] bool shrinks() const { return may_shrink && !pace.failing(); }
  void shrink(Instant now);
};

std::expected<void, StoreError> Store::Impl::begin(WallTime now, OnDamage on_damage) {
  auto found = run.begin(now, on_damage);
  if (!found) return std::unexpected(std::move(found.error()));
  state_was_lost = found->lost;
  set_aside_bytes = found->set_aside_bytes;
  spool_found = std::move(found->spool);
  warnings = std::move(found->warnings);
  may_shrink = has_room_to_give(run.database());
  answers.emplace_back(SetAsideSize{set_aside_bytes});
  return {};
}

const std::string& Store::Impl::key_of(StreamId stream) const {
  const auto found = keys.find(stream);
  CHECK(found != keys.end());
  return found->second;
}

bool Store::Impl::answer(const Question& question) {
  run.database().clear_failure();
  return std::visit([this](const auto& request) { return answer_one(request); }, question);
}

QueuedWindow Store::Impl::window_of(const std::string& key) const {
  QueuedWindow window(key);
  for (const Save& save : queue) {
    if (key_of(save.stream) == key) window.add(save);
  }
  return window;
}

bool Store::Impl::answer_one(const OpenStream& request) {
  Opened reply{.stream = request.stream, .place = std::nullopt, .clean = !state_was_lost, .rows = {}};
  std::optional<StreamRow> row;
  const QueuedWindow window = window_of(request.key);
  if (!run.streams().read(request.key, row) || !window.list(run.streams(), reply.rows) ||
      !window.read(run.streams(), limits::recent_events_max, reply.recent) ||
      !run.streams().read_notes(request.key, reply.in_flight)) {
    return false;
  }
  if (row) {
    reply.clean = row->unclean == ended_clean;
    reply.overtaken = row->unclean == was_overtaken;
    reply.place = std::move(row->place);
  }
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
  run.hand_out();
  answers.emplace_back(std::move(reply));
  return true;
}

bool Store::Impl::answer_one(const ReadWindow& request) {
  WindowRead reply{.stream = request.stream, .rows = {}};
  const QueuedWindow window = window_of(key_of(request.stream));
  if (!window.read(run.streams(), limits::window_events_max, reply.rows)) return false;
  answers.emplace_back(std::move(reply));
  return true;
}

bool Store::Impl::answer_one(const ReadSpool& request) {
  SpoolRead reply{.stream = request.stream, .rows = {}};
  if (!run.spool().read(key_of(request.stream), request, reply)) return false;
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
    why = run.failure();
    return false;
  });
  if (questions.empty()) return;
  warnings.push_back("cannot read " + run.path() + ": " + why);
  ask_again = now + limits::save_retry;
}

std::optional<SaveFailed> Store::Impl::held() const {
  return hold && !queue.empty() ? hold() : std::nullopt;
}

bool Store::Impl::commit(bool saves) {
  run.database().clear_failure();
  std::vector<Spooled> spooled;
  const bool written =
      run.database().run("PRAGMA synchronous = FULL; BEGIN IMMEDIATE") &&  // After a note.
      (!saves || std::ranges::all_of(queue, [this](const Save& save) { return write(save); })) &&
      write_spool(spooled) && run.database().run("COMMIT");
  if (written) {
    std::ranges::move(spooled, std::back_inserter(answers));
    spool_queue.clear();
    const auto drops = [](const Save& save) { return save.spool_settled > 0; };
    may_shrink = may_shrink || (saves && std::ranges::any_of(queue, drops));
  }
  if (!written) roll_back();
  return written;
}

/// A failure may have ended the transaction already; the failure itself is kept by the database.
void Store::Impl::roll_back() {
  if (run.database().in_transaction()) static_cast<void>(run.database().run("ROLLBACK"));
}

bool Store::Impl::write(const Save& save) {
  const std::optional<std::int64_t> stream = run.streams().write(key_of(save.stream), save);
  return stream && run.spool().settle(*stream, save);
}

bool Store::Impl::write_spool(std::vector<Spooled>& results) {
  if (spool_queue.empty()) return true;
  std::size_t came = 0;
  const bool written = std::ranges::all_of(spool_queue, [&](const SpoolEvents& spool) {
    came += spool.events.size();
    Spooled& result = results.emplace_back(
        Spooled{.stream = spool.stream, .hook = spool.hook, .kept = true, .why_not = {}});
    return run.spool().write(key_of(spool.stream), spool, result);
  });
  return written && run.spool().forget_seen(came, spool_queue.back().at);
}

// Like any commit, but that nobody waits for the disk: the log is synced before it is moved into the main
// file, so that a loss of power costs the note and nothing else.
bool Store::Impl::write(const NoteInFlight& note) {
  run.database().clear_failure();
  const bool written = run.database().run("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE") &&
                       run.streams().note(key_of(note.stream), note.page, note.events) &&
                       run.database().run("COMMIT");
  if (!written) roll_back();
  return written;
}

void Store::Impl::write_notes(Instant now) {
  if (notes.empty() || now < note_again) return;
  while (!notes.empty() && write(notes.front())) notes.pop_front();
  if (!notes.empty()) {
    note_again = now + limits::save_retry;
    notes_fail = true;
    answers.emplace_back(SaveFailed{"cannot save in " + run.path() + ": " + run.failure()});
  } else if (std::exchange(notes_fail, false) && !pace.failing() && !gone && queue.empty()) {
    answers.emplace_back(Saved{});  // Otherwise a successful save will tell it.
  }
}

/// Okta is told at once, and sends them again.
void Store::Impl::refuse_spool(const std::string& why) {
  for (const SpoolEvents& spool : spool_queue) {
    answers.emplace_back(Spooled{.stream = spool.stream, .hook = spool.hook, .kept = false, .why_not = why});
  }
  spool_queue.clear();
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

/// A few pages, with a rest after them as after a commit.
void Store::Impl::shrink(Instant now) {
  may_shrink = has_room_to_give(run.database());
  if (!may_shrink) return;
  const Instant begun = stopwatch();
  const bool shrunk = give_room_back(run.database());
  pace.shrunk(now, stopwatch() - begun, shrunk);
}

void Store::Impl::fail_commit(Instant now, std::string why) {
  pace.failed(now);
  failed_because = std::move(why);
  refuse_spool(failed_because);
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&& other) noexcept : impl_(std::move(other.impl_)) {}
Store& Store::operator=(Store&& other) noexcept {
  impl_ = std::move(other.impl_);
  return *this;
}
Store::~Store() = default;

std::expected<Store, StoreError> Store::open(const std::string& dir, WallTime now, OnDamage on_damage) {
  return open(dir, now, on_damage, steady_now);
}

std::expected<Store, StoreError> Store::open(const std::string& dir, WallTime now, OnDamage on_damage,
                                             Stopwatch stopwatch) {
  if (auto made = make_state_dir(dir); !made) return unusable(made.error().text);
  auto lock = OwnerLock::take(dir, now);
  if (!lock) {
    return std::unexpected(StoreError{.exit_code = lock.error().held ? exit_temporary : exit_state,
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
  auto impl = std::make_unique<Impl>(dir, std::move(lock), std::move(stopwatch));
  if (auto begun = impl->begin(now, on_damage); !begun) return std::unexpected(std::move(begun.error()));
  return Store(std::move(impl));
}

std::vector<std::string> Store::take_warnings() {
  return std::exchange(impl_->warnings, {});
}

void Store::open_stream(const OpenStream& request) {
  impl_->keys[request.stream] = request.key;
  impl_->ask(request);
}

void Store::let_go(const LetGo& request) {
  impl_->ask(OpenStream{.stream = request.stream, .key = impl_->key_of(request.stream)});
}

void Store::read_window(const ReadWindow& request) {
  impl_->ask(request);
}

void Store::hold_saves(Hold hold) {
  impl_->hold = std::move(hold);
}

void Store::save(Save&& save, Instant now) {
  CHECK(impl_->keys.contains(save.stream));
  for (SetAside& item : save.set_aside) item.bytes = gzip(item.bytes);
  if (impl_->nothing_queued()) impl_->pace.queued(now);
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
  if (impl_->nothing_queued()) impl_->pace.queued(now);
  impl_->spool_queue.push_back(std::move(spool));
  if (impl_->pace.hopeless(now)) impl_->refuse_spool(impl_->failed_because);
}

const std::vector<SpoolSummary>& Store::spool_found() const {
  return impl_->spool_found;
}

std::vector<SpoolSummary> Store::take_spool_found() {
  return std::exchange(impl_->spool_found, {});
}

void Store::work(Instant now, bool about_to_block) {
  impl_->answer_questions(now);
  impl_->write_notes(now);
  if (impl_->nothing_queued()) {
    if (about_to_block && impl_->shrinks() && now >= impl_->pace.shrink_at()) impl_->shrink(now);
    return;
  }
  if (about_to_block) impl_->pace.loop_will_block(now);
  if (now < impl_->commit_at()) return;

  if (!is_in_place()) return impl_->fail_commit(now, impl_->failed_because);
  const Instant begun = impl_->stopwatch();
  const auto held = impl_->held();
  const bool saves = !held;
  if (held) {
    impl_->pace.held(now);
    impl_->answers.emplace_back(*held);
    if (impl_->spool_queue.empty()) return;
  }
  if (!impl_->commit(saves)) {
    // A stream whose first save is held has no row yet that a delivery could belong to.
    const std::string why = impl_->run.failure();
    impl_->fail_commit(now, held ? held->text : "cannot save in " + impl_->run.path() + ": " + why);
    if (saves && !impl_->queue.empty()) impl_->answers.emplace_back(SaveFailed{impl_->failed_because});
    return;
  }
  impl_->pace.committed(now, impl_->stopwatch() - begun, saves);
  if (saves) impl_->acknowledge();
}

bool Store::is_in_place() {
  const std::string missing = impl_->run.first_gone();
  const bool was_gone = std::exchange(impl_->gone, !missing.empty());
  if (impl_->gone) {
    impl_->failed_because = missing +
                            " was removed or replaced while this daemon uses it; put it back, or start the "
                            "daemon again: it then goes on from what is in " +
                            impl_->run.dir();
    impl_->answers.emplace_back(SaveFailed{impl_->failed_because});
  } else if (was_gone && impl_->queue.empty()) {
    impl_->answers.emplace_back(Saved{});
  }
  return !impl_->gone;
}

std::optional<Instant> Store::deadline() const {
  std::optional<Instant> at;
  if (!impl_->nothing_queued()) at = impl_->commit_at();
  if (!impl_->notes.empty()) at = std::min(at.value_or(never), impl_->note_again);
  if (!impl_->questions.empty()) at = std::min(at.value_or(never), impl_->ask_again);
  if (impl_->shrinks() && impl_->nothing_queued()) at = std::min(at.value_or(never), impl_->pace.shrink_at());
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
  if (!is_in_place()) {
    impl_->run.abandon();
    return fail("cannot save: " + impl_->failed_because);
  }
  const auto held = impl_->held();
  const bool saved = impl_->queue.empty() || (!held && impl_->commit());
  const bool ended = impl_->run.end(saved && clean);
  if (held) return fail("cannot save: " + held->text);
  if (!saved || !ended) return fail("cannot save in " + impl_->run.path() + ": " + impl_->run.failure());
  return {};
}

}  // namespace logzio_okta
