#include "shell/postgres/postgres_store.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <variant>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"
#include "shell/postgres/connection.hpp"
#include "shell/postgres/lease_keeper.hpp"
#include "shell/postgres/lease_table.hpp"
#include "shell/postgres/spool_finder.hpp"
#include "shell/postgres/tables.hpp"

namespace logzio_okta {
namespace {

constexpr Duration commit_timeout = 10s;
constexpr Duration close_timeout = 4s;
constexpr Duration set_aside_summed_every = 60s;

Duration since_boot_now() {
  timespec now{};
  CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::function<Duration()> or_usual(std::function<Duration()> clock) {
  return clock ? std::move(clock) : since_boot_now;
}

}  // namespace

struct PostgresStore::Impl {
  explicit Impl(PostgresOptions options_given)
      : options(std::move(options_given)),
        leases(options.access, options.instance, options.lease, or_usual(options.since_boot)),
        connection(options.access),
        spool(
            connection, leases, [this] { return may_ask(); },
            [this] {
              if (!set_aside && may_ask()) sum_set_aside_now();
            }) {}

  enum class Phase : std::uint8_t {
    waiting,  ///< Waits for its org.
    opening,  ///< Its place is being read.
    open,
  };
  struct Stream {
    std::string key;
    Phase phase = Phase::waiting;
    std::string told_holder;
    [[nodiscard]] std::string org() const { return std::string(org_of_stream_key(key)); }
  };
  struct QueuedSave {
    std::uint64_t number = 0;  ///< Counts every save of this run.
    Save save;
  };
  using Question = std::variant<OpenStream, ReadWindow, ReadSpool>;

  PostgresOptions options;
  LeaseKeeper leases;
  PgConnection connection;
  SpoolFinder spool;
  Instant now{};

  std::map<StreamId, Stream> streams;
  std::deque<QueuedSave> queue;
  std::map<StreamId, std::string> keys;  ///< Streams that are or were ours: what a lost one spools is kept.
  struct QueuedSpool {
    std::string key;
    SpoolEvents spool;
  };
  std::deque<QueuedSpool> spool_queue;
  std::vector<QueuedSave> sent_saves;  ///< In the commit on its way.
  struct SentSpool {
    QueuedSpool queued;
    std::size_t statements = 0;
  };
  std::vector<SentSpool> sent_spool;
  bool committing = false;
  std::uint64_t saves_made = 0;
  Instant due{};
  Instant not_before{};
  std::string commit_failed;  ///< Why the last commit failed; empty if it did not.
  std::deque<Question> questions;
  Instant ask_again{};
  std::deque<Input> answers;
  std::vector<std::string> warnings;
  Hold hold;

  std::set<std::string> reopening;   ///< Orgs that are kept, although nothing of them is open at this moment.
  std::uint64_t met_session = 0;     ///< The connection's session when it was last checked.
  std::uint64_t judged_session = 0;  ///< A round went well since this session began.

  std::string giving_way;  ///< An org that another replica should have.
  std::optional<std::uint64_t> set_aside;
  Instant sum_set_aside_at{};
  std::uint64_t spooled =
      0;  ///< Bytes in the spool of all replicas, as of that sum, and what we added since.
  bool replication_judged = false;
  bool nudged = false;

  std::optional<Instant> troubled_since;
  std::string told_trouble;

  // Streams and their orgs.
  [[nodiscard]] std::set<std::string> wanted() const;
  [[nodiscard]] bool is_open(const std::string& org) const;
  [[nodiscard]] bool is_ours(const std::string& key) const {
    return leases.epoch_of(std::string(org_of_stream_key(key))).has_value();
  }
  void ask_for_place(StreamId id, Stream& stream);
  void take_changes();
  void on(const LeaseKeeper::Taken& taken);
  void on(const LeaseKeeper::LostOrg& lost) { lose(lost.org, lost.holder); }
  void on(const LeaseKeeper::GiveOrg& give);
  void on(const LeaseKeeper::Round&);
  void on(const LeaseKeeper::Called&) { spool.call(); }
  void on(const LeaseKeeper::RetryKeys&) { nudged = true; }
  void on(const LeaseKeeper::FailedOver& over);
  void lose(const std::string& org, const std::string& holder);
  void drop_streams(const std::string& org, const std::string& holder);
  void tell_holders();

