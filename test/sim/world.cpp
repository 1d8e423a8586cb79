#include "sim/world.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/rate_limit.hpp"

namespace logzio_okta::sim {
namespace {

using namespace std::string_literals;
namespace fault = model::fault;

constexpr Duration history_span = 30h;  // Before the daemon's first start.
constexpr Duration drain_budget = 12h;  // Of virtual time, for what phase one has left behind.
constexpr Duration fade_out = drain_budget + 6h;
constexpr Duration stop_budget = 8s;  // Docker kills after ten.
constexpr Duration quiet_look = 1h;   // After the last restart: nothing may be repeated.
constexpr DestinationId usual{1};
constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDEF";

const WallTime epoch = parse_rfc3339("2026-11-23T00:00:00Z").value();

std::string domain_name(std::size_t index) {
  // Custom domains and ports exist.
  if (index % 8 == 5) return "login.org" + std::to_string(index) + ".example:8443";
  return "org" + std::to_string(index) + ".okta.com";
}

std::string cut(std::string_view text) {
  constexpr std::size_t most = 160;
  return std::string(text.substr(0, most)) + (text.size() > most ? "..." : "");
}

std::uint64_t fact_of(std::string_view text) {
  return hash64(text);
}

std::string describe_place(const Opened& opened) {
  if (!opened.place) return "new";
  const Place& place = *opened.place;
  std::string text = cut(place.next) + (opened.clean ? ", clean" : ", unclean");
  if (place.in_doubt) {
    text += ", " + std::to_string(place.in_doubt->events_left) + " events in doubt before " +
            format_rfc3339(place.in_doubt->before);
  }
  if (place.recovering) text += ", recovering";
  if (place.repeated) text += ", repeated";
  return text;
}

std::string describe_result(const HttpResult& result) {
  if (!result) return std::string(name_of(result.error().fault));
  return std::to_string(result->status) + ", " + std::to_string(result->body.size()) + " bytes";
}

std::string describe_result(const BulkResult& result) {
  if (std::holds_alternative<LinesTaken>(result)) return "closed in order";
  if (const auto* error = std::get_if<TransportError>(&result)) {
    return std::string(name_of(error->fault)) + (error->sent ? ", sent" : ", not sent");
  }
  const auto& answer = std::get<HttpAnswer>(result);
  return std::to_string(answer.status) + " " + cut(answer.body);
}

}  // namespace

World::World(const Plan& plan, Story& story)
    : plan_(plan),
      story_(story),
      random_(plan.seed ^ 0x5eedU),
      judge_(plan),
      listener_({.tokens = {std::string(token)}, .keep_lines = false}) {
  tell(plan.seed, [&] { return "seed " + std::to_string(plan_.seed) + ": " + plan_.describe_all(); });
  listener_.on_stored = [this](const model::StoredLine& line) {
    HookJudge::owns(line.text) ? hook_judge_.stored(line.text) : judge_.stored(line.text);
  };
  disk_.on_durable = [this](const std::string& key, const Save& save) {
    for (const SetAside& item : save.set_aside) aside_bytes_ += item.bytes.size();
    if (!save.set_aside.empty() && aside_before_ + aside_bytes_ > limits::set_aside_bytes_max) {
      throw Violation{"more is set aside than there is room for"};
    }
    if (!HookRoute::of_key(key)) return judge_.durable(key, save);
    for (const SetAside& item : save.set_aside) hook_judge_.set_aside(item.bytes);
  };
  make_orgs();
  if (plan_.hooks) plan_pushes();
}

WallTime World::true_wall() const {
  return epoch + to_ms(now().time_since_epoch());
}

std::vector<WallTime> World::okta_times() const {
  std::vector<WallTime> times;
  for (const Org& org : orgs_) times.push_back(okta_time(org));
  return times;
}

void World::make_orgs() {
  constexpr std::array<std::int64_t, 5> rate_limits{120, 120, 60, 20, 600};
  const bool small_pages = plan_.has(Trouble::odd_events) || plan_.has(Trouble::okta_slow_queries) ||
                           plan_.has(Trouble::okta_pages) || plan_.has(Trouble::okta_breaks);
  for (std::size_t i = 0; i < plan_.orgs; ++i) {
    model::OrgSettings settings{.base = "https://" + domain_name(i), .seed = random_.next()};
    settings.rate_limit = rate_limits[random_.below(rate_limits.size())];
    // An event a page, as some troubles ask for, takes its time with a budget of one request a minute.
    if (small_pages) settings.rate_limit = std::max<std::int64_t>(settings.rate_limit, 120);
    settings.window_offset = random_.between(0s, 59s);
    settings.links_joined = random_.below(4) == 0;
    settings.records_max = 4;
    if (plan_.has(Trouble::okta_limits))
      settings.others = settings.rate_limit * static_cast<std::int64_t>(random_.below(10)) / 10;
    if (plan_.has(Trouble::clock)) settings.clock_skew = random_.between(-10min, 10min);
    Org& org = orgs_.emplace_back(
        Org{.name = domain_name(i), .history = {}, .okta = model::OktaOrg(settings), .keys = {}});
    const WallTime begin = okta_time(org);
    org.history = make_history(plan_, random_.next(), plan_.events_of(i), begin - to_ms(history_span),
                               begin + to_ms(plan_.faults_last), begin + to_ms(plan_.faults_last + fade_out));
    for (const PastEvent& event : org.history) {
      org.okta.append({.bytes = event.bytes, .published = event.published, .persisted = event.persisted});
    }
    const auto domain = Domain::parse(org.name);
    CHECK(domain.has_value());
    judge_.add_org({.name = domain->name(),
                    .origin = domain->origin(),
                    .log = &org.okta.log(),
                    .rate_limit = settings.rate_limit,
                    .window = settings.window,
                    .window_offset = settings.window_offset},
                   org.history);
    for (std::size_t key = 0; key <= random_.below(3); ++key) {
      const std::string text = "00key" + std::to_string(++keys_made_);
      org.okta.set_key(text, model::KeyState::good);
      org.keys.push_back({.text = text, .id = CredentialId{keys_made_}});
      keyring_[CredentialId{keys_made_}] = {i, text};
    }
    if (plan_.hooks) plan_hooks(i);
    org.in_file = i == 0 || !plan_.has(Trouble::reloads) || random_.below(3) > 0;
    judge_.listed(i, org.in_file);
  }
  if (plan_.has(Trouble::disk_full_aside)) aside_before_ = limits::set_aside_bytes_max - random_.below(1000);
  if (plan_.has(Trouble::listener_small_bodies))
    listener_.settings().body_bytes_max = 25'000 + random_.below(20'000);
}

