// Bench: drives the core as the shell would, with a store in memory, while a test speaks for Okta and
// Logz.io.
//
//     Bench bench({.domains = {"acme.okta.com"}});
//     bench.okta_replies(page({event(1), event(2)}).next("/api/v1/logs?after=2"));
//     bench.listener_takes();
//     bench.pass(10s);
//     REQUIRE(bench.wants() == "/api/v1/logs?after=2");
//     bench.crashes();                      // what was not saved is forgotten, and it restarts
//
// After every input it checks what must always hold: the counters add up, and a deadline that has come
// changes something (no busy loop).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/scheduler.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "catch.hpp"
#include "model/spool.hpp"

namespace logzio_okta::bench {

// What Okta says.

/// When every test begins.
inline const WallTime birth = *parse_rfc3339("2026-11-23T12:00:00Z");

/// An event known by its number; published in the hour before `birth` unless said otherwise.
inline std::string event(int n, WallTime published) {
  return R"({"uuid":"u)" + std::to_string(n) + R"(","published":")" + format_rfc3339(published) +
         R"(","displayMessage":"m","n":)" + std::to_string(n) + "}";
}
inline std::string event(int n) {
  return event(n, birth - 1h + std::chrono::seconds(n));
}
/// An event without an identity.
inline std::string nameless(int n) {
  return R"({"published":")" + format_rfc3339(birth - 1h + std::chrono::seconds(n)) + R"(","n":)" +
         std::to_string(n) + "}";
}
/// The events first to last.
inline std::vector<std::string> events(int first, int last) {
  std::vector<std::string> all;
  for (int n = first; n <= last; ++n) all.push_back(event(n));
  return all;
}

/// An answer from Okta. What depends on the moment it is given is filled in then.
struct Reply {
  HttpAnswer answer;
  std::optional<Duration> reset_in;
  bool dated = true;
  bool of_okta = true;

  Reply&& header(std::string name, std::string value) && {
    answer.headers.push_back({std::move(name), std::move(value)});
    return std::move(*this);
  }
  Reply&& next(const std::string& link) && {
    return std::move(*this).header("Link", "<" + link + ">; rel=\"next\"");
  }
  /// What is shown of the rate limit; the window ends in `reset`.
  Reply&& rate(int limit, int remaining, Duration reset) && {
    reset_in = reset;
    return std::move(*this)
        .header("X-Rate-Limit-Limit", std::to_string(limit))
        .header("X-Rate-Limit-Remaining", std::to_string(remaining));
  }
  Reply&& undated() && {
    dated = false;
    return std::move(*this);
  }
  /// From an intermediary.
  Reply&& foreign() && {
    of_okta = false;
    return std::move(*this);
  }
  /// The answer as Okta gives it when its clock shows `okta_now`.
  [[nodiscard]] HttpAnswer at(WallTime okta_now) && {
    if (dated && !find_header(answer.headers, "Date"))
      answer.headers.push_back({"Date", format_http_date(okta_now)});
    if (of_okta) answer.headers.push_back({"X-Okta-Request-Id", "reqBench"});
    if (reset_in) {
      const auto reset = std::chrono::floor<std::chrono::seconds>(okta_now + to_ms(*reset_in));
      answer.headers.push_back({"X-Rate-Limit-Reset", std::to_string(reset.time_since_epoch().count())});
    }
    return std::move(answer);
  }
};

inline Reply body(std::string bytes) {
  return Reply{.answer = {.status = 200, .headers = {}, .body = std::move(bytes)}};
}
inline Reply page(const std::vector<std::string>& events) {
  std::string array = "[";
  for (const std::string& each : events) array += (array.size() > 1 ? "," : "") + each;
  return body(array + "]");
}
inline Reply status(int status, std::string body = "") {
  return Reply{.answer = {.status = status, .headers = {}, .body = std::move(body)}};
}
inline TransportError broken(TransportFault fault, bool sent = false) {
  return {.fault = fault, .sent = sent, .text = std::string(name_of(fault))};
}

// What the listener says.

inline BulkResult says(int status, std::string body = "", Headers headers = {}) {
  return HttpAnswer{.status = status, .headers = std::move(headers), .body = std::move(body)};
}
inline BulkResult takes_all() {
  return says(200);
}
inline BulkResult refuses_some(std::size_t malformed, std::size_t successful) {
  return says(400, R"({"malformedLines":)" + std::to_string(malformed) +
                       R"(,"oversizedLines":0,"successfulLines":)" + std::to_string(successful) + "}");
}
inline BulkResult cuts_the_line() {
  return broken(TransportFault::cut, true);
}
inline BulkResult cannot_be_reached() {
  return broken(TransportFault::unreachable);
}