  // Reading.
  /// A new session may meet a different server, which may lack what was committed last: the rounds tell
  /// whether it does.
  [[nodiscard]] bool may_ask() const {
    return connection.ready() && leases.in_touch() && judged_session == connection.session();
  }
  [[nodiscard]] bool saves_pending(const std::string& key) const;
  void ask_questions();
  bool ask(const Question& question);
  bool ask_one(const OpenStream& request);
  bool ask_one(const ReadWindow& request);
  bool ask_one(const ReadSpool& request);
  void ask_later(const Question& question, const PgFailure& why);
  void sum_set_aside_now();
  [[nodiscard]] bool spool_is_full() const { return spooled > options.spool_bytes_max; }
  void judge_replication();

  // Writing.
  [[nodiscard]] bool nothing_queued() const { return queue.empty() && spool_queue.empty(); }
  void commit(bool about_to_block);
  void finish_commit(const PgConnection::Outcome& outcome, std::size_t first_save);
  void acknowledge(const std::vector<PgRows>& rows, std::size_t first_save);
  void take_back(const PgFailure& why);
  void refuse_spool(const std::string& why);
  void answer_spooled(const SpoolWritten& written);

  // Trouble.
  [[nodiscard]] std::optional<std::string> trouble() const;
  void judge_trouble();
};

// Streams and their orgs.

std::set<std::string> PostgresStore::Impl::wanted() const {
  std::set<std::string> orgs;
  for (const auto& [id, stream] : streams) orgs.insert(stream.org());
  return orgs;
}

bool PostgresStore::Impl::is_open(const std::string& org) const {
  return std::ranges::any_of(streams, [&](const auto& each) {
    return each.second.phase != Phase::waiting && each.second.org() == org;
  });
}

void PostgresStore::Impl::ask_for_place(StreamId id, Stream& stream) {
  stream.phase = Phase::opening;
  questions.emplace_back(OpenStream{.stream = id, .key = stream.key});
}

void PostgresStore::Impl::take_changes() {
  while (auto change = leases.next_change()) std::visit([this](const auto& each) { on(each); }, *change);
}

void PostgresStore::Impl::on(const LeaseKeeper::Taken& taken) {
  if (taken.org == giving_way) giving_way.clear();
  for (auto& [id, stream] : streams) {
    if (stream.phase == Phase::waiting && stream.org() == taken.org) ask_for_place(id, stream);
  }
}

void PostgresStore::Impl::on(const LeaseKeeper::GiveOrg& give) {
  giving_way = give.org;
  for (const auto& [id, stream] : streams) {
    if (stream.phase == Phase::open && stream.org() == give.org) answers.emplace_back(GiveWay{id});
  }
}

void PostgresStore::Impl::on(const LeaseKeeper::Round&) {
  judged_session = connection.session();
  tell_holders();
  // Orgs that were let go, but could not be given back then.
  for (const std::string& org : leases.owned()) {
    if (!is_open(org) && !reopening.contains(org)) leases.give(org, now);
  }
  spool.look(now);
  if (spool.has_looked() && (now >= sum_set_aside_at || spool_is_full())) sum_set_aside_now();
  judge_replication();
}

/// Saves that were acknowledged may be gone, with what they set aside: no later save may pass them.
void PostgresStore::Impl::on(const LeaseKeeper::FailedOver& over) {
  warnings.push_back(over.warning);
  for (const std::string& org : leases.owned()) {
    if (is_open(org)) reopening.insert(org);
    drop_streams(org, {});
  }
  // This connection may still be to the server that was replaced.
  if (connection.ready()) connection.lose(now, {.text = "the database has failed over", .code = {}});
}

/// Another replica follows it, or did: nothing that we have of it counts now.
void PostgresStore::Impl::lose(const std::string& org, const std::string& holder) {
  leases.forget(org);
  drop_streams(org, holder);
}

void PostgresStore::Impl::drop_streams(const std::string& org, const std::string& holder) {
  if (org == giving_way) giving_way.clear();
  for (auto each = streams.begin(); each != streams.end();) {
    auto& [id, stream] = *each;
    if (stream.phase == Phase::waiting || stream.org() != org) {
      ++each;
      continue;
    }
    std::erase_if(queue, [&](const QueuedSave& queued) { return queued.save.stream == id; });
    spool.forget(stream.key);
    answers.emplace_back(Lost{.stream = id, .holder = holder});
    each = streams.erase(each);
  }
}

void PostgresStore::Impl::tell_holders() {
  for (auto& [id, stream] : streams) {
    const Fleet::Lease* lease = leases.fleet().lease_of(stream.org());
    const Fleet::Instance* holder = lease == nullptr ? nullptr : leases.fleet().holder_of(*lease);
    if (stream.phase != Phase::waiting || holder == nullptr || holder->id == leases.id()) continue;
    if (std::exchange(stream.told_holder, holder->name) == holder->name) continue;
    answers.emplace_back(HeldBy{.stream = id, .holder = holder->name});
  }
}

// Reading.

bool PostgresStore::Impl::saves_pending(const std::string& key) const {
  const auto of_key = [&](const QueuedSave& queued) {
    const auto found = streams.find(queued.save.stream);
    return found != streams.end() && found->second.key == key;
  };
  return std::ranges::any_of(queue, of_key) || std::ranges::any_of(sent_saves, of_key);
}

void PostgresStore::Impl::ask_questions() {
  if (!may_ask() || now < ask_again || questions.empty()) return;
  if (!set_aside) return;  // The core hears it before the first stream opens, like what waits in the spool.
  for (Question& question : std::exchange(questions, {})) {
    if (!connection.ready() || !ask(question)) questions.push_back(std::move(question));
  }
}

bool PostgresStore::Impl::ask(const Question& question) {
  const auto found = std::visit([this](const auto& each) { return streams.find(each.stream); }, question);
  if (found == streams.end() || found->second.phase == Phase::waiting) return true;  // Lost, or let go.
  if (saves_pending(found->second.key)) return false;
  return std::visit([this](const auto& each) { return ask_one(each); }, question);
}

void PostgresStore::Impl::ask_later(const Question& question, const PgFailure& why) {
  questions.push_back(question);
  if (why.unanswered()) return;
  warnings.push_back("cannot read the state: " + why.text);
  ask_again = now + limits::save_retry;
}

bool PostgresStore::Impl::ask_one(const OpenStream& request) {
  std::vector<PgStatement> statements;
  read_stream(statements, request.key);
  connection.send(now, statements, commit_timeout, [this, request](const PgConnection::Outcome& answer) {
    if (!answer) return ask_later(request, answer.error());
    const auto found = streams.find(request.stream);
    if (found == streams.end() || found->second.phase != Phase::opening) return;
    found->second.phase = Phase::open;
    Opened opened = opened_of(request.stream, *answer);
    if (opened.overtaken) opened.others_act_for = leases.lease();
    answers.emplace_back(std::move(opened));
    if (found->second.org() == giving_way) answers.emplace_back(GiveWay{request.stream});
  });
  return true;
}

bool PostgresStore::Impl::ask_one(const ReadWindow& request) {
  const std::string& key = streams.at(request.stream).key;
  connection.send(
      now, {read_window_rows(key, limits::window_events_max)}, commit_timeout,
      [this, request](const PgConnection::Outcome& answer) {
        if (!answer) return ask_later(request, answer.error());
        if (!streams.contains(request.stream)) return;
        answers.emplace_back(WindowRead{.stream = request.stream, .rows = window_rows_of(answer->front())});
      });
  return true;
}

bool PostgresStore::Impl::ask_one(const ReadSpool& request) {
  const std::string& key = streams.at(request.stream).key;
  connection.send(
      now, {read_spool_rows(key, request)}, commit_timeout,
      [this, request](const PgConnection::Outcome& answer) {
        if (!answer) return ask_later(request, answer.error());
        if (!streams.contains(request.stream)) return;
        answers.emplace_back(SpoolRead{.stream = request.stream, .rows = spool_rows_of(answer->front())});
      });
  return true;
}

void PostgresStore::Impl::sum_set_aside_now() {
  if (!connection.ready()) return;
  sum_set_aside_at = now + set_aside_summed_every;
  connection.send(now, {sum_set_aside()}, commit_timeout, [this](const PgConnection::Outcome& answer) {
    if (!answer) return;
    spooled = spooled_bytes_of(answer->front());
    const std::uint64_t bytes = set_aside_bytes_of(answer->front());
    if (set_aside == bytes) return;
    set_aside = bytes;
    answers.emplace_back(SetAsideSize{bytes});
  });
}

/// Warns once: what a hook brought is only in the database.
void PostgresStore::Impl::judge_replication() {
  if (!options.spools || replication_judged || !connection.ready()) return;
  replication_judged = true;
  connection.send(now, {find_replication()}, commit_timeout, [this](const PgConnection::Outcome& answer) {
    if (!answer || !loses_commits(answer->front())) return;
    warnings.emplace_back(
        "the database replicates without waiting for its standby: what event hooks brought in its last "
        "moments is lost when it fails over, for Okta does not send it again. Set "
        "synchronous_standby_names, or list these orgs in the tenants file as well");
  });
}

// Writing.

void PostgresStore::Impl::commit(bool about_to_block) {
  if (nothing_queued() || committing || !may_ask()) return;
  if (about_to_block) due = std::min(due, now);
  if (now < std::max(due, not_before)) return;
  const auto held = hold && !queue.empty() ? hold() : std::nullopt;
  if (held) {
    not_before = now + limits::save_retry;
    answers.emplace_back(*held);
    if (spool_queue.empty()) return;
  }
  std::vector<PgStatement> statements = {commit_for_good()};
  std::set<std::string> spooled_keys;
  for (const QueuedSpool& queued : spool_queue) spooled_keys.insert(queued.key);
  for (const std::string& key : spooled_keys) statements.push_back(lock_spool(key));
  const std::size_t first_save = statements.size();
  if (!held) {
    for (QueuedSave& queued : std::exchange(queue, {})) {
      const Stream& stream = streams.at(queued.save.stream);
      const Fence fence{.owner = leases.id(), .epoch = leases.epoch_of(stream.org()).value_or(-1)};
      statements.push_back(write_save(stream.key, fence, queued.number, queued.save, wall_now()));
      sent_saves.push_back(std::move(queued));
    }
  }
  std::size_t came = 0;
  for (QueuedSpool& queued : std::exchange(spool_queue, {})) {
    came += queued.spool.events.size();
    std::vector<PgStatement> writes = write_spool(queued.key, queued.spool);
    sent_spool.push_back({.queued = std::move(queued), .statements = writes.size()});
    std::ranges::move(writes, std::back_inserter(statements));
  }
  if (came > 0) statements.push_back(forget_seen(came, sent_spool.back().queued.spool.at));
  for (const std::string& key : spooled_keys) {
    if (!is_ours(key)) statements.push_back(call_owner(std::string(org_of_stream_key(key))));
  }
  committing = true;
  not_before = now + limits::commit_delay;
  connection.send(now, statements, commit_timeout, [this, first_save](const PgConnection::Outcome& outcome) {
    finish_commit(outcome, first_save);
  });
}

void PostgresStore::Impl::finish_commit(const PgConnection::Outcome& outcome, std::size_t first_save) {
  committing = false;
  if (!outcome) return take_back(outcome.error());
  commit_failed.clear();
  acknowledge(*outcome, first_save);
}

void PostgresStore::Impl::acknowledge(const std::vector<PgRows>& rows, std::size_t first_save) {
  std::size_t at = first_save;
  std::map<StreamId, std::uint64_t> highest;
  std::map<std::string, std::string> lost;
  for (const QueuedSave& sent : std::exchange(sent_saves, {})) {
    const PgRows& row = rows.at(at++);
    const auto stream = streams.find(sent.save.stream);
    if (stream == streams.end()) continue;
    if (is_fenced_off(row)) {
      lost[stream->second.org()] = holder_of(row);
      continue;
    }
    highest[sent.save.stream] = sent.save.number;
    for (const SetAside& item : sent.save.set_aside) set_aside = set_aside.value_or(0) + bytes_charged(item);
  }
  for (const auto& [stream, number] : highest)
    answers.emplace_back(Saved{.stream = stream, .number = number});
  for (const SentSpool& sent : std::exchange(sent_spool, {})) {
    answer_spooled(spooled_of(sent.queued.spool, std::span(rows).subspan(at, sent.statements)));
    at += sent.statements;
  }
  if (!highest.empty()) told_trouble.clear();  // For the core, a save ends the trouble it was told of.
  for (const auto& [org, holder] : lost) lose(org, holder);
}

/// The core need not know about events that another replica ships.
void PostgresStore::Impl::answer_spooled(const SpoolWritten& written) {
  Spooled answer = written.answer;
  spooled += answer.bytes;
  const auto stream = streams.find(answer.stream);
  if (stream == streams.end() || stream->second.phase == Phase::waiting) {
    answer = {.stream = answer.stream, .hook = answer.hook, .kept = true, .why_not = {}};
  } else {
    spool.add_ours(stream->second.key, written.rows);
  }
  answers.emplace_back(std::move(answer));
}

void PostgresStore::Impl::take_back(const PgFailure& why) {
  std::erase_if(sent_saves, [this](const QueuedSave& sent) { return !streams.contains(sent.save.stream); });
  queue.insert(queue.begin(), std::make_move_iterator(sent_saves.begin()),
               std::make_move_iterator(sent_saves.end()));
  sent_saves.clear();
  for (; !sent_spool.empty(); sent_spool.pop_back())
    spool_queue.push_front(std::move(sent_spool.back().queued));
  refuse_spool(why.text);
  commit_failed = why.text;
  if (!why.unanswered()) not_before = now + limits::save_retry;
  if (why.code == "25006") connection.lose(now, why);
}

/// Answers keep the order of the deliveries, so it does nothing while some are on their way.
void PostgresStore::Impl::refuse_spool(const std::string& why) {
  if (committing) return;
  for (const QueuedSpool& queued : std::exchange(spool_queue, {})) {
    answers.emplace_back(
        Spooled{.stream = queued.spool.stream, .hook = queued.spool.hook, .kept = false, .why_not = why});
  }
}

// Trouble.

std::optional<std::string> PostgresStore::Impl::trouble() const {
  if (leases.has_run_out() && leases.in_touch()) {
    return place_of(options.access) +
           ": it has not answered for as long as this replica's lease lasts, or this machine slept, so "
           "that another replica may follow its orgs; look whether the server hangs";
  }
  if (!leases.in_touch()) return leases.trouble();
  if (!connection.ready()) {
    return connection.trouble() ? connection.trouble()->text : "the connection to the database is lost";
  }
  // Once everything queued is lost or refused, nothing is left to show that commits work again.
  if (!commit_failed.empty() && (committing || !nothing_queued())) return commit_failed;
  return std::nullopt;
}

void PostgresStore::Impl::judge_trouble() {
  std::optional<std::string> why = trouble();
  if (!why) {
    troubled_since.reset();
    if (told_trouble.empty() || !queue.empty() || committing) return;  // Else a successful save tells it.
    told_trouble.clear();
    answers.emplace_back(Saved{});
    return;
  }
  if (!troubled_since) troubled_since = now;
  if (!leases.has_run_out() && now - *troubled_since < limits::commit_patience) return;
  if (why->empty()) why = "the database has not answered for a while";
  refuse_spool(*why);
  if (std::exchange(told_trouble, *why) != *why) answers.emplace_back(SaveFailed{.text = *why});
}

PostgresStore::PostgresStore(PostgresOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
PostgresStore::~PostgresStore() = default;

std::vector<std::string> PostgresStore::take_warnings() {
  return std::exchange(impl_->warnings, {});
}

void PostgresStore::open_stream(const OpenStream& request) {
  // An earlier stream of this key was lost and no longer spools.
  std::erase_if(impl_->keys, [&](const auto& each) { return each.second == request.key; });
  impl_->keys[request.stream] = request.key;
  auto& stream = impl_->streams[request.stream];
  stream = {.key = request.key, .phase = Impl::Phase::waiting, .told_holder = {}};
  impl_->reopening.erase(stream.org());
  if (impl_->leases.epoch_of(stream.org()) && !impl_->leases.is_giving(stream.org()))
    return impl_->ask_for_place(request.stream, stream);
}

void PostgresStore::let_go(const LetGo& request) {
  const auto found = impl_->streams.find(request.stream);
  if (found == impl_->streams.end()) return;
  found->second.phase = Impl::Phase::waiting;
  found->second.told_holder.clear();
  impl_->spool.forget(found->second.key);
  const std::string org = found->second.org();
  if (request.for_good) impl_->streams.erase(found);
  if (!impl_->is_open(org)) impl_->leases.give(org, impl_->now);
}

void PostgresStore::read_window(const ReadWindow& request) {
  impl_->questions.emplace_back(request);
}

void PostgresStore::note(NoteInFlight&& /*note*/, Instant /*now*/) {}

bool PostgresStore::may_act() const {
  return impl_->leases.may_act();
}

void PostgresStore::hold_saves(Hold hold) {
  impl_->hold = std::move(hold);
}

void PostgresStore::save(Save&& save, Instant now) {
  if (!impl_->streams.contains(save.stream)) return;
  for (SetAside& item : save.set_aside) item.bytes = gzip(item.bytes);
  if (impl_->nothing_queued()) impl_->due = now + limits::commit_delay;
  impl_->queue.push_back({.number = ++impl_->saves_made, .save = std::move(save)});
}

std::vector<SpoolSummary> PostgresStore::take_spool_found() {
  return impl_->spool.take_found();
}

void PostgresStore::spool(SpoolEvents&& spool, Instant now) {
  const auto key = impl_->keys.find(spool.stream);
  CHECK(key != impl_->keys.end());
  // The core counts only those of its own orgs. They are answered in the order they came, so not while others
  // are on their way.
  if (impl_->spool_is_full() && !impl_->is_ours(key->second) && impl_->spool_queue.empty() &&
      impl_->sent_spool.empty()) {
    impl_->answers.emplace_back(
        Spooled{.stream = spool.stream,
                .hook = spool.hook,
                .kept = false,
                .why_not = "the spool in the database is full, as the listener takes less than comes"});
    return;
  }
  if (impl_->nothing_queued()) impl_->due = now + limits::commit_delay;
  impl_->spool_queue.push_back({.key = key->second, .spool = std::move(spool)});
  if (!impl_->told_trouble.empty()) impl_->refuse_spool(impl_->told_trouble);
}

void PostgresStore::read_spool(const ReadSpool& request) {
  impl_->questions.emplace_back(request);
}

void PostgresStore::work(Instant now, bool about_to_block) {
  impl_->now = now;
  impl_->leases.want(impl_->wanted(), now);
  impl_->leases.work(now);
  impl_->connection.work(now);
  const std::uint64_t session = impl_->connection.session();
  if (impl_->connection.ready() && std::exchange(impl_->met_session, session) != session)
    impl_->leases.hurry();
  impl_->take_changes();
  if (impl_->spool.is_called()) impl_->spool.look(now);
  impl_->commit(about_to_block);
  impl_->ask_questions();
  impl_->judge_trouble();
}

void PostgresStore::add_descriptors(std::vector<pollfd>& descriptors) const {
  impl_->leases.connection().add_descriptor(descriptors);
  impl_->connection.add_descriptor(descriptors);
}

std::optional<Instant> PostgresStore::deadline() const {
  Instant at =
      std::min(impl_->leases.deadline().value_or(never), impl_->connection.deadline().value_or(never));
  if (impl_->may_ask()) {
    if (!impl_->nothing_queued() && !impl_->committing)
      at = std::min(at, std::max(impl_->due, impl_->not_before));
    if (!impl_->questions.empty() && impl_->ask_again > impl_->now) at = std::min(at, impl_->ask_again);
  }
  if (impl_->troubled_since && impl_->told_trouble.empty())
    at = std::min(at, *impl_->troubled_since + limits::commit_patience);
  return at;
}

std::optional<Input> PostgresStore::next_answer() {
  if (impl_->answers.empty()) return std::nullopt;
  Input answer = std::move(impl_->answers.front());
  impl_->answers.pop_front();
  return answer;
}

std::uint64_t PostgresStore::set_aside_bytes() const {
  return impl_->set_aside.value_or(0);
}

std::optional<FleetReport> PostgresStore::fleet_report(Instant now) const {
  return impl_->leases.report(now);
}

bool PostgresStore::take_nudge() {
  return std::exchange(impl_->nudged, false);
}

const Fleet& PostgresStore::fleet() const {
  return impl_->leases.fleet();
}

const std::string& PostgresStore::id() const {
  return impl_->leases.id();
}

/// The loop is over, so this one may wait.
Result<void> PostgresStore::close(bool clean) {
  const Instant until = steady_now() + close_timeout;
  const auto turn = [&](const auto& done) {
    while (!done() && steady_now() < until) {
      work(steady_now(), true);
      std::vector<pollfd> descriptors;
      add_descriptors(descriptors);
      const Duration left = std::min(until, deadline().value_or(never)) - steady_now();
      const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::clamp<Duration>(left, 0s, 1s));
      if (!done()) poll(descriptors.data(), descriptors.size(), static_cast<int>(ms.count()));
    }
  };
  turn([this] { return impl_->queue.empty() && !impl_->committing; });
  const bool saved = impl_->queue.empty() && !impl_->committing;
  bool left = false;
  bool answered = false;
  impl_->leases.leave(steady_now(), saved && clean, [&](bool done) {
    answered = true;
    left = done;
  });
  turn([&] { return answered; });
  if (!saved)
    return fail("cannot save: " + impl_->trouble().value_or("the database has not answered in time"));
  if (!left)
    return fail("cannot give the orgs back: another replica takes them over when their lease has ended");
  return {};
}

}  // namespace logzio_okta