// Okta pushes some events a moment before or after its log has them, sometimes twice, sometimes never.
void World::plan_hooks(std::size_t org) {
  Random random(plan_.seed ^ (0x400c5U + org));
  const WallTime begin = okta_time(orgs_[org]);
  for (const PastEvent& event : orgs_[org].history) {
    if (event.persisted < begin || random.below(2) == 0) continue;
    for (std::uint64_t times = 0; times <= random.below(8) / 7; ++times) {
      const Duration wait = std::max<Duration>(event.persisted - begin + random.between(-2s, 5s), 0s);
      timeline_.after(wait, [this, org, bytes = event.bytes] { push(org, bytes); });
    }
  }
}

void World::push(std::size_t org, const std::string& event) {
  if (!daemon_) return;
  const HookId id = deliver_hook(orgs_[org].name, event, 0);
  if (daemon_ && hooks_open_.contains(id)) throw Violation{"a hook delivery is not answered at once"};
}

HookId World::deliver_hook(std::string_view org, const std::string& event, std::uint64_t number) {
  const HookId id{++hooks_pushed_};
  tell(id.value, [&] { return "Okta pushes an event of " + std::string(org); });
  hooks_open_[id] = number;
  turn(HookArrived{.id = id,
                   .body = R"({"eventType":"com.okta.event_hook","source":"https://)" + std::string(org) +
                           R"(/api/v1/eventHooks/who1","eventId":"e","data":{"events":[)" + event + "]}}",
                   .region = {},
                   .destination = file().destinations.front()});
  return id;
}

// An org that is not polled. Okta pushes each event, once more if it hears nothing for 3 seconds or a 503,
// and some twice for no reason.
void World::plan_pushes() {
  Random random(plan_.seed ^ 0xa10eU);
  const std::uint64_t count = 200 + random.below(2000);
  for (std::uint64_t number = 1; number <= count; ++number) {
    timeline_.after(random.between(0s, plan_.faults_last + fade_out),
                    [this, number] { push_alone(number, true); });
    if (random.below(20) == 0) {
      timeline_.after(random.between(0s, plan_.faults_last), [this, number] { push_alone(number, false); });
    }
  }
}

void World::push_alone(std::uint64_t number, bool again) {
  constexpr Duration okta_waits = 3s;
  if (daemon_ && !once_) {
    hook_judge_.pushed(number);
    const HookId id = deliver_hook(HookJudge::org, HookJudge::event(number), number);
    if (!again) return;
    return timeline_.after(okta_waits, [this, id, number] {
      if (hooks_open_.contains(id) || refused_.erase(id) > 0) push_alone(number, false);
    });
  }
  if (again) timeline_.after(okta_waits, [this, number] { push_alone(number, false); });
}

void World::on(AnswerHook&& answer) {
  tell(static_cast<std::uint64_t>(answer.status),
       [&] { return "the hook is answered " + std::to_string(answer.status) + " " + answer.why; });
  const auto open = hooks_open_.find(answer.id);
  if (open == hooks_open_.end()) throw Violation{"a hook delivery is answered twice"};
  if (open->second > 0) hook_judge_.answered(open->second, answer.status);
  if (answer.status == 503) refused_.insert(answer.id);
  hooks_open_.erase(open);
}

void World::on(SpoolEvents&& events) {
  tell(events.hook.value, [&] { return "spools " + std::to_string(events.events.size()) + " events"; });
  disk_.save(std::move(events));
  plan_commit(random_.between(0s, limits::commit_delay));
}

void World::on(ReadSpool&& read) {
  tell(read.after, [&] { return "reads the spool behind row " + std::to_string(read.after); });
  deliver(random_.between(0s, 20ms), disk_.answer(read));
}

void World::tell_judge_keys(std::size_t org) {
  std::vector<CredentialId> keys;
  if (orgs_[org].in_file) {
    for (const Key& key : orgs_[org].keys) keys.push_back(key.id);
  }
  judge_.holds_keys(org, keys, now());
}