/// One line as the listener sees it.
struct Line {
  std::string text;
  int n = 0;  ///< The event's number; -1 if it has none.
  bool marked = false;
  bool backfill = false;
  bool reduced = false;
  DestinationId destination{};
};
inline Line read_line(std::string_view text) {
  const auto at = text.rfind("\"n\":");
  const std::string_view number = at == text.npos ? "-1" : text.substr(at + 4);
  return {.text = std::string(text),
          .n = std::atoi(std::string(number.substr(0, 12)).c_str()),
          .marked = text.contains("\"possible_duplicate\":true"),
          .backfill = text.contains("\"backfill\":true"),
          .reduced = text.contains("\"reduced\":true"),
          .destination = {}};
}
inline std::vector<Line> lines_of(const std::string& packed) {
  const auto plain = gunzip(packed, 64 * limits::MiB);
  REQUIRE(plain.has_value());
  std::vector<Line> lines;
  for (const std::string_view each : split_lines(*plain)) lines.push_back(read_line(each));
  return lines;
}

// The store.

/// What the store on disk promises, without a disk: saves are kept in order, `commit` makes them durable,
/// `crash` forgets the others.
class MemoryStore {
 public:
  struct Stream {
    std::optional<Place> place;
    bool unclean = false;
    bool overtaken = false;
    Duration others_act_for{};
    std::map<std::uint64_t, WindowRow> rows;
    std::multimap<std::uint64_t, std::vector<EventHash>> in_flight;  ///< By page.
  };

  [[nodiscard]] Opened open(const OpenStream& request) {
    keys_[request.stream] = request.key;
    Stream& stream = disk[request.key];
    Opened opened{.stream = request.stream,
                  .place = stream.place,
                  .clean = !stream.unclean,
                  .overtaken = stream.overtaken,
                  .others_act_for = stream.others_act_for,
                  .rows = {}};
    for (const Save& save : queue_) {
      if (keys_.at(save.stream) == request.key) opened.place = save.place;
    }
    for (const auto& row : read(request.stream).rows) {
      opened.rows.push_back(
          {.page = row.page, .newest = row.newest, .events = static_cast<std::uint32_t>(row.events.size())});
    }
    for (const WindowRow& row : read(request.stream).rows) {
      opened.recent.push_back(row);
      std::size_t events = 0;
      for (const WindowRow& each : opened.recent) events += each.events.size();
      if (events > limits::recent_events_max) opened.recent.erase(opened.recent.begin());
    }
    if (remembers_in_flight) {
      opened.in_flight.emplace();
      for (const auto& [page, events] : stream.in_flight)
        opened.in_flight->insert(opened.in_flight->end(), events.begin(), events.end());
    }
    return opened;
  }
  [[nodiscard]] WindowRead read(StreamId id) const {
    const std::string& key = keys_.at(id);
    std::map<std::uint64_t, WindowRow> rows = disk.at(key).rows;
    for (const Save& save : queue_) {
      if (keys_.at(save.stream) == key) apply(rows, save);
    }
    WindowRead read{.stream = id, .rows = {}};
    for (auto& [page, row] : rows) read.rows.push_back(std::move(row));
    return read;
  }
  void save(Save&& save) { queue_.push_back(std::move(save)); }
  void note(const NoteInFlight& note) {
    disk.at(keys_.at(note.stream)).in_flight.emplace(note.page, note.events);
  }

