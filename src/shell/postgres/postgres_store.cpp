#include "shell/postgres/postgres_store.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"
#include "shell/postgres/commit_queue.hpp"
#include "shell/postgres/connection.hpp"
#include "shell/postgres/lease_keeper.hpp"
#include "shell/postgres/shared_totals.hpp"
#include "shell/postgres/spool_finder.hpp"
#include "shell/postgres/state_reader.hpp"
#include "shell/postgres/tables.hpp"

namespace logzio_okta {
namespace {

constexpr Duration close_timeout = 4s;

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
        totals(connection,
               [this](std::uint64_t set_aside) { answers.emplace_back(SetAsideSize{set_aside}); }),
        spool(
            connection, leases, [this] { return may_ask(); },
            [this] {
              if (!totals.set_aside() && may_ask()) totals.sum(now);
            }),
        queue(
            connection, leases, [this](CommitQueue::Written&& written) { take_written(std::move(written)); },
            [this](const PgFailure& why) { refuse_spool(why.text); }),
        reader(
            connection, queue, [this](StreamId id) { return key_to_read(id); },
            [this](StateReader::Answer&& answer) {
              std::visit([this](auto& each) { take_read(std::move(each)); }, answer);
            },
            [this](std::string&& warning) { warnings.push_back(std::move(warning)); }) {}

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

  PostgresOptions options;
  LeaseKeeper leases;
  PgConnection connection;
  SharedTotals totals;
  SpoolFinder spool;
  CommitQueue queue;
  StateReader reader;
  Instant now{};

  std::map<StreamId, Stream> streams;
  std::map<StreamId, std::string> keys;  ///< Streams that are or were ours: what a lost one spools is kept.
  std::deque<Input> answers;
  std::vector<std::string> warnings;
  Hold hold;

  std::set<std::string> reopening;   ///< Orgs that are kept, although nothing of them is open at this moment.
  std::uint64_t met_session = 0;     ///< The connection's session when it was last checked.
  std::uint64_t judged_session = 0;  ///< A round went well since this session began.

  std::string giving_way;  ///< An org that another replica should have.
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
  void ask_questions();
  [[nodiscard]] std::optional<std::string> key_to_read(StreamId id) const;
  void take_read(Opened&& opened);
  template <typename Read>
  void take_read(Read&& read) {
    if (streams.contains(read.stream)) answers.emplace_back(std::forward<Read>(read));
  }
  [[nodiscard]] bool spool_is_full() const { return totals.spooled() > options.spool_bytes_max; }
  void judge_replication();