Roster World::file() const {
  Roster roster;
  roster.destinations.push_back({.id = usual,
                                 .listener = {.protocol = plan_.protocol, .host = "listener", .port = 8071},
                                 .token_bytes = is_lines(plan_.protocol) ? token.size() + 11 : 0});
  for (const Org& org : orgs_) {
    if (!org.in_file) continue;
    TenantSpec spec{.domain = Domain::parse(org.name).value(), .credentials = {}, .destination = usual};
    for (const Key& key : org.keys) spec.credentials.push_back(key.id);
    roster.tenants.push_back(std::move(spec));
  }
  return roster;
}

// ---- The daemon

void World::start() {
  ++run_;
  cancelled_.clear();
  answered_.clear();
  stopping_since_.reset();
  kill_within_turn_ = false;
  idle_turns_ = 0;
  tell(run_, [&] { return "the daemon starts, run " + std::to_string(run_); });
  judge_.run_begins(now());
  for (std::size_t i = 0; i < orgs_.size(); ++i) tell_judge_keys(i);
  disk_.open();
  once_ = !healed_ && plan_.has(Trouble::once_runs) && random_.below(3) == 0;
  once_began_ = okta_times();
  Policy policy = plan_.policy;
  policy.once = once_;
  daemon_ =
      std::make_unique<Scheduler>(our_now(),
                                  SchedulerOptions{.policy = policy,
                                                   .seed = random_.next(),
                                                   .hooks = plan_.hooks,
                                                   .hook_orgs = {Domain::parse(HookJudge::org).value()}},
                                  file());
  deliver(0s, SetAsideSize{aside_before_ + aside_bytes_});
  if (auto found = disk_.spool().found(file().destinations.front()); !found.streams.empty())
    deliver(0s, std::move(found));
  drain();
}

void World::turn(Input input) {
  if (!daemon_) return;
  story_.next_step();
  const bool tick = std::holds_alternative<Tick>(input);
  const auto* opened = std::get_if<Opened>(&input);
  if (opened && !HookRoute::of_key(stream_names_[opened->stream])) {
    const std::string& name = stream_names_[opened->stream];
    const auto org = std::ranges::find(orgs_, name, &Org::name);
    std::optional<WallTime> doubted;
    if (opened->place && opened->place->in_doubt) doubted = opened->place->in_doubt->before;
    if (!opened->clean) doubted = okta_time(*org);
    judge_.opened(static_cast<std::size_t>(org - orgs_.begin()), doubted);
    tell(opened->clean ? 1 : 0, [&] { return "the place of " + name + " is " + describe_place(*opened); });
  }
  daemon_->handle(our_now(), std::move(input));
  watch_for_busy_loop(tick);
  drain();
}

void World::watch_for_busy_loop(bool tick) {
  constexpr int most_at_once = 20;
  constexpr int most_a_minute = 3000;
  idle_turns_ = tick && now() == last_turn_ ? idle_turns_ + 1 : 0;
  last_turn_ = now();
  if (idle_turns_ > most_at_once)
    throw Violation{"a busy loop: it wants to be called again and again at once"};
  if (now() - ticks_since_ > 1min) {
    ticks_since_ = now();
    ticks_ = 0;
  }
  if (tick && ++ticks_ > most_a_minute) throw Violation{"a busy loop: thousands of ticks a minute"};
}

void World::drain() {
  while (auto output = daemon_->next_output()) {
    if (kill_within_turn_ && random_.below(3) == 0) return kill();
    perform(std::move(*output));
  }
  if (kill_within_turn_) return kill();
  if (stopping_since_ && now() - *stopping_since_ > stop_budget)
    throw Violation{"a stop took longer than 8 s"};
  if (daemon_->at_rest()) return end_in_order();
  deadline_ = daemon_->deadline();
  if (deadline_ != never && !stopping_since_ && strikes(Trouble::late_turns))
    deadline_ += random_.between(0s, random_.below(5) == 0 ? 90s : 1s);
  look_at_report();
}

// Its cost grows with the tenants, and what it shows does not heal by itself: not after every turn.
void World::look_at_report() {
  const std::size_t every = 1 + plan_.orgs / 2;
  if (++turns_ % every == 0) judge_.saw(daemon_->report(our_now()), now());
}

void World::perform(Output output) {
  std::visit([this](auto&& each) { on(std::forward<decltype(each)>(each)); }, std::move(output));
}

void World::on(OpenStream&& open) {
  tell(open.stream.value, [&] { return "opens " + open.key; });
  stream_names_[open.stream] = open.key;
  deliver(random_.between(0s, 20ms), disk_.answer(open));
}

void World::on(ReadWindow&& read) {
  tell(read.stream.value, [&] { return "reads the window of " + stream_names_[read.stream]; });
  deliver(random_.between(0s, 20ms), disk_.answer(read));
}

void World::on(Save&& save) {
  tell(fact_of(save.place.next) ^ save.number, [&] {
    return "saves " + stream_names_[save.stream] + " #" + std::to_string(save.number) + ": page " +
           std::to_string(save.place.pages) + ", " + std::to_string(save.rows.size()) + " rows, " +
           std::to_string(save.set_aside.size()) + " set aside, place " + cut(save.place.next);
  });
  disk_.save(std::move(save));
  plan_commit(random_.between(0s, limits::commit_delay));
}

void World::on(ForgetDestination&& forget) {
  tell(forget.destination.value,
       [&] { return "forgets destination " + std::to_string(forget.destination.value); });
}