  [[nodiscard]] std::vector<Input> commit() {
    std::vector<Input> saved;
    for (Save& save : queue_) {
      Stream& stream = disk[keys_.at(save.stream)];
      stream.place = save.place;
      if (save.in_flight_from > 0)
        stream.in_flight.erase(stream.in_flight.begin(), stream.in_flight.lower_bound(save.in_flight_from));
      stream.unclean = false;
      for (auto& [key, other] : disk) {
        other.overtaken |=
            !save.overtaken && org_of_stream_key(key) == org_of_stream_key(keys_.at(save.stream));
      }
      stream.overtaken = save.overtaken;
      apply(stream.rows, save);
      std::ranges::move(save.set_aside, std::back_inserter(set_aside));
      spool.apply(keys_.at(save.stream), save);
      saved.emplace_back(Saved{.stream = save.stream, .number = save.number});
    }
    queue_.clear();
    for (const SpoolEvents& each : spool_queue_) saved.emplace_back(keep(each));
    spool_queue_.clear();
    return saved;
  }
  void end_run(bool clean) {
    queue_.clear();
    spool_queue_.clear();
    if (clean) return;
    spool.doubt();
    for (auto& [key, stream] : disk) stream.unclean = stream.place.has_value();
  }
  /// Another replica follows all orgs, and ends cleanly or not.
  void others_take() { queue_.clear(); }
  void others_end(bool clean) {
    if (!clean) spool.doubt();
    for (auto& [key, stream] : disk) stream.unclean = !clean && stream.place.has_value();
  }
  void know(const OpenStream& request) { keys_[request.stream] = request.key; }
  [[nodiscard]] bool waiting() const { return !queue_.empty() || !spool_queue_.empty(); }
  [[nodiscard]] bool knows(const std::string& org) const {
    return std::ranges::any_of(
        disk, [&](const auto& each) { return each.second.place && org_of_stream_key(each.first) == org; });
  }
  [[nodiscard]] const Place& place(const std::string& key) const { return *disk.at(key).place; }

  void save(SpoolEvents&& events) { spool_queue_.push_back(std::move(events)); }
  [[nodiscard]] SpoolRead read(const ReadSpool& request) const {
    return spool.read(keys_.at(request.stream), request);
  }

  model::Spool spool;
  bool remembers_in_flight = false;  ///< False: as if each crash were the machine's.
  bool disk_fails = false;           ///< For events that are to be spooled.
  std::map<std::string, Stream> disk;
  std::vector<SetAside> set_aside;

 private:
  static void apply(std::map<std::uint64_t, WindowRow>& rows, const Save& save) {
    for (const WindowRow& row : save.rows) rows.insert_or_assign(row.page, row);
    rows.erase(rows.begin(), rows.lower_bound(save.rows_from));
  }

  [[nodiscard]] Spooled keep(const SpoolEvents& events) {
    if (disk_fails) return {.stream = events.stream, .hook = events.hook, .why_not = "disk full"};
    REQUIRE(disk.at(keys_.at(events.stream)).place.has_value());
    return spool.keep(keys_.at(events.stream), events);
  }

  std::deque<SpoolEvents> spool_queue_;
  std::map<StreamId, std::string> keys_;
  std::deque<Save> queue_;
};

// The whole core.

struct Settings {
  std::vector<std::string> domains = {"acme.okta.com"};
  int keys_each = 1;
  /// The account of each domain, in order; if empty, all have the first.
  std::vector<std::uint64_t> accounts{};
  Policy policy{};
  Protocol protocol = Protocol::https_bulk;
  Duration okta_skew{};  ///< Okta's clock minus ours.
  std::uint64_t seed = 1;
  /// A new tenant's request for Okta's clock is answered at once, and not counted.
  bool shows_clock = true;
  std::vector<std::string> hook_orgs = {};  ///< Whose hooks are taken although they are not polled.
  std::size_t spool_bytes_max = limits::spool_bytes_max;
  bool shared_state = false;  ///< Other replicas may follow the orgs.
};

class Bench {
 public:
  explicit Bench(Settings given = {}) : settings(std::move(given)) {
    destinations.push_back(destination(1));
    for (const std::string& domain : settings.domains) tenants.push_back(tenant(domain));
    for (std::size_t i = 0; i < settings.accounts.size(); ++i) {
      tenants[i].destination = DestinationId{settings.accounts[i]};
      if (settings.accounts[i] > destinations.size())
        destinations.push_back(destination(settings.accounts[i]));
    }
    starts();
  }

  /// A tenant with its keys; the same domain always has the same ones.
  [[nodiscard]] TenantSpec tenant(const std::string& domain) {
    const auto [known, fresh] = key_numbers_.try_emplace(domain, 100 * (key_numbers_.size() + 1));
    TenantSpec spec{
        .domain = Domain::parse(domain).value(), .credentials = {}, .destination = DestinationId{1}};
    for (int i = 0; i < settings.keys_each; ++i)
      spec.credentials.push_back(CredentialId{known->second + static_cast<std::uint64_t>(i)});
    return spec;
  }

  /// A separate account at the listener.
  [[nodiscard]] DestinationSpec destination(std::uint64_t number) const {
    return {.id = DestinationId{number},
            .listener = {.protocol = settings.protocol, .host = "listener.logz.io", .port = 8071}};
  }