  // Writing.
  void commit(bool about_to_block);
  void take_written(CommitQueue::Written&& written);
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
  reader.add(OpenStream{.stream = id, .key = stream.key});
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
  if (spool.has_looked() && (totals.are_old(now) || spool_is_full())) totals.sum(now);
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
    queue.drop(id);
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

void PostgresStore::Impl::ask_questions() {
  // The core hears what is set aside before the first stream opens, like what waits in the spool.
  if (may_ask() && totals.set_aside()) reader.ask();
}

std::optional<std::string> PostgresStore::Impl::key_to_read(StreamId id) const {
  const auto found = streams.find(id);
  if (found == streams.end() || found->second.phase == Phase::waiting)
    return std::nullopt;  // Lost, or let go.
  return found->second.key;
}

void PostgresStore::Impl::take_read(Opened&& opened) {
  const auto found = streams.find(opened.stream);
  if (found == streams.end() || found->second.phase != Phase::opening) return;
  found->second.phase = Phase::open;
  if (opened.overtaken) opened.others_act_for = leases.lease();
  answers.emplace_back(std::move(opened));
  if (found->second.org() == giving_way) answers.emplace_back(GiveWay{found->first});
}

/// Warns once: what a hook brought is only in the database.
void PostgresStore::Impl::judge_replication() {
  if (!options.spools || replication_judged || !connection.ready()) return;
  replication_judged = true;
  connection.send(now, {find_replication()}, PgConnection::usual_patience,
                  [this](const PgConnection::Outcome& answer) {
                    if (!answer || !loses_commits(answer->front())) return;
                    warnings.emplace_back(
                        "the database replicates without waiting for its standby: a failover loses what "
                        "event hooks delivered in its last moments, because Okta does not send it again. Set "
                        "synchronous_standby_names, or list these orgs in the tenants file as well");
                  });
}

// Writing.

void PostgresStore::Impl::commit(bool about_to_block) {
  if (!may_ask()) return;
  if (auto held = queue.commit(about_to_block, hold)) answers.emplace_back(std::move(*held));
}

void PostgresStore::Impl::take_written(CommitQueue::Written&& written) {
  totals.add_set_aside(written.set_aside_bytes);
  for (const auto& [stream, number] : written.saved)
    answers.emplace_back(Saved{.stream = stream, .number = number});
  for (const SpoolWritten& spooled_now : written.spooled) answer_spooled(spooled_now);
  if (!written.saved.empty()) told_trouble.clear();  // For the core, a save ends the trouble it was told of.
  for (const auto& [org, holder] : written.lost) lose(org, holder);
}

/// The core need not know about events that another replica ships.
void PostgresStore::Impl::answer_spooled(const SpoolWritten& written) {
  Spooled answer = written.answer;
  totals.add_spooled(answer.bytes);
  const auto stream = streams.find(answer.stream);
  if (stream == streams.end() || stream->second.phase == Phase::waiting) {
    answer = {.stream = answer.stream, .hook = answer.hook, .kept = true, .why_not = {}};
  } else {
    spool.add_ours(stream->second.key, written.rows);
  }
  answers.emplace_back(std::move(answer));
}

void PostgresStore::Impl::refuse_spool(const std::string& why) {
  for (Spooled& answer : queue.refuse_spool(why)) answers.emplace_back(std::move(answer));
}

// Trouble.

std::optional<std::string> PostgresStore::Impl::trouble() const {
  if (leases.has_run_out() && leases.in_touch()) {
    return place_of(options.access) +
           ": it has not answered for as long as this replica's lease lasts, or this machine was suspended, "
           "so another replica may follow its orgs; check whether the server hangs";
  }
  if (!leases.in_touch()) return leases.trouble();
  if (!connection.ready()) {
    return connection.trouble() ? connection.trouble()->text : "the connection to the database is lost";
  }
  // Once everything queued is lost or refused, nothing is left to show that commits work again.
  if (!queue.failure().empty() && (queue.committing() || !queue.empty())) return queue.failure();
  return std::nullopt;
}

void PostgresStore::Impl::judge_trouble() {
  std::optional<std::string> why = trouble();
  if (!why) {
    troubled_since.reset();
    if (told_trouble.empty() || !queue.all_saved()) return;  // Else a successful save tells it.
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
  if (request.for_good) {
    impl_->queue.drop(request.stream);
    impl_->streams.erase(found);
  }
  if (!impl_->is_open(org)) impl_->leases.give(org, impl_->now);
}

void PostgresStore::read_window(const ReadWindow& request) {
  impl_->reader.add(request);
}

void PostgresStore::note(NoteInFlight&& /*note*/, Instant /*now*/) {}

bool PostgresStore::may_act() const {
  return impl_->leases.may_act();
}

void PostgresStore::hold_saves(Hold hold) {
  impl_->hold = std::move(hold);
}

void PostgresStore::save(Save&& save, Instant now) {
  const auto stream = impl_->streams.find(save.stream);
  if (stream == impl_->streams.end()) return;
  for (SetAside& item : save.set_aside) item.bytes = gzip(item.bytes);
  impl_->queue.add(stream->second.key, std::move(save), now);
}

std::vector<SpoolSummary> PostgresStore::take_spool_found() {
  return impl_->spool.take_found();
}

void PostgresStore::spool(SpoolEvents&& spool, Instant now) {
  const auto key = impl_->keys.find(spool.stream);
  CHECK(key != impl_->keys.end());
  // The core counts only those of its own orgs. They are answered in the order they came, so not while others
  // are on their way.
  if (impl_->spool_is_full() && !impl_->is_ours(key->second) && impl_->queue.all_spooled()) {
    impl_->answers.emplace_back(Spooled{
        .stream = spool.stream,
        .hook = spool.hook,
        .kept = false,
        .why_not = "the spool in the database is full, because more arrives than the listener takes"});
    return;
  }
  impl_->queue.add(key->second, std::move(spool), now);
  if (!impl_->told_trouble.empty()) impl_->refuse_spool(impl_->told_trouble);
}

void PostgresStore::read_spool(const ReadSpool& request) {
  impl_->reader.add(request);
}

void PostgresStore::work(Instant now, bool about_to_block) {
  impl_->now = now;
  impl_->queue.turn(now);
  impl_->reader.turn(now);
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
    at = std::min(at, impl_->queue.deadline().value_or(never));
    at = std::min(at, impl_->reader.deadline().value_or(never));
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
  return impl_->totals.set_aside().value_or(0);
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
  turn([this] { return impl_->queue.all_saved(); });
  const bool saved = impl_->queue.all_saved();
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
    return fail("cannot release the orgs: another replica takes them over when their lease has ended");
  return {};
}

}  // namespace logzio_okta