void World::on(Note&& note) {
  tell(fact_of(note.text),
       [&] { return "says (" + std::string(name_of(note.level)) + ") " + note.tenant + ": " + note.text; });
  judge_.noted(note);
}

void World::plan_commit(Duration wait) {
  if (std::exchange(commit_planned_, true)) return;
  if (strikes(Trouble::disk_slowness)) wait += random_.between(0s, 20s);
  timeline_.after(wait, [this, run = run_] {
    if (!daemon_ || run != run_) return;
    commit_planned_ = false;
    commit();
  });
}

void World::commit() {
  if (!disk_.waiting()) return;
  if (disk_fails_) {
    disk_failed_lately_ = true;
    tell(1, [] { return "a commit fails"s; });
    for (Spooled& refused : disk_.refuse_spool()) deliver(0s, std::move(refused));
    if (!disk_.waiting()) return;
    plan_commit(limits::save_retry);
    judge_.saves_fail(true);
    return turn(SaveFailed{"disk full"});
  }
  disk_failed_lately_ = false;
  judge_.saves_fail(false);
  tell(2, [] { return "a commit is on disk"s; });
  for (Input& answer : disk_.commit()) {
    const bool saved = std::holds_alternative<Saved>(answer);  // The others come in their order.
    deliver(saved ? random_.between(0s, 5ms) : 0s, std::move(answer));
  }
}

void World::deliver(Duration wait, Input input) {
  timeline_.after(wait, [this, run = run_, fact = std::move(input)] {
    if (run == run_) turn(fact);
  });
}

void World::end_in_order() {
  const int code = daemon_->exit_code();
  const bool clean = daemon_->clean();
  tell(static_cast<std::uint64_t>(code), [&] { return "the daemon ends with " + std::to_string(code); });
  judge_exit(code);
  judge_.saw(daemon_->report(our_now()), now());
  bool on_disk = clean;
  if (disk_fails_) {
    on_disk = on_disk && !disk_.waiting();
  } else {
    static_cast<void>(disk_.commit());
    if (clean) disk_.close_clean();
  }
  judge_.run_ends(code == 0 && on_disk, !on_disk, okta_times());
  if (once_ && !stopping_since_ && code == 0) {
    const std::string left = judge_.first_left_behind(once_began_);
    if (!left.empty()) throw Violation{"--once ended with 0 too early: " + left};
  }
  gone();
}

void World::judge_exit(int code) const {
  constexpr int unfinished = 69;
  constexpr int unanswered = 75;
  if (!once_ && !stopping_since_) throw Violation{"the daemon ended although nobody stopped it"};
  if (code != 0 && code != unanswered && (!once_ || code != unfinished)) {
    throw Violation{"it ended with exit code " + std::to_string(code)};
  }
}

void World::kill() {
  tell(9, [] { return "the daemon is killed"s; });
  // What was on its way arrives now or never.
  for (const auto& [id, sending] : std::exchange(on_the_way_, {})) {
    if (random_.below(2) == 0) reach_listener(sending);
  }
  gone();
}

void World::gone() {
  judge_.forget_fresh_silences(now(), !disk_failed_lately_ && !plan_.has(Trouble::disk_slowness));
  disk_.crash();
  daemon_.reset();
  deadline_ = never;
  on_the_way_.clear();
  commit_planned_ = false;
  if (stop_for_good_) return;
  const Duration away = random_.below(4) == 0 ? random_.between(1min, 2h) : random_.between(1s, 30s);
  timeline_.after(healed_ ? Duration(1s) : away, [this, run = run_] {
    if (!daemon_ && run == run_) start();
  });
}

// ---- Between the daemon and Okta

Duration World::okta_latency() {
  if (strikes(Trouble::okta_breaks)) return random_.between(0s, 80s);
  return random_.between(1ms, 300ms);
}

void World::on(AskOkta&& ask) {
  const auto& [index, key] = keyring_.at(ask.credential);
  Org& org = orgs_[index];
  tell(fact_of(ask.target) ^ ask.id.value, [&] {
    return "asks " + org.name + " #" + std::to_string(ask.id.value) + " with " +
           keyring_.at(ask.credential).second + ": " + ask.target;
  });
  judge_.asked(index, ask, okta_time(org), our_now());
  const bool lost = !healed_ && (org.unreachable || (strikes(Trouble::okta_breaks) && random_.below(2) == 0));
  if (lost) {
    constexpr std::array faults{TransportFault::unresolved, TransportFault::unreachable,
                                TransportFault::proxy_refused, TransportFault::tls_failed};
    const TransportFault fault = faults[random_.below(faults.size())];
    const TransportError error{.fault = fault, .text = "simulated"};
    const Judge::Heard heard{.quiet_until = {}, .remaining = {}, .sent_at = okta_time(org)};
    timeline_.after(random_.between(0s, 15s),
                    [this, run = run_, org_index = index, id = ask.id, heard, error] {
                      come_back(org_index, id, run, heard, std::unexpected(error));
                    });
    return;
  }
  timeline_.after(okta_latency(), [this, org_index = index, ask, secret = key, run = run_, at = now()] {
    reach_okta(org_index, ask, secret, run, at);
  });
}

void World::on(CancelAsk&& cancel) {
  tell(cancel.id.value, [&] { return "cancels #" + std::to_string(cancel.id.value); });
  if (random_.below(2) == 0) cancelled_.insert(cancel.id);  // Of the others the answer comes all the same.
}