  // Its life.

  void starts() {
    SchedulerOptions options{.policy = settings.policy, .seed = settings.seed++};
    options.spool_bytes_max = settings.spool_bytes_max;
    options.shared_state = settings.shared_state;
    for (const std::string& org : settings.hook_orgs) options.hook_orgs.push_back(Domain::parse(org).value());
    scheduler = std::make_unique<Scheduler>(now(), std::move(options), roster());
    drain();
    put_in(store.spool.found(destination(1)));
  }
  /// Ends without a word and starts again after `away`.
  void crashes(Duration away = 1s) {
    leave(false);
    advance(away);
    starts();
  }
  void stops() { put_in(Stop{}); }
  /// Rests after a stop, its state closed; starts again after `away`.
  void comes_back(Duration away = 1s) {
    REQUIRE(scheduler->at_rest());
    leave(scheduler->clean());
    advance(away);
    starts();
  }
  void reloads(const std::vector<TenantSpec>& specs) {
    tenants = specs;
    put_in(Reload{roster()});
  }
  [[nodiscard]] Roster roster() const { return {.destinations = destinations, .tenants = tenants}; }

  // Time.

  [[nodiscard]] Now now() const { return {.steady = steady, .wall = wall}; }
  [[nodiscard]] WallTime okta_now() const { return wall + to_ms(settings.okta_skew); }
  /// An event that is published at this moment: a short page that holds one is the tail.
  [[nodiscard]] std::string fresh(int n) const { return event(n, okta_now()); }
  void pass(Duration duration) {
    const Instant until = steady + duration;
    settle();
    int turns_without_time = 0;
    while (!scheduler->at_rest() && scheduler->deadline() <= until) {
      const Instant due = scheduler->deadline();
      turns_without_time = due <= steady ? turns_without_time + 1 : 0;
      if (turns_without_time > 10) FAIL("it spins: its deadline has come, and a Tick changes nothing");
      if (due > steady) advance(due - steady);
      put_in(Tick{});
    }
    if (steady < until) advance(until - steady);
    if (!scheduler->at_rest()) put_in(Tick{});
  }

  // Okta.

  /// The target of the only request to Okta in flight; empty if there is none.
  [[nodiscard]] std::string wants() const {
    REQUIRE(asks.size() <= 1);
    return asks.empty() ? "" : asks.begin()->second.target;
  }
  [[nodiscard]] std::string wants(const std::string& domain) const {
    const auto found = ask_of(domain);
    return found == asks.end() ? "" : found->second.target;
  }
  [[nodiscard]] bool wants_nothing() const { return asks.empty(); }

  void okta_replies(Reply reply) {
    REQUIRE(asks.size() == 1);
    answer(asks.begin()->first, std::move(reply).at(okta_now()));
  }
  void okta_replies(const std::string& domain, Reply reply) {
    const auto found = ask_of(domain);
    REQUIRE(found != asks.end());
    answer(found->first, std::move(reply).at(okta_now()));
  }
  void okta_fails(TransportFault fault) {
    REQUIRE(asks.size() == 1);
    answer(asks.begin()->first, std::unexpected(broken(fault, true)));
  }
  void answer(RequestId id, HttpResult result) {
    asks.erase(id);
    put_in(OktaAnswer{.id = id, .result = std::move(result)});
  }

  // Okta's event hook.