void World::reach_okta(std::size_t index, const AskOkta& ask, const std::string& key, std::uint64_t run,
                       Instant asked_at) {
  Org& org = orgs_[index];
  bend_next_answer(org, ask.target);
  model::Request request{.target = ask.target,
                         .headers = {{"Authorization", "SSWS " + key}, {"Accept-Encoding", "gzip"}}};
  const model::Answer answer = org.okta.handle(request, true_wall());
  const model::RequestRecord& record = org.okta.records().back();
  if (!record.misuse.empty()) throw Violation{"misuse of Okta: " + record.misuse + ": " + ask.target};

  const RateLimit rate = read_rate_limit(answer.headers);
  Judge::Heard heard{
      .status = answer.status, .quiet_until = record.quiet_until, .remaining = {}, .asked_at = record.at};
  heard.sent_at = record.at - to_ms(now() - asked_at);
  if (!rate.concurrency() && answer.status == 200) heard.remaining = rate.remaining;
  HttpResult result = model::as_result(answer);
  Duration wait = answer.delivery.delay + okta_latency();
  if (answer.delivery.ending == model::Ending::stall) wait += limits::ask_stall_timeout;
  tell(static_cast<std::uint64_t>(answer.status), [&] {
    return org.name + " answers #" + std::to_string(ask.id.value) + " with " + describe_result(result) +
           ", " + std::to_string(record.events) + " events";
  });
  heard.took = now() + wait - asked_at;
  const auto arrive = [this, run, index, id = ask.id, heard, result = std::move(result)] {
    come_back(index, id, run, heard, result);
  };
  timeline_.after(wait, arrive);
  if (strikes(Trouble::repeated_facts)) timeline_.after(wait + random_.between(0s, 5s), arrive);
}

void World::come_back(std::size_t index, RequestId id, std::uint64_t run, const Judge::Heard& heard,
                      const HttpResult& result) {
  if (run != run_ || !daemon_ || cancelled_.contains(id)) return;
  const bool first = answered_.insert(id).second;
  if (first && result) judge_.heard(index, heard, now());
  if (first && !result) judge_.answer_lost(index, heard.sent_at);
  turn(OktaAnswer{.id = id, .result = result});
}

void World::bend_next_answer(Org& org, std::string_view target) {
  model::OktaOrg& okta = org.okta;
  okta.clear_faults();
  if (org.refuses_cursors) okta.inject(fault::RefuseCursor{}, 1);
  if (org.slow_from > 0 && !healed_) {
    const auto at = target.find("limit=");
    const auto limit = at == std::string_view::npos
                           ? 0
                           : std::strtoul(std::string(target.substr(at + 6, 5)).c_str(), nullptr, 10);
    if (limit >= org.slow_from) okta.inject(fault::okta_timeout(), 1);
  }
  if (strikes(Trouble::okta_errors)) {
    switch (random_.below(6)) {
      case 0:
        okta.inject(fault::bad_gateway(), 1);
        break;
      case 1:
        okta.inject(fault::unavailable(), 1);
        break;
      case 2:
        okta.inject(fault::okta_timeout(), 1);
        break;
      case 3:
        okta.inject(fault::okta_unavailable(), 1);
        break;
      case 4:
        okta.inject(fault::okta_forbidden(), 1);
        break;
      default:
        okta.inject(fault::Redirect{"https://hostile.example/api/v1/logs?hostile=1"}, 1);
        break;
    }
  }
  if (strikes(Trouble::okta_breaks)) {
    const model::Ending ending = random_.below(2) == 0 ? model::Ending::reset : model::Ending::stall;
    okta.inject(fault::Cut{.bytes = random_.below(3000), .ending = ending}, 1);
  }
  if (strikes(Trouble::okta_limits)) {
    using Reset = fault::RateLimited::Reset;
    constexpr std::array resets{Reset::honest,  Reset::honest, Reset::honest, Reset::missing,
                                Reset::garbage, Reset::past,   Reset::absurd};
    if (random_.below(4) == 0) {
      okta.inject(fault::ConcurrencyLimited{}, 1);
    } else {
      okta.inject(
          fault::RateLimited{.reset = resets[random_.below(resets.size())], .ahead = until_window_ends(org)},
          1);
    }
  }
  if (strikes(Trouble::okta_pages)) {
    switch (random_.below(9)) {
      case 0:
        okta.inject(fault::Body{.bytes = "<html>hello</html>", .content_type = "text/html"}, 1);
        break;
      case 1:
        okta.inject(fault::TruncatedJson{}, 1);
        break;
      case 2:
        okta.inject(fault::DamagedGzip{}, 1);
        break;
      case 3:
        okta.inject(fault::NotReallyGzip{}, 1);
        break;
      case 4:
        okta.inject(fault::HugeHeaders{}, 1);
        break;
      case 5:
        okta.inject(fault::Endless{}, 1);
        break;
      case 6:
        okta.inject(fault::Body{.bytes = "{}"}, 1);
        break;
      case 7:
        if (bombs_left_ == 0) break;
        --bombs_left_;
        okta.inject(fault::GzipBomb{.plain_bytes = limits::page_bytes_max + 1}, 1);
        break;
      default:
        okta.inject(fault::Body{.bytes = ""}, 1);
        break;
    }
  }
  if (strikes(Trouble::okta_links)) {
    switch (random_.below(4)) {
      case 0:
        okta.inject(fault::NoLink{}, 1);
        break;
      case 1:
        okta.inject(fault::SameLink{}, 1);
        break;
      default:
        okta.inject(fault::NextLink{hostile_link(org)}, 1);
        break;
    }
  }
}

/// Of the running window, or of one of the next.
std::chrono::seconds World::until_window_ends(Org& org) {
  const auto window = to_ms(org.okta.settings().window).count();
  const auto at =
      okta_time(org).time_since_epoch().count() - to_ms(org.okta.settings().window_offset).count();
  const auto more = static_cast<std::int64_t>(random_.below(4) == 0 ? random_.below(9) : 0);
  return std::chrono::ceil<std::chrono::seconds>(
      std::chrono::milliseconds(window - at % window + more * window));
}

std::string World::hostile_link(const Org& org) {
  constexpr std::string_view query = "/api/v1/logs?after=1_1&hostile=1";
  switch (random_.below(7)) {
    case 0:
      return "https://evil.example" + std::string(query);
    case 1:
      return "http://" + org.name + std::string(query);
    case 2:
      return "https://" + org.name + "1" + std::string(query);
    case 3:
      return "https://" + org.name + "@evil.example" + std::string(query);
    case 4:
      return "//evil.example" + std::string(query);
    case 5:
      return "https://" + org.name + "/api/v1/users?hostile=1";
    default:
      return "https://" + org.name + ":444" + std::string(query);
  }
}

// ---- Between the daemon and the listener

// The core sends the same body again as long as nobody takes it.
std::shared_ptr<const World::Body> World::body_of(const SendBulk& bulk) {
  constexpr std::size_t kept = 16;
  const auto known = std::ranges::find(bodies_, bulk.packed, [](const auto& body) { return body->packed; });
  if (known != bodies_.end()) return *known;
  auto plain = gunzip(*bulk.packed, std::size_t{64} << 20U);
  CHECK(plain.has_value());
  Judge::Contents contents = judge_.read(*plain);
  bodies_.push_back(std::make_shared<const Body>(
      Body{.packed = bulk.packed, .plain = std::move(*plain), .contents = std::move(contents)}));
  if (bodies_.size() > kept) bodies_.pop_front();
  return bodies_.back();
}

void World::on(SendBulk&& bulk) {
  const auto body = body_of(bulk);
  tell(fact_of(*bulk.packed) ^ bulk.id.value, [&] {
    return "sends bulk #" + std::to_string(bulk.id.value) + ", " + std::to_string(bulk.lines) + " lines, " +
           std::to_string(body->plain.size()) + " bytes: " + cut(body->plain);
  });
  judge_.sent(bulk, body->contents);
  if (listener_down_ || (strikes(Trouble::listener_breaks) && random_.below(2) == 0)) {
    const BulkResult result = TransportError{.fault = TransportFault::unreachable, .text = "simulated"};
    timeline_.after(random_.between(0s, 15s), [this, run = run_, id = bulk.id, result] {
      if (run != run_ || !daemon_) return;
      tell(id.value, [&] { return "bulk #" + std::to_string(id.value) + " meets no listener"; });
      judge_.answered(id, result);
      turn(BulkAnswer{.id = id, .result = result});
    });
    return;
  }
  const std::uint64_t id = bulk.id.value;
  on_the_way_.emplace(id, Sending{.id = bulk.id, .body = body});
  timeline_.after(random_.between(1ms, strikes(Trouble::listener_breaks) ? Duration(50s) : Duration(200ms)),
                  [this, run = run_, id] {
                    const auto found = on_the_way_.find(id);
                    if (run != run_ || found == on_the_way_.end()) return;
                    const Sending arrived = std::move(found->second);
                    on_the_way_.erase(found);
                    reach_listener(arrived);
                  });
}

void World::reach_listener(const Sending& sending) {
  const Body& body = *sending.body;
  listener_.clear_faults();
  bend_next_bulk(body.plain);
  const BulkResult result = is_lines(plan_.protocol) ? write_lines(body.plain) : post(body);
  judge_.bulk_is_in();
  tell(sending.id.value, [&] {
    return "the listener answers bulk #" + std::to_string(sending.id.value) + ": " + describe_result(result);
  });
  Duration wait = random_.between(1ms, strikes(Trouble::listener_breaks) ? Duration(60s) : Duration(200ms));
  if (const auto* error = std::get_if<TransportError>(&result);
      error && error->fault == TransportFault::timed_out) {
    wait += limits::bulk_stall_timeout;
  }
  const auto arrive = [this, run = run_, id = sending.id, result] {
    if (run != run_ || !daemon_) return;
    judge_.answered(id, result);
    turn(BulkAnswer{.id = id, .result = result});
  };
  timeline_.after(wait, arrive);
  if (strikes(Trouble::repeated_facts)) timeline_.after(wait + random_.between(0s, 5s), arrive);
}

BulkResult World::post(const Body& body) {
  model::Request request{.method = "POST",
                         .target = "/?token=" + std::string(token_refused_ ? "wrong" : token),
                         .headers = {{"Content-Encoding", "gzip"}},
                         .body = *body.packed};
  const model::Intake intake = listener_.admit(request);
  if (intake.bytes_max < request.body.size()) {
    const bool stalls = intake.ending == model::Ending::stall;
    return TransportError{
        .fault = stalls ? TransportFault::timed_out : TransportFault::cut, .sent = true, .text = "simulated"};
  }
  if (body.contents.poison) {
    constexpr std::array statuses{500, 403, 422};
    return HttpAnswer{.status = statuses[plan_.seed % statuses.size()], .headers = {}, .body = "poison"};
  }
  HttpResult result = model::as_result(listener_.handle(request, true_wall()));
  if (!result) return result.error();
  return std::move(*result);
}