  /// A delivery of these events from the first tenant's org; returns the answer to it.
  int hook_delivers(const std::vector<std::string>& events, const std::string& domain = "acme.okta.com",
                    std::vector<DestinationId> accounts = {}) {
    std::string array;
    for (const std::string& each : events) array += (array.empty() ? "" : ",") + each;
    const std::size_t answered = hook_answers.size();
    put_in(HookArrived{.id = HookId{++hooks_},
                       .body = R"({"eventType":"com.okta.event_hook","source":"https://)" + domain +
                               R"(/api/v1/eventHooks/who1","eventId":"e","data":{"events":[)" + array + "]}}",
                       .region = {},
                       .destination = destination(1),
                       .accounts = std::move(accounts)});
    return hook_answers.size() == answered ? 0 : hook_answers.back().status;
  }

  // The listener.

  /// Lets bulks grow old enough, then answers all that are in flight.
  void listener_takes() { listener_says(takes_all()); }
  void listener_says(const BulkResult& result) {
    pass(limits::bulk_age_max);
    const auto open = bulks;
    for (const auto& [id, bulk] : open) verdict(id, result);
  }
  /// Answers one bulk. What a 200 settles counts as delivered; so does a bulk taken whose answer was lost.
  void verdict(BulkId id, const BulkResult& result, bool took_it = false) {
    const auto found = bulks.find(id);
    REQUIRE(found != bulks.end());
    const auto* http = std::get_if<HttpAnswer>(&result);
    if (took_it || std::holds_alternative<LinesTaken>(result) || (http && http->status == 200))
      took(found->second);
    bulks.erase(found);
    put_in(BulkAnswer{.id = id, .result = result});
  }
  /// Its lines reach the index, whatever the answer.
  void took(const SendBulk& bulk) {
    for (Line& line : lines_of(*bulk.packed)) {
      line.destination = bulk.destination;
      delivered.push_back(std::move(line));
    }
  }

  /// Numbers of the events delivered, in order.
  [[nodiscard]] std::vector<int> numbers() const {
    std::vector<int> all;
    for (const Line& line : delivered) all.push_back(line.n);
    return all;
  }
  [[nodiscard]] std::vector<int> marked_numbers() const {
    std::vector<int> all;
    for (const Line& line : delivered) {
      if (line.marked) all.push_back(line.n);
    }
    return all;
  }

  // The store.

  void save_fails(const std::string& why) {
    saving = false;
    put_in(SaveFailed{why});
  }
  void saves_again() {
    saving = true;
    settle();
  }

  // Other replicas.

  /// One takes every org that we follow. What is not committed is lost.
  void taken_by(const std::string& replica) {
    holder = replica;
    store.others_take();
    for (const OpenStream& each : std::exchange(opened, {}))
      inputs_.emplace_back(Lost{.stream = each.stream, .holder = replica});
    settle();
  }
  /// The other replica has stopped: the waiting streams open.
  void holder_ends(bool clean) {
    holder.clear();
    store.others_end(clean);
    for (const OpenStream& each : std::exchange(waiting, {})) perform(OpenStream(each));
    settle();
  }
  void asked_to_give_way() {
    for (const OpenStream& each : std::vector(opened)) inputs_.emplace_back(GiveWay{each.stream});
    settle();
  }

  // What the core says.

  [[nodiscard]] Report report() const { return scheduler->report(now()); }
  [[nodiscard]] EventCounts counts() const { return report().total; }
  [[nodiscard]] std::size_t notes_with(std::string_view text) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(notes, [&](const Note& note) { return note.text.contains(text); }));
  }

  // The loop.

  void put_in(Input input) {
    inputs_.emplace_back(std::move(input));
    settle();
  }
  void advance(Duration duration) {
    steady += duration;
    wall += to_ms(duration);
  }

  Settings settings;
  std::vector<DestinationSpec> destinations;
  std::vector<TenantSpec> tenants;
  std::unique_ptr<Scheduler> scheduler;
  MemoryStore store;
  Instant steady = Instant{} + 1'000'000s;  // A machine that has been up for days.
  WallTime wall = birth;

  std::map<RequestId, AskOkta> asks;  ///< Not answered yet.
  std::vector<MintToken> mints;       ///< Every one.
  std::map<BulkId, SendBulk> bulks;
  std::vector<Line> delivered;
  std::vector<Note> notes;
  std::vector<KeepCopy> copies;
  std::vector<AnswerHook> hook_answers;
  std::vector<DestinationId> forgotten;
  std::size_t asked = 0;  ///< In total.
  std::size_t sent = 0;
  bool saving = true;               ///< Off, saves wait (a slow disk) or fail.
  std::string holder;               ///< The replica that follows all orgs; empty: we may follow them.
  std::vector<OpenStream> opened;   ///< The streams that we follow,
  std::vector<OpenStream> waiting;  ///< and those that wait for us.
  std::vector<LetGo> let_go;

  /// Where set, they answer at once; nullopt leaves the request open.
  std::function<std::optional<HttpResult>(const AskOkta&)> okta;
  std::function<std::optional<BulkResult>(const SendBulk&)> listener;

 private:
  void leave(bool clean) {
    scheduler.reset();
    opened.clear();
    waiting.clear();
    asks.clear();
    bulks.clear();
    inputs_.clear();
    store.end_run(clean);
  }

  void settle() {
    do {
      while (!inputs_.empty()) {
        Input input = std::move(inputs_.front());
        inputs_.pop_front();
        scheduler->handle(now(), std::move(input));
        drain();
      }
    } while (answers_come());
  }

  bool answers_come() {
    if (saving && store.waiting()) {
      for (Input& answer : store.commit()) inputs_.push_back(std::move(answer));
    }
    if (okta) {
      for (auto it = asks.begin(); it != asks.end();) {
        auto result = okta(it->second);
        if (result) inputs_.emplace_back(OktaAnswer{.id = it->first, .result = std::move(*result)});
        it = result ? asks.erase(it) : std::next(it);
      }
    }
    if (listener) {
      for (auto it = bulks.begin(); it != bulks.end();) {
        const auto result = listener(it->second);
        const auto* http = result ? std::get_if<HttpAnswer>(&*result) : nullptr;
        if (http && http->status == 200) took(it->second);
        if (result) inputs_.emplace_back(BulkAnswer{.id = it->first, .result = *result});
        it = result ? bulks.erase(it) : std::next(it);
      }
    }
    return !inputs_.empty();
  }

  void drain() {
    while (auto output = scheduler->next_output()) {
      std::visit([&](auto&& each) { perform(std::forward<decltype(each)>(each)); }, std::move(*output));
    }
    check_counters();
  }
  void perform(AskOkta&& ask) {
    const std::string org = ask.origin.text().substr(ask.origin.scheme.size() + 3);
    if (settings.shows_clock && ask.target == clock_target() && !store.knows(org)) {
      inputs_.emplace_back(OktaAnswer{.id = ask.id, .result = page({}).at(okta_now())});
      return;
    }
    ++asked;
    asks.emplace(ask.id, std::move(ask));
  }
  void perform(MintToken&& mint) { mints.push_back(std::move(mint)); }
  void perform(CancelAsk&& cancelled) { asks.erase(cancelled.id); }
  void perform(SendBulk&& bulk) {
    ++sent;
    bulks.emplace(bulk.id, std::move(bulk));
  }
  void perform(KeepCopy&& copy) { copies.push_back(std::move(copy)); }
  void perform(OpenStream&& request) {
    if (holder.empty()) {
      inputs_.emplace_back(store.open(request));
      opened.push_back(std::move(request));
    } else {
      store.know(request);
      inputs_.emplace_back(HeldBy{.stream = request.stream, .holder = holder});
      waiting.push_back(std::move(request));
    }
  }
  void perform(LetGo&& done) {
    let_go.push_back(done);
    std::erase_if(waiting, [&](const OpenStream& each) { return each.stream == done.stream; });
    const auto found = std::ranges::find(opened, done.stream, &OpenStream::stream);
    if (found == opened.end()) return;
    OpenStream request = std::move(*found);
    opened.erase(found);
    if (!done.for_good) perform(std::move(request));
  }
  void perform(ReadWindow&& request) { inputs_.emplace_back(store.read(request.stream)); }
  void perform(SpoolEvents&& events) { store.save(std::move(events)); }
  void perform(ReadSpool&& request) { inputs_.emplace_back(store.read(request)); }
  void perform(AnswerHook&& answer) { hook_answers.push_back(std::move(answer)); }
  void perform(NoteInFlight&& note) { store.note(note); }
  void perform(Save&& save) { store.save(std::move(save)); }
  void perform(ForgetDestination&& forget) { forgotten.push_back(forget.destination); }
  void perform(Note&& note) { notes.push_back(std::move(note)); }

  // Its cost grows with the tenants, and a fault it finds does not go away: with many, not every time.
  void check_counters() {
    if (++looks_ % (1 + tenants.size() / 2) != 0) return;
    const Report seen = report();
    const auto adds_up = [](const EventCounts& counts) {
      return counts.fetched == counts.delivered + counts.deduplicated + counts.set_aside + counts.in_flight &&
             counts.marked <= counts.delivered && counts.reduced <= counts.delivered;
    };
    if (!adds_up(seen.total)) FAIL("the counters do not add up");
    for (const TenantReport& each : seen.tenants) {
      if (!adds_up(each.events)) FAIL("the counters of " << each.domain << " do not add up");
    }
  }

  [[nodiscard]] std::map<RequestId, AskOkta>::const_iterator ask_of(const std::string& domain) const {
    return std::ranges::find_if(
        asks, [&](const auto& each) { return each.second.origin.text() == "https://" + domain; });
  }

  std::map<std::string, std::uint64_t> key_numbers_;
  std::deque<Input> inputs_;
  std::size_t looks_ = 0;
  std::uint64_t hooks_ = 0;
};

}  // namespace logzio_okta::bench