BulkResult World::write_lines(const std::string& plain) {
  std::string with_token;
  const std::string opening = "{\"token\":\"" + std::string(token_refused_ ? token : token) + "\",";
  for (const std::string_view line : split_lines(plain))
    (with_token += opening).append(line.substr(1)) += '\n';
  model::LineConnection connection = listener_.connect(true_wall());
  const bool whole = listener_.feed(connection, with_token, true_wall());
  const bool closed = listener_.finish(connection);
  if (!whole) return TransportError{.fault = TransportFault::cut, .sent = true, .text = "simulated"};
  static_cast<void>(closed);  // Kept open: after a while that counts.
  return LinesTaken{};
}

void World::bend_next_bulk(const std::string& plain) {
  if (strikes(Trouble::listener_breaks)) {
    listener_.inject(
        fault::CutRequest{.bytes = random_.below(plain.size() + 1), .ending = model::Ending::reset}, 1);
  }
  if (is_lines(plan_.protocol)) {
    if (strikes(Trouble::listener_errors)) listener_.inject(fault::SilentEnd{}, 1);
    if (strikes(Trouble::listener_lost_answers)) {
      listener_.inject(
          fault::CutRequest{.bytes = random_.below(2 * plain.size() + 1), .ending = model::Ending::reset}, 1);
    }
    return;
  }
  if (strikes(Trouble::listener_errors)) {
    switch (random_.below(9)) {
      case 0:
        listener_.inject(fault::bad_gateway(), 1);
        break;
      case 1:
        listener_.inject(fault::unavailable(), 1);
        break;
      case 2:
        listener_.inject(fault::proxy_forbidden(), 1);
        break;
      case 3:
        listener_.inject(fault::proxy_bad_request(), 1);
        break;
      case 4:
        listener_.inject(fault::retry_after(429, std::chrono::seconds(random_.below(300))), 1);
        break;
      case 5:
        listener_.inject(fault::retry_after(503, std::chrono::seconds(random_.below(300))), 1);
        break;
      case 6:
        listener_.inject(fault::Status{.status = 408, .body = {}, .headers = {}}, 1);
        break;
      case 7:
        listener_.inject(fault::Status{.status = 200, .body = "<html>welcome</html>", .headers = {}}, 1);
        break;
      default:
        listener_.inject(fault::Status{.status = 413, .body = {}, .headers = {}}, 1);
        break;
    }
  }
  if (strikes(Trouble::listener_lost_answers)) {
    constexpr std::array statuses{500, 502, 504, 408};
    if (random_.below(2) == 0) {
      const model::Ending ending = random_.below(2) == 0 ? model::Ending::reset : model::Ending::stall;
      listener_.inject(fault::Unanswered{.stored = random_.below(4) > 0, .ending = ending}, 1);
    } else {
      listener_.inject(
          fault::StoredThen{{.status = statuses[random_.below(statuses.size())], .body = {}, .headers = {}}},
          1);
    }
  }
}

// ---- Troubles that come in episodes

void World::plan_episodes() {
  for (const Trouble trouble :
       {Trouble::okta_breaks, Trouble::okta_cursors, Trouble::okta_slow_queries, Trouble::okta_keys,
        Trouble::listener_outages, Trouble::listener_token, Trouble::disk_failures, Trouble::kills,
        Trouble::stops, Trouble::reloads, Trouble::clock}) {
    plan_next(trouble);
  }
}

void World::plan_next(Trouble trouble) {
  const Duration wait = plan_.until_next(trouble, random_);
  if (wait == Duration::max()) return;
  timeline_.after(wait, [this, trouble] {
    if (healed_) return;
    strike(trouble);
    plan_next(trouble);
  });
}

void World::strike(Trouble trouble) {
  Org& org = orgs_[random_.below(orgs_.size())];
  const Duration lasts = random_.below(3) == 0 ? random_.between(10min, 4h) : random_.between(1s, 10min);
  tell(static_cast<std::uint64_t>(trouble),
       [&] { return "trouble: " + std::string(name_of(trouble)) + " for " + describe(lasts); });
  const auto for_a_while = [&](auto begin, auto end) {
    begin();
    timeline_.after(lasts, [this, end] {
      if (!healed_) end();
    });
  };
  switch (trouble) {
    case Trouble::okta_breaks:
      return for_a_while([&] { org.unreachable = true; }, [&org] { org.unreachable = false; });
    case Trouble::okta_cursors:
      return for_a_while([&] { org.refuses_cursors = true; }, [&org] { org.refuses_cursors = false; });
    case Trouble::okta_slow_queries: {
      constexpr std::array<std::size_t, 4> sizes{1000, 500, 100, 10};
      return for_a_while([&] { org.slow_from = sizes[random_.below(sizes.size())]; },
                         [&org] { org.slow_from = 0; });
    }
    case Trouble::listener_outages:
      return for_a_while([&] { listener_down_ = true; }, [this] { listener_down_ = false; });
    case Trouble::listener_token:
      if (is_lines(plan_.protocol)) return;  // A wrong token loses everything unseen there, as documented.
      return for_a_while([&] { token_refused_ = true; },
                         [this] {
                           token_refused_ = false;
                           if (random_.below(2) == 0) turn(TokenChanged{usual});
                         });
    case Trouble::disk_failures:
      return for_a_while([&] { disk_fails_ = true; }, [this] { disk_fails_ = false; });
    case Trouble::okta_keys:
      return trouble_keys();
    case Trouble::reloads:
      return trouble_tenants();
    case Trouble::clock:
      wall_error_ = to_ms(random_.below(3) == 0 ? Duration(0s) : random_.between(-2h, 2h));
      return judge_.wall_jumped();
    case Trouble::kills:
      if (!daemon_) return;
      if (random_.below(2) == 0) return kill();
      kill_within_turn_ = true;  // In the midst of what the next turn wants done.
      return;
    case Trouble::stops:
      if (!daemon_ || stopping_since_) return;
      stopping_since_ = now();
      return turn(Stop{});
    default:
      return;
  }
}

void World::trouble_keys() {
  const std::size_t index = random_.below(orgs_.size());
  Org& org = orgs_[index];
  Key& key = org.keys[random_.below(org.keys.size())];
  const auto state = random_.below(4) == 0 ? model::KeyState::forbidden : model::KeyState::revoked;
  org.okta.set_key(key.text, state);
  tell(index, [&] { return key.text + " of " + org.name + " is refused from now on"; });
  timeline_.after(random_.between(1min, 6h), [this, index, old = key.text] {
    Org& again = orgs_[index];
    const auto found = std::ranges::find(again.keys, old, &Key::text);
    if (found == again.keys.end() || healed_) return;
    if (random_.below(3) == 0) {
      again.okta.set_key(old, model::KeyState::good);
      tell(index, [&] { return old + " of " + again.name + " is good again"; });
      return;
    }
    const std::string fresh = "00key" + std::to_string(++keys_made_);
    again.okta.forget_key(old);
    again.okta.set_key(fresh, model::KeyState::good);
    *found = {.text = fresh, .id = CredentialId{keys_made_}};
    keyring_[found->id] = {index, fresh};
    reload();
  });
}

void World::trouble_tenants() {
  for (std::size_t i = 1; i < orgs_.size(); ++i) {
    if (random_.below(orgs_.size()) < 3) orgs_[i].in_file = !orgs_[i].in_file;
  }
  reload();
}

void World::reload() {
  tell(orgs_.size(),
       [&] { return "the tenants file changes: " + std::to_string(file().tenants.size()) + " tenants"; });
  for (std::size_t i = 0; i < orgs_.size(); ++i) {
    judge_.listed(i, orgs_[i].in_file);
    tell_judge_keys(i);
  }
  turn(Reload{file()});
}

// ---- The phases

bool World::step(Instant end) {
  const Instant due = daemon_ ? deadline_ : never;
  const Instant next = std::min(timeline_.next(), due);
  if (next > end) {
    timeline_.advance_to(end);
    return false;
  }
  if (timeline_.next() <= due) {
    timeline_.happen();
  } else {
    timeline_.advance_to(due);
    turn(Tick{});
  }
  return true;
}

void World::run_until(Instant end) {
  while (step(end)) continue;
}

void World::heal() {
  tell(0, [] { return "everything heals"s; });
  healed_ = true;
  listener_down_ = token_refused_ = disk_fails_ = kill_within_turn_ = false;
  for (std::size_t i = 0; i < orgs_.size(); ++i) {
    Org& org = orgs_[i];
    org.unreachable = org.refuses_cursors = false;
    org.slow_from = 0;
    org.in_file = true;
    for (Key& key : org.keys) {
      key = {.text = "00key" + std::to_string(++keys_made_), .id = CredentialId{keys_made_}};
      org.okta.set_key(key.text, model::KeyState::good);
      keyring_[key.id] = {i, key.text};
    }
  }
  aside_before_ = 0;
  if (!daemon_ || once_) {
    if (daemon_) kill();
    start();
  }
  reload();
  turn(SetAsideSize{aside_bytes_});
  turn(TokenChanged{usual});
}

void World::drain_backlog() {
  const std::vector<WallTime> until = okta_times();
  const Instant end = now() + drain_budget;
  constexpr Duration look_every = 1min;
  while (!judge_.all_settled(until) || !hook_judge_.first_unsettled().empty()) {
    if (now() >= end) {
      throw Violation{"not drained " + describe(drain_budget) + " after everything healed: " +
                      judge_.first_unsettled(until) + hook_judge_.first_unsettled()};
    }
    run_until(now() + look_every);
  }
}

void World::stop_and_check() {
  stop_for_good_ = true;
  if (!stopping_since_) {
    stopping_since_ = now();
    turn(Stop{});
  }
  run_until(now() + stop_budget + 1s);
  if (daemon_) throw Violation{"the daemon does not stop"};
}

Outcome World::run() {
  start();
  plan_episodes();
  run_until(now() + plan_.faults_last);
  heal();
  const Instant healed_at = now();
  drain_backlog();
  const Duration drained_in = now() - healed_at;
  stop_and_check();
  stop_for_good_ = false;
  start();
  run_until(now() + quiet_look);
  stop_and_check();
  judge_.bulk_is_in();
  return {.hash = story_.hash(),
          .steps = story_.step(),
          .delivered = judge_.delivered(),
          .runs = run_,
          .drained_in = drained_in,
          .summary = judge_.summary()};
}

}  // namespace logzio_okta::sim
