#include "sim/world.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/log_query.hpp"
#include "logzio_okta/okta/rate_limit.hpp"

#include "model/query.hpp"

namespace logzio_okta::sim {
namespace {

using namespace std::string_literals;
namespace fault = model::fault;

constexpr Duration history_span = 30h;  // Before the daemon's first start.
constexpr Duration drain_budget = 12h;  // In virtual time, for what phase one left undone.
constexpr Duration fade_out = drain_budget + 6h;
constexpr Duration stop_budget = 8s;  // Docker kills after ten.
constexpr Duration quiet_look = 1h;   // After the last restart: nothing may be repeated.
constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDE";  // And a letter for the account.

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

std::string many_elements(std::size_t count) {
  std::string array = "[{}";
  for (std::size_t i = 1; i < count; ++i) array += ",{}";
  return array + "]";
}

std::uint64_t fact_of(std::string_view text) {
  return hash64(text);
}

// As a server may do that is configured with another limit than ours.
std::size_t draw_page_max(std::uint64_t seed) {
  constexpr std::array<std::size_t, 4> most{limits::page_events_max, limits::page_events_max, 100, 40};
  return most[Random(seed).below(most.size())];
}

// Draws a beginning, a filter and a q for an entry.
void draw_query(TenantSpec& spec, Charge& charge, Random& random) {
  constexpr std::array<Duration, 4> agos{7 * 24h, 24h, 1h, 0h};
  if (random.below(3) == 0) spec.since = SinceAgo{agos[random.below(agos.size())]};
  if (random.below(3) == 0) {
    spec.query.filter = R"(eventType eq "user.session.start")";
    charge.filter = R"("eventType":"user.session.start")";
  }
  if (random.below(4) == 0) spec.query.q = charge.q = "zoë";
}

// What a reader needs to know of a question or of a place.
std::string brief(std::string_view target) {
  if (target.empty()) return "none yet";
  if (!target.starts_with(log_path) || target.contains("hostile")) return cut(target);
  const model::Parameters parameters = model::parameters_of(target);
  std::string text;
  for (const std::string_view name : {"limit", "since", "after", "filter", "q"}) {
    if (const auto value = model::find_parameter(parameters, name))
      ((text += text.empty() ? "" : ", ") += name) += " " + std::string(*value);
  }
  return text;
}

std::string describe_place(const Opened& opened) {
  if (!opened.place) return "new";
  const Place& place = *opened.place;
  std::string text = "[" + brief(place.next) + "]" + (opened.clean ? ", clean" : ", unclean");
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
      random_((plan.seed ^ 0x5eedU) + plan.again * 0x9e3779b97f4a7c15U),
      judge_(plan),
      of_apps_((plan.seed ^ 0xa995U) + plan.again) {
  tell(plan.seed, [&] { return "seed " + std::to_string(plan_.seed) + ": " + plan_.describe_all(); });
  disk_.on_durable = [this](const std::string& key, const Save& save) {
    for (const SetAside& item : save.set_aside) aside_bytes_ += cost_of(item);
    if (!save.set_aside.empty() && aside_before_ + aside_bytes_ > limits::set_aside_bytes_max) {
      throw Violation{"more is set aside than there is room for"};
    }
    if (!HookRoute::of_key(key)) return judge_.durable(key, save, okta_times());
    for (const SetAside& item : save.set_aside) hook_judge_.set_aside(item.bytes);
  };
  make_accounts();
  make_orgs();
  if (plan_.hooks) plan_pushes();
}

void World::make_accounts() {
  for (std::size_t i = 0; i < plan_.accounts; ++i) {
    const DestinationId id{i + 1};
    const std::string own_token = std::string(token) + static_cast<char>('A' + i);
    const Endpoint listener{.protocol = plan_.protocol, .host = "listener" + std::to_string(i), .port = 8071};
    accounts_.push_back({.spec = {.id = id,
                                  .listener = listener,
                                  .token_bytes = is_lines(plan_.protocol) ? own_token.size() + 11 : 0},
                         .token = own_token,
                         .listener = model::Listener({.tokens = {own_token}, .keep_lines = false})});
    accounts_.back().listener.on_stored = [this, id](const model::StoredLine& line) {
      if (!HookJudge::owns(line.text)) return judge_.stored(line.text, id, true_wall());
      if (id != usual_account().id) throw Violation{"a pushed event is delivered to another account"};
      hook_judge_.stored(line.text);
    };
    draw_habits(accounts_.back());
    if (plan_.has(Trouble::listener_small_bodies) && i >= plan_.first_troubled())
      accounts_.back().listener.settings().body_bytes_max = 25'000 + random_.below(20'000);
  }
}

// What a listener does that is documented otherwise, or not documented.
void World::draw_habits(Account& account) {
  model::ListenerSettings& settings = account.listener.settings();
  constexpr std::array bodies{"", "", "OK", "{}", "\r\n"};
  settings.yes_body = bodies[random_.below(bodies.size())];
  settings.yes_counts = random_.below(5) == 0;
  if (!plan_.has(Trouble::listener_objects)) return;
  using model::Counting;
  constexpr std::array ways{Counting::honest, Counting::without_refused, Counting::with_final_break,
                            Counting::all_or_nothing, Counting::without_successful};
  settings.counting = ways[random_.below(ways.size())];
  settings.objects_to = objectionable;
}

// What the tenants file says of it.
void World::draw_entry(Org& org, std::size_t index) {
  org.spec.destination = accounts_[random_.below(accounts_.size())].spec.id;
  org.spec.type = plan_.tenants_differ ? "type" + std::to_string(random_.below(3)) : "okta";
  org.spec.fields.clear();
  if (!plan_.tenants_differ) return;
  org.spec.fields.push_back({.name = "customer", .value = "\"c" + std::to_string(index) + "\""});
  if (random_.below(2) == 0)
    org.spec.fields.push_back({.name = "tier", .value = std::to_string(random_.below(9))});
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
                           plan_.has(Trouble::okta_pages) || plan_.has(Trouble::okta_breaks) ||
                           plan_.has(Trouble::short_pages);
  for (std::size_t i = 0; i < plan_.orgs; ++i) {
    model::OrgSettings settings{.base = "https://" + domain_name(i), .seed = random_.next()};
    settings.rate_limit = rate_limits[random_.below(rate_limits.size())];
    // One event per page, which some troubles cause, takes long with a budget of one request a minute.
    if (small_pages) settings.rate_limit = std::max<std::int64_t>(settings.rate_limit, 120);
    settings.window_offset = random_.between(0s, 59s);
    settings.links_joined = random_.below(4) == 0;
    settings.records_max = 4;
    if (plan_.has(Trouble::short_pages)) settings.page_events_max = draw_page_max(plan_.seed ^ i);
    if (plan_.has(Trouble::okta_limits))
      settings.others = settings.rate_limit * static_cast<std::int64_t>(random_.below(10)) / 10;
    settings.immense_events = plan_.has(Trouble::odd_events);
    if (plan_.has(Trouble::clock)) settings.clock_skew = random_.between(-10min, 10min);
    // We know it by a custom domain; its own links use Okta's.
    if (domain_name(i).contains("example") && random_.below(2) == 0)
      settings.link_base = "https://org" + std::to_string(i) + ".okta.com";
    const auto domain = Domain::parse(domain_name(i));
    CHECK(domain.has_value());
    Org& org = orgs_.emplace_back(Org{.name = domain_name(i),
                                      .history = {},
                                      .okta = model::OktaOrg(settings),
                                      .keys = {},
                                      .spec = {.domain = *domain, .credentials = {}}});
    if (plan_.service_apps) org.okta.enable_oauth(pretended_crypto());
    draw_entry(org, i);
    Charge charge{.name = domain->name(),
                  .stream = {},
                  .origin = domain->origin(),
                  .log = &org.okta.log(),
                  .rate_limit = settings.rate_limit,
                  .window = settings.window,
                  .window_offset = settings.window_offset};
    if (plan_.tenants_differ) draw_query(org.spec, charge, random_);
    const Since since = org.spec.since.value_or(plan_.policy.since);
    charge.since_ago = std::get<SinceAgo>(since).ago;
    charge.stream = org.spec.query.stream_key(*domain);
    const WallTime begin = okta_time(org);
    org.history = make_history(plan_, random_.next(), plan_.events_of(i), begin - to_ms(history_span),
                               begin + to_ms(plan_.faults_last), begin + to_ms(plan_.faults_last + fade_out));
    for (const PastEvent& event : org.history) {
      org.okta.append({.bytes = event.bytes, .published = event.published, .persisted = event.persisted});
    }
    judge_.add_org(std::move(charge), org.history);
    for (std::size_t key = 0; key <= random_.below(3); ++key) org.keys.push_back(make_key(i));
    if (plan_.hooks) plan_hooks(i);
    org.in_file = i == 0 || !plan_.has(Trouble::reloads) || random_.below(3) > 0;
    tell_judge_entry(i);
  }
  if (plan_.has(Trouble::disk_full_aside)) aside_before_ = limits::set_aside_bytes_max - random_.below(4000);
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
  accounts_.front().known = true;
  tell(id.value, [&] { return "Okta pushes an event of " + std::string(org); }, {.detail = true});
  hooks_open_[id] = number;
  turn(HookArrived{.id = id,
                   .body = R"({"eventType":"com.okta.event_hook","source":"https://)" + std::string(org) +
                           R"(/api/v1/eventHooks/who1","eventId":"e","data":{"events":[)" + event + "]}}",
                   .region = {},
                   .destination = usual_account()});
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
       [&] { return "the hook is answered " + std::to_string(answer.status) + " " + answer.why; },
       {.detail = true});
  const auto open = hooks_open_.find(answer.id);
  if (open == hooks_open_.end()) throw Violation{"a hook delivery is answered twice"};
  if (open->second > 0) hook_judge_.answered(open->second, answer.status);
  if (answer.status == 503) refused_.insert(answer.id);
  hooks_open_.erase(open);
}

void World::on(SpoolEvents&& events) {
  tell(events.hook.value, [&] { return "spools " + std::to_string(events.events.size()) + " events"; },
       {.detail = true});
  disk_.save(std::move(events));
  plan_commit(random_.between(0s, limits::commit_delay));
}

void World::on(ReadSpool&& read) {
  tell(read.after, [&] { return "reads the spool behind row " + std::to_string(read.after); },
       {.detail = true});
  deliver(random_.between(0s, 20ms), disk_.answer(read));
}

void World::tell_judge_entry(std::size_t org) {
  std::vector<CredentialId> keys;
  std::vector<CredentialId> apps;
  const TenantSpec& spec = orgs_[org].spec;
  if (orgs_[org].in_file) {
    for (const Key& key : orgs_[org].keys) {
      keys.push_back(key.id);
      if (apps_.contains(key.id)) apps.push_back(key.id);
    }
  }
  judge_.holds_keys(org, keys, apps, now());
  std::string constants = R"("type":")" + spec.type + R"(","tenant_name":")" + spec.domain.name() + "\",";
  for (const ConstantField& field : spec.fields) constants += "\"" + field.name + "\":" + field.value + ",";
  judge_.listed(org, orgs_[org].in_file, spec.destination, constants + R"("@timestamp":)");
}

// The destinations are those that the tenants name.
Roster World::file() const {
  Roster roster;
  for (const Org& org : orgs_) {
    if (!org.in_file) continue;
    TenantSpec& spec = roster.tenants.emplace_back(org.spec);
    for (const Key& key : org.keys) {
      spec.credentials.push_back(key.id);
      if (apps_.contains(key.id))
        spec.service_apps.push_back({.id = key.id, .key = "the key of " + key.text});
    }
    const auto known = std::ranges::find(roster.destinations, spec.destination, &DestinationSpec::id);
    if (known == roster.destinations.end())
      roster.destinations.push_back(accounts_[spec.destination.value - 1].spec);
  }
  return roster;
}

std::optional<std::size_t> World::org_of(StreamId stream) const {
  const auto named = stream_names_.find(stream);
  if (named == stream_names_.end()) return std::nullopt;
  for (std::size_t i = 0; i < orgs_.size(); ++i) {
    if (orgs_[i].spec.query.stream_key(orgs_[i].spec.domain) == named->second) return i;
  }
  return std::nullopt;
}

// The daemon.

void World::start() {
  ++run_;
  cancelled_.clear();
  silenced_.clear();
  answered_.clear();
  stopping_since_.reset();
  kill_within_turn_ = false;
  idle_turns_ = 0;
  tell(run_, [&] { return "the daemon starts, run " + std::to_string(run_); });
  judge_.run_begins(now());
  for (auto& [id, app] : apps_) app.forget_token();
  for (std::size_t i = 0; i < orgs_.size(); ++i) tell_judge_entry(i);
  stream_names_.clear();
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
  for (Account& account : accounts_) account.known = true;
  if (!healed_ && plan_.has(Trouble::disk_full_aside) && aside_bytes_ < limits::set_aside_bytes_max)
    aside_before_ = limits::set_aside_bytes_max - aside_bytes_ -
                    std::min(random_.below(3000), limits::set_aside_bytes_max - aside_bytes_);
  deliver(0s, SetAsideSize{aside_before_ + aside_bytes_});
  if (auto found = disk_.spool().found(usual_account()); !found.streams.empty())
    deliver(0s, std::move(found));
  drain();
}

void World::turn(Input input) {
  if (!daemon_) return;
  story_.next_step();
  const bool tick = std::holds_alternative<Tick>(input);
  const auto* opened = std::get_if<Opened>(&input);
  if (const auto org = opened ? org_of(opened->stream) : std::nullopt) {
    judge_.opened(*org, *opened, okta_time(orgs_[*org]));
    tell(opened->clean ? 1 : 0,
         [&] { return "the place of " + orgs_[*org].name + " is " + describe_place(*opened); }, {.org = org});
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
    throw Violation{"a busy loop: it asks to be called again and again at once"};
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

// Its cost grows with the tenants, and a fault it finds does not go away: not after every turn.
void World::look_at_report() {
  const std::size_t every = 1 + plan_.orgs / 2;
  if (++turns_ % every == 0) judge_.saw(daemon_->report(our_now()), now(), okta_times());
}

void World::perform(Output output) {
  std::visit([this](auto&& each) { on(std::forward<decltype(each)>(each)); }, std::move(output));
}

void World::on(OpenStream&& open) {
  stream_names_[open.stream] = open.key;
  tell(open.stream.value, [&] { return "opens " + open.key; }, {.org = org_of(open.stream), .detail = true});
  deliver(random_.between(0s, 20ms), disk_.answer(open));
}

void World::on(ReadWindow&& read) {
  tell(read.stream.value, [&] { return "reads the window of " + stream_names_[read.stream]; },
       {.org = org_of(read.stream)});
  deliver(random_.between(0s, 20ms), disk_.answer(read));
}

void World::on(Save&& save) {
  tell(
      fact_of(save.place.next) ^ save.number,
      [&] {
        return "saves " + stream_names_[save.stream] + " #" + std::to_string(save.number) + ": page " +
               std::to_string(save.place.pages) + ", " + std::to_string(save.rows.size()) + " rows, " +
               std::to_string(save.set_aside.size()) + " set aside, place [" + brief(save.place.next) + "]";
      },
      about(save));
  disk_.save(std::move(save));
  plan_commit(random_.between(0s, limits::commit_delay));
}

void World::on(NoteInFlight&& note) {
  tell(note.page,
       [&] {
         return "notes " + std::to_string(note.events.size()) + " events of page " +
                std::to_string(note.page) + " in flight";
       },
       {.org = org_of(note.stream), .detail = true});
  disk_.note(std::move(note), disk_fails_);
  if (!disk_.notes_written()) plan_commit(limits::save_retry);
}

About World::about(const Save& save) {
  About about{.org = org_of(save.stream), .detail = true};
  if (!about.org || story_.silent()) return about;
  const model::Parameters parameters = model::parameters_of(save.place.next);
  const auto after = model::find_parameter(parameters, "after");
  const auto count = after ? orgs_[*about.org].okta.log().place_of(*after) : std::nullopt;
  if (!count) return about;
  about.covered = judge_.first_event(*about.org) + *count;
  about.detail = false;
  return about;
}

void World::on(ForgetDestination&& forget) {
  tell(forget.destination.value,
       [&] { return "forgets account " + std::to_string(forget.destination.value); });
  account_of(forget.destination).known = false;
  account_of(forget.destination).timed_out_with = 0;
  judge_.account_forgotten(forget.destination);
}

void World::on(Note&& note) {
  const auto org = std::ranges::find(orgs_, note.tenant, &Org::name);
  tell(fact_of(note.text),
       [&] { return "says (" + std::string(name_of(note.level)) + ") " + note.tenant + ": " + note.text; },
       {.org =
            org != orgs_.end() ? std::optional(static_cast<std::size_t>(org - orgs_.begin())) : std::nullopt,
        .detail = note.level < Level::warn});
  judge_.noted(note, now());
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
  if (!disk_.waiting() && disk_.notes_written()) return;
  if (disk_fails_ && !disk_.waiting()) return plan_commit(limits::save_retry);
  if (disk_fails_) {
    disk_failed_lately_ = true;
    tell(1, [] { return "a commit fails"s; }, {.detail = true});
    for (Spooled& refused : disk_.refuse_spool()) deliver(0s, std::move(refused));
    if (!disk_.waiting()) return;
    plan_commit(limits::save_retry);
    judge_.saves_fail(true);
    return turn(SaveFailed{"disk full"});
  }
  disk_failed_lately_ = false;
  judge_.copies_synced();
  judge_.saves_fail(false);
  tell(2, [] { return "a commit is on disk"s; }, {.detail = true});
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
  judge_.saw(daemon_->report(our_now()), now(), okta_times());
  bool on_disk = clean;
  if (disk_fails_) {
    on_disk = on_disk && !disk_.waiting();
  } else {
    judge_.copies_synced();
    static_cast<void>(disk_.commit());
    if (clean) disk_.close_clean();
    if (clean && plan_.has(Trouble::state_replaced) && random_.below(2) == 0)
      copy_ = std::pair(disk_.copy(), aside_bytes_);
  }
  judge_.run_ends(code == 0 && on_disk, !on_disk, okta_times());
  if (once_ && !stopping_since_ && code == 0) {
    if (auto left = judge_.first_left_behind(once_began_)) {
      left->text = "--once ended with 0 too early: " + left->text;
      throw std::move(*left);
    }
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
  // Sometimes with the whole machine; then what was published ahead and in flight is not all known.
  if (!plan_.has(Trouble::ahead_events) && Random(plan_.seed ^ run_).below(4) == 0) {
    tell(8, [] { return "and the machine loses power"s; });
    disk_.lose_power();
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
  if (strikes(Trouble::state_replaced)) replace_state();
  if (stop_for_good_) return;
  const Duration away = random_.below(4) == 0 ? random_.between(1min, 2h) : random_.between(1s, 30s);
  timeline_.after(healed_ ? Duration(1s) : away, [this, run = run_] {
    if (!daemon_ && run == run_) start();
  });
}

// While no daemon runs. What was in the state is forgotten, except what an older copy contains.
void World::replace_state() {
  const bool put_back = copy_ && random_.below(3) > 0;
  tell(put_back ? 1 : 0,
       [&] { return put_back ? "an older copy of the state is put back"s : "the state is lost"s; });
  if (put_back) {
    disk_.put_back(copy_->first);
  } else {
    disk_.lose();
  }
  aside_bytes_ = put_back ? copy_->second : 0;
  judge_.state_replaced();
  for (const auto& [key, stream] : disk_.streams()) {
    Save save{.place = stream.place};
    for (const auto& [page, row] : stream.rows) save.rows.push_back(row);
    judge_.durable(key, save, {});
  }
}

// Between the daemon and Okta.

Duration World::okta_latency() {
  if (strikes(Trouble::okta_breaks)) return random_.between(0s, 80s);
  return random_.between(1ms, 300ms);
}

void World::on(AskOkta&& ask) {
  const auto& [index, key] = keyring_.at(ask.credential);
  Org& org = orgs_[index];
  tell(
      fact_of(ask.target) ^ ask.id.value,
      [&] {
        return "asks " + org.name + " #" + std::to_string(ask.id.value) + " with " +
               keyring_.at(ask.credential).second + ": " + brief(ask.target);
      },
      about(index, ask.id));
  const bool wanted = judge_.asked(index, ask, okta_time(org), our_now());
  Headers headers;
  if (const auto app = apps_.find(ask.credential); app != apps_.end()) {
    headers = app->second.headers(ask.origin, ask.target, our_now().wall + ask.okta_ahead);
  } else {
    headers.push_back({"Authorization", "SSWS " + key});
  }
  headers.push_back({"Accept-Encoding", "gzip"});
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
  timeline_.after(okta_latency(), [this, org_index = index, ask, headers, run = run_, at = now(), wanted] {
    reach_okta(org_index, ask, headers, run, at, wanted);
  });
}

void World::on(MintToken&& mint) {
  const auto& [index, key] = keyring_.at(mint.credential);
  Org& org = orgs_[index];
  tell(mint.id.value,
       [&] {
         return "asks " + org.name + " for a token for " + keyring_.at(mint.credential).second +
                (mint.proof == ProofKind::none ? " without a proof" : "");
       },
       {.org = index});
  judge_.minting(index, mint, now());
  const Duration wait = of_apps_.between(1ms, org.token_endpoint_fails ? Duration(60s) : Duration(300ms));
  if (!healed_ && (org.unreachable || (org.token_endpoint_fails && of_apps_.below(4) == 0))) {
    const TransportError error{.fault = TransportFault::unreachable, .text = "simulated"};
    return timeline_.after(wait, [this, run = run_, org_index = index, mint, error] {
      if (run != run_ || !daemon_) return;
      judge_.minted(org_index, mint, {}, now());
      turn(TokenAnswer{.id = mint.id, .result = error});
    });
  }
  const model::Request request =
      apps_.at(mint.credential).token_request(mint, our_now().wall + mint.okta_ahead);
  timeline_.after(wait, [this, run = run_, org_index = index, mint, request] {
    if (run == run_) reach_token_endpoint(org_index, mint, request);
  });
}

void World::reach_token_endpoint(std::size_t index, const MintToken& mint, const model::Request& request) {
  Org& org = orgs_[index];
  Judge::Minted minted;
  bend_next_token(org, minted);
  const model::Answer answer = org.okta.handle(request, true_wall());
  const model::TokenRecord& record = org.okta.oauth().records().back();
  if (!record.misuse.empty()) throw Violation{"misuse of Okta's token endpoint: " + record.misuse};
  HttpResult result = model::as_result(answer);
  if (result && result->status == 200) minted.life = org.okta.oauth().app(record.client_id).token_life;
  // A fault makes the answer differ from the record.
  minted.refused =
      result && result->status == record.status && !record.error.empty() && record.error != "use_dpop_nonce";
  tell(static_cast<std::uint64_t>(answer.status),
       [&] {
         return org.name + " answers the token request with " + describe_result(result) + ' ' + record.error;
       },
       {.org = index});
  Duration wait = of_apps_.between(1ms, 300ms);
  if (answer.delivery.ending == model::Ending::stall) wait += limits::ask_stall_timeout;
  const auto arrive = [this, run = run_, index, mint, minted, result = std::move(result)] {
    if (run != run_ || !daemon_) return;
    judge_.minted(index, mint, minted, now());
    const auto app = apps_.find(mint.credential);
    if (app == apps_.end()) {  // It has left the file.
      const TransportError error{.fault = TransportFault::refused_by_us, .text = "simulated"};
      return turn(TokenAnswer{.id = mint.id, .result = error});
    }
    turn(TokenAnswer{.id = mint.id, .result = app->second.take_answer(mint.proof, HttpResult(result))});
  };
  timeline_.after(wait, arrive);
}

void World::bend_next_token(Org& org, Judge::Minted& minted) {
  model::OktaOrg& okta = org.okta;
  okta.clear_token_faults();
  if (!org.token_endpoint_fails || healed_ || of_apps_.below(8) == 0) return;
  const std::chrono::seconds wait(1 + of_apps_.below(300));
  switch (of_apps_.below(7)) {
    case 0:
      return okta.inject_token(fault::bad_gateway(), 1);
    case 1:
      return okta.inject_token(fault::okta_unavailable(), 1);
    case 2:
      return okta.inject_token(fault::InBetween{.status = 403}, 1);
    case 3:
      return okta.inject_token(fault::InBetween{.status = 407}, 1);
    case 4:
      return okta.inject_token(fault::Cut{.bytes = of_apps_.below(200), .ending = model::Ending::reset}, 1);
    case 5:
      return okta.inject_token(fault::hang(), 1);
    default:
      minted.silence = wait;
      return okta.inject_token(fault::retry_after(429, wait), 1);
  }
}

void World::on(CancelAsk&& cancel) {
  tell(cancel.id.value, [&] { return "cancels #" + std::to_string(cancel.id.value); }, {.detail = true});
  cancelled_.insert(cancel.id);
  if (random_.below(2) == 0) silenced_.insert(cancel.id);  // The others are answered all the same.
}

void World::reach_okta(std::size_t index, const AskOkta& ask, const Headers& headers, std::uint64_t run,
                       Instant asked_at, bool wanted) {
  Org& org = orgs_[index];
  bend_next_answer(org, ask.target);
  const model::Request request{.target = ask.target, .headers = headers};
  const model::Answer answer = org.okta.handle(request, true_wall());
  const model::RequestRecord& record = org.okta.records().back();
  if (!record.misuse.empty()) throw Violation{"misuse of Okta: " + record.misuse + ": " + ask.target};

  const RateLimit rate = read_rate_limit(answer.headers);
  Judge::Heard heard{.status = answer.status,
                     .of_okta = record.of_okta,
                     .quiet_until = record.quiet_until,
                     .remaining = {},
                     .asked_at = record.at,
                     .credential = ask.credential};
  heard.sent_at = record.at - to_ms(now() - asked_at);
  if (!rate.concurrency() && answer.status == 200) heard.remaining = rate.remaining;
  HttpResult result = model::as_result(answer);
  Duration wait = answer.delivery.delay + okta_latency();
  if (answer.delivery.ending == model::Ending::stall) wait += limits::ask_stall_timeout;
  heard.begin = record.begin;
  if (wanted) heard.events = record.events;
  About page = about(index, ask.id);
  page.first = judge_.first_event(index) + record.begin;
  page.end = page.first + record.events;
  page.detail = answer.status == 200 && record.events == 0;
  tell(
      static_cast<std::uint64_t>(answer.status),
      [&] {
        return org.name + " answers #" + std::to_string(ask.id.value) + " with " + describe_result(result) +
               (record.events > 0 ? ", events " + std::to_string(record.begin + 1) + " to " +
                                        std::to_string(record.begin + record.events) + " of its log"
                                  : ", no events");
      },
      page);
  heard.took = now() + wait - asked_at;
  const auto arrive = [this, run, index, id = ask.id, heard, result = std::move(result)] {
    come_back(index, id, run, heard, result);
  };
  timeline_.after(wait, arrive);
  if (strikes(Trouble::repeated_facts)) timeline_.after(wait + random_.between(0s, 5s), arrive);
}

void World::come_back(std::size_t index, RequestId id, std::uint64_t run, const Judge::Heard& heard,
                      const HttpResult& result) {
  if (run != run_ || !daemon_ || silenced_.contains(id)) return;
  const bool first = answered_.insert(id).second && !cancelled_.contains(id);
  // Whatever an error's body holds, it is not read.
  if (first && result && heard.status == 200)
    judge_.brought(index, heard.begin, heard.events, heard.asked_at);
  if (first && result) judge_.heard(index, heard, now());
  if (first && !result) judge_.answer_lost(index, heard.sent_at, now());
  turn(OktaAnswer{.id = id, .result = result});
}

// In ways that Okta may shape it. Returns whether it may hold less than there is.
bool World::shape_next_page(model::OktaOrg& okta) {
  const auto plain = [](std::string_view event) { return event.contains(R"("eventType":"user.session.)"); };
  if (strikes(Trouble::repeats)) {
    const std::uint64_t most = random_.below(4) == 0 ? 40 : 2;
    okta.inject(fault::RepeatEvents{.count = 1 + random_.below(most), .which = plain}, 1);
    if (random_.below(2) == 0) okta.inject(fault::TwiceInPage{.which = plain}, 1);
  }
  if (!strikes(Trouble::short_pages)) return okta.settings().page_events_max < limits::page_events_max;
  okta.inject(fault::ShortPage{.events = random_.below(3) == 0 ? 0 : 1 + random_.below(200)}, 1);
  return true;
}

void World::bend_next_answer(Org& org, std::string_view target) {
  model::OktaOrg& okta = org.okta;
  okta.clear_faults();
  const bool is_short = shape_next_page(okta);
  if (org.refuses_cursors) okta.inject(fault::RefuseCursor{.status = org.refuses_with}, 1);
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
  if (strikes(Trouble::okta_in_between)) okta.inject(page_in_between(), 1);
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
    switch (random_.below(12)) {
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
      case 8:
        okta.inject(fault::Surplus{.count = 1 + random_.below(limits::page_elements_margin)}, 1);
        break;
      case 9:
        okta.inject(fault::Surplus{.count = limits::page_elements_margin + 1 + random_.below(1000)}, 1);
        break;
      case 10:
        okta.inject(fault::Body{.bytes = many_elements(limits::page_elements_max + 1 + random_.below(5000))},
                    1);
        break;
      default:
        okta.inject(fault::Body{.bytes = ""}, 1);
        break;
    }
  }
  if (strikes(Trouble::okta_links)) {
    // A short page that leads nowhere is the end as far as anybody can tell.
    switch (is_short ? 2 : random_.below(4)) {
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

/// The end of the current window, or of one of the next.
std::chrono::seconds World::until_window_ends(Org& org) {
  const auto window = to_ms(org.okta.settings().window).count();
  const auto at =
      okta_time(org).time_since_epoch().count() - to_ms(org.okta.settings().window_offset).count();
  const auto more = static_cast<std::int64_t>(random_.below(4) == 0 ? random_.below(9) : 0);
  return std::chrono::ceil<std::chrono::seconds>(
      std::chrono::milliseconds(window - at % window + more * window));
}

fault::InBetween World::page_in_between() {
  constexpr std::array statuses{200, 401, 401, 403, 403, 404, 407, 451, 500, 502, 503};
  const bool has_a_clock = random_.below(2) == 0;
  return {.status = statuses[random_.below(statuses.size())],
          .clock_off = has_a_clock ? Duration(0s) : random_.between(-400 * 24h, 400 * 24h)};
}

// Mostly by hours; a machine without a battery begins in 1970.
std::chrono::milliseconds World::draw_wall_error() {
  switch (random_.below(6)) {
    case 0:
    case 1:
      return 0ms;
    case 2:
      return to_ms(random_.between(-10 * 24h, 10 * 24h));
    case 3:
      return random_.below(4) == 0 ? WallTime() - true_wall() : to_ms(random_.between(-400 * 24h, 400 * 24h));
    default:
      return to_ms(random_.between(-2h, 2h));
  }
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

// Between the daemon and the listener.

// The core sends the same body again until it is taken.
std::shared_ptr<const World::Body> World::body_of(const std::shared_ptr<const std::string>& packed) {
  constexpr std::size_t kept = 16;
  const auto known = std::ranges::find(bodies_, packed, [](const auto& body) { return body->packed; });
  if (known != bodies_.end()) return *known;
  auto plain = gunzip(*packed, std::size_t{64} << 20U);
  CHECK(plain.has_value());
  Judge::Contents contents = judge_.read(*plain);
  bodies_.push_back(std::make_shared<const Body>(
      Body{.packed = packed, .plain = std::move(*plain), .contents = std::move(contents)}));
  if (bodies_.size() > kept) bodies_.pop_front();
  return bodies_.back();
}

void World::on(SendBulk&& bulk) {
  const auto body = body_of(bulk.packed);
  Account& account = account_of(bulk.destination);
  tell(
      fact_of(body->plain) ^ bulk.id.value,  // How it is packed is not the same in every run.
      [&] {
        return "sends bulk #" + std::to_string(bulk.id.value) + " to account " +
               std::to_string(bulk.destination.value) + ", " + std::to_string(bulk.lines) + " lines, " +
               std::to_string(body->plain.size()) + " bytes: " + cut(body->plain);
      },
      about(body));
  if (!account.known) throw Violation{"a bulk goes to an account whose token it has let go"};
  judge_.sent(bulk, body->contents);
  judge_patience(bulk, account);
  if (!disk_.notes_written()) {  // The shell does not send what is not noted.
    const BulkResult result = TransportError{.fault = TransportFault::held_by_us, .text = "simulated"};
    return timeline_.after(0s, [this, run = run_, id = bulk.id, result] {
      if (run != run_ || !daemon_) return;
      judge_.answered(id, result);
      turn(BulkAnswer{.id = id, .result = result});
    });
  }
  if (account.down || (listener_strikes(Trouble::listener_breaks, account) && random_.below(2) == 0)) {
    const BulkResult result = TransportError{.fault = TransportFault::unreachable, .text = "simulated"};
    timeline_.after(random_.between(0s, 15s), [this, run = run_, id = bulk.id, result, body] {
      if (run != run_ || !daemon_) return;
      tell(id.value, [&] { return "bulk #" + std::to_string(id.value) + " meets no listener"; }, about(body));
      judge_.answered(id, result);
      turn(BulkAnswer{.id = id, .result = result});
    });
    return;
  }
  const std::uint64_t id = bulk.id.value;
  on_the_way_.emplace(
      id, Sending{.id = bulk.id, .account = bulk.destination, .body = body, .patience = bulk.patience});
  const bool slow = listener_strikes(Trouble::listener_breaks, account);
  timeline_.after(random_.between(1ms, slow ? Duration(50s) : Duration(200ms)), [this, run = run_, id] {
    const auto found = on_the_way_.find(id);
    if (run != run_ || found == on_the_way_.end()) return;
    const Sending arrived = std::move(found->second);
    on_the_way_.erase(found);
    reach_listener(arrived);
  });
}

void World::on(KeepCopy&& copy) {
  const auto body = body_of(copy.packed);
  tell(
      fact_of(body->plain),
      [&] {
        return "keeps a copy of " + std::to_string(body->contents.lines) + " lines for account " +
               std::to_string(copy.destination.value);
      },
      about(body));
  judge_.copied(body->plain);
}

void World::reach_listener(const Sending& sending) {
  const Body& body = *sending.body;
  Account& account = account_of(sending.account);
  account.listener.clear_faults();
  bend_next_bulk(account, body.plain);
  BulkResult result = is_lines(plan_.protocol) ? write_lines(account, body.plain) : post(account, body);
  tell(
      sending.id.value,
      [&] {
        return "the listener answers bulk #" + std::to_string(sending.id.value) + ": " +
               describe_result(result);
      },
      about(sending.body));
  judge_.bulk_is_in();
  const bool slow = listener_strikes(Trouble::listener_breaks, account);
  Duration wait = random_.between(1ms, slow ? Duration(60s) : Duration(200ms));
  const Duration patience = sending.patience * limits::bulk_stall_timeout;
  if (const auto* error = std::get_if<TransportError>(&result);
      error && error->fault == TransportFault::timed_out) {
    wait += patience;
  } else if (account.answers_after > patience) {
    wait = patience;
    result = TransportError{.fault = TransportFault::timed_out, .sent = true, .text = "simulated"};
  } else {
    wait = std::max(wait, account.answers_after);
  }
  const auto arrive = [this, run = run_, sending, result] {
    if (run == run_ && daemon_) hear_of_bulk(sending, result);
  };
  timeline_.after(wait, arrive);
  if (strikes(Trouble::repeated_facts)) timeline_.after(wait + random_.between(0s, 5s), arrive);
}

void World::hear_of_bulk(const Sending& sending, const BulkResult& result) {
  const auto* error = std::get_if<TransportError>(&result);
  Account& account = account_of(sending.account);
  if (error != nullptr && error->fault == TransportFault::timed_out && account.known &&
      judge_.concerns_listener(sending.id)) {
    account.timed_out_with = sending.patience;
    account.timed_out_run = run_;
    account.timed_out_at = now();
  }
  judge_.answered(sending.id, result);
  turn(BulkAnswer{.id = sending.id, .result = result});
}

// Each timeout repeats a bulk.
void World::judge_patience(const SendBulk& bulk, const Account& account) const {
  if (account.timed_out_run != run_ || now() - account.timed_out_at >= limits::bulk_patience_kept) return;
  if (bulk.patience <= account.timed_out_with && bulk.patience < limits::bulk_patience_max)
    throw Violation{"a listener that answers late gets no more time"};
}

BulkResult World::post(Account& account, const Body& body) {
  model::Request request{
      .method = "POST",
      .target = "/?token=" + (account.token_refused ? std::string("wrong") : account.token),
      .headers = {{"Content-Encoding", "gzip"}},
      .body = *body.packed};
  const model::Intake intake = account.listener.admit(request);
  if (intake.bytes_max < request.body.size()) {
    const bool stalls = intake.ending == model::Ending::stall;
    return TransportError{
        .fault = stalls ? TransportFault::timed_out : TransportFault::cut, .sent = true, .text = "simulated"};
  }
  const auto& events = body.contents.events;
  if (account.throttles && !events.empty() && events.front() % 4 == 0)
    return HttpAnswer{.status = 429, .headers = {}, .body = "slow down"};
  if (body.contents.poison) {
    constexpr std::array statuses{500, 403, 422};
    return HttpAnswer{.status = statuses[plan_.seed % statuses.size()], .headers = {}, .body = "poison"};
  }
  HttpResult result = model::as_result(account.listener.handle(request, true_wall()));
  if (!result) return result.error();
  return std::move(*result);
}

BulkResult World::write_lines(Account& account, const std::string& plain) {
  std::string with_token;
  const std::string opening = "{\"token\":\"" + account.token + "\",";
  for (const std::string_view line : split_lines(plain))
    (with_token += opening).append(line.substr(1)) += '\n';
  model::LineConnection connection = account.listener.connect(true_wall());
  const bool whole = account.listener.feed(connection, with_token, true_wall());
  const bool closed = account.listener.finish(connection);
  if (!whole) return TransportError{.fault = TransportFault::cut, .sent = true, .text = "simulated"};
  static_cast<void>(closed);  // Kept open: after a while that counts.
  return LinesTaken{};
}

void World::bend_next_bulk(Account& account, const std::string& plain) {
  model::Listener& listener = account.listener;
  if (listener_strikes(Trouble::listener_breaks, account)) {
    listener.inject(
        fault::CutRequest{.bytes = random_.below(plain.size() + 1), .ending = model::Ending::reset}, 1);
  }
  if (is_lines(plan_.protocol)) {
    if (listener_strikes(Trouble::listener_errors, account)) listener.inject(fault::SilentEnd{}, 1);
    if (listener_strikes(Trouble::listener_lost_answers, account)) {
      listener.inject(
          fault::CutRequest{.bytes = random_.below(2 * plain.size() + 1), .ending = model::Ending::reset}, 1);
    }
    return;
  }
  if (listener_strikes(Trouble::listener_errors, account)) {
    switch (random_.below(9)) {
      case 0:
        listener.inject(fault::bad_gateway(), 1);
        break;
      case 1:
        listener.inject(fault::unavailable(), 1);
        break;
      case 2:
        listener.inject(fault::proxy_forbidden(), 1);
        break;
      case 3:
        listener.inject(fault::proxy_bad_request(), 1);
        break;
      case 4:
        listener.inject(fault::retry_after(429, std::chrono::seconds(random_.below(300))), 1);
        break;
      case 5:
        listener.inject(fault::retry_after(503, std::chrono::seconds(random_.below(300))), 1);
        break;
      case 6:
        listener.inject(fault::Status{.status = 408, .body = {}, .headers = {}}, 1);
        break;
      case 7:
        listener.inject(fault::Status{.status = 200, .body = "<html>welcome</html>", .headers = {}}, 1);
        break;
      default:
        listener.inject(fault::Status{.status = 413, .body = {}, .headers = {}}, 1);
        break;
    }
  }
  if (listener_strikes(Trouble::listener_lost_answers, account)) {
    constexpr std::array statuses{500, 502, 504, 408, 400};
    if (random_.below(2) == 0) {
      const model::Ending ending = random_.below(2) == 0 ? model::Ending::reset : model::Ending::stall;
      listener.inject(fault::Unanswered{.stored = random_.below(4) > 0, .ending = ending}, 1);
    } else {
      listener.inject(
          fault::StoredThen{{.status = statuses[random_.below(statuses.size())], .body = {}, .headers = {}}},
          1);
    }
  }
}

// Troubles that come in episodes.

void World::plan_episodes() {
  for (const Trouble trouble :
       {Trouble::okta_breaks, Trouble::okta_cursors, Trouble::okta_slow_queries, Trouble::okta_keys,
        Trouble::listener_outages, Trouble::listener_token, Trouble::listener_slow,
        Trouble::listener_throttle, Trouble::disk_failures, Trouble::disk_full_aside, Trouble::kills,
        Trouble::stops, Trouble::reloads, Trouble::clock, Trouble::okta_tokens}) {
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
  constexpr std::array refusals{400, 404, 405, 410, 422};
  switch (trouble) {
    case Trouble::okta_breaks:
      return for_a_while([&] { org.unreachable = true; }, [&org] { org.unreachable = false; });
    case Trouble::okta_cursors:
      org.refuses_with = refusals[random_.below(refusals.size())];
      return for_a_while([&] { org.refuses_cursors = true; }, [&org] { org.refuses_cursors = false; });
    case Trouble::okta_slow_queries: {
      constexpr std::array<std::size_t, 4> sizes{1000, 500, 100, 10};
      return for_a_while([&] { org.slow_from = sizes[random_.below(sizes.size())]; },
                         [&org] { org.slow_from = 0; });
    }
    case Trouble::listener_outages:
      for (Account* account : accounts_to_trouble())
        for_a_while([&] { account->down = true; }, [account] { account->down = false; });
      return;
    case Trouble::listener_token:
      if (is_lines(plan_.protocol)) return;  // A wrong token loses everything unseen there, as documented.
      for (Account* account : accounts_to_trouble()) {
        for_a_while([&] { account->token_refused = true; },
                    [this, account] {
                      account->token_refused = false;
                      if (random_.below(2) == 0) turn(TokenChanged{account->spec.id});
                    });
      }
      return;
    case Trouble::listener_slow:
      for (Account* account : accounts_to_trouble())
        for_a_while([&] { account->answers_after = random_.between(25s, 200s); },
                    [account] { account->answers_after = {}; });
      return;
    case Trouble::listener_throttle:
      for (Account* account : accounts_to_trouble())
        for_a_while([&] { account->throttles = true; }, [account] { account->throttles = false; });
      return;
    case Trouble::disk_full_aside:  // Some of it was looked at and dropped. A restart may find it full again.
      aside_before_ = 0;
      return turn(SetAsideSize{aside_bytes_});
    case Trouble::disk_failures:
      return for_a_while([&] { disk_fails_ = true; }, [this] { disk_fails_ = false; });
    case Trouble::okta_keys:
      return trouble_keys();
    case Trouble::okta_tokens:
      trouble_tokens(org);
      return for_a_while([&] { org.token_endpoint_fails = true; },
                         [&org] { org.token_endpoint_fails = false; });
    case Trouble::reloads:
      return trouble_tenants();
    case Trouble::clock:
      wall_error_ = draw_wall_error();
      return judge_.wall_jumped();
    case Trouble::kills:
      if (!daemon_) return;
      if (random_.below(2) == 0) return kill();
      kill_within_turn_ = true;  // In the midst of what the next turn does.
      return;
    case Trouble::stops:
      if (!daemon_ || stopping_since_) return;
      stopping_since_ = now();
      return turn(Stop{});
    default:
      return;
  }
}

// One, mostly.
std::vector<World::Account*> World::accounts_to_trouble() {
  const std::size_t first = plan_.first_troubled();
  std::vector<Account*> accounts;
  for (std::size_t i = first; i < accounts_.size(); ++i) accounts.push_back(&accounts_[i]);
  if (random_.below(4) == 0) return accounts;
  return {accounts[random_.below(accounts.size())]};
}

void World::trouble_keys() {
  const std::size_t index = random_.below(orgs_.size());
  Org& org = orgs_[index];
  const Key& key = org.keys[random_.below(org.keys.size())];
  const auto state = random_.below(4) == 0 ? model::KeyState::forbidden : model::KeyState::revoked;
  set_key(org, key, state);
  tell(index, [&] { return key.text + " of " + org.name + " is refused from now on"; });
  timeline_.after(random_.between(1min, 6h), [this, index, old = key.text] {
    Org& again = orgs_[index];
    const auto found = std::ranges::find(again.keys, old, &Key::text);
    if (found == again.keys.end() || healed_) return;
    if (random_.below(3) == 0) {
      set_key(again, *found, model::KeyState::good);
      tell(index, [&] { return old + " of " + again.name + " is good again"; });
      return;
    }
    again.okta.forget_key(old);
    *found = make_key(index);
    reload();
  });
}

// An API key, or a service app with or without DPoP.
World::Key World::make_key(std::size_t index) {
  Org& org = orgs_[index];
  const CredentialId id{++keys_made_};
  Key key{.text = "00key" + std::to_string(id.value), .id = id};
  keyring_[id] = {index, key.text};
  if (plan_.service_apps && of_apps_.below(2) == 0) {
    using Proofs = model::ServiceApp::Proofs;
    constexpr std::array proofs{Proofs::required, Proofs::required, Proofs::ignored, Proofs::refused};
    const auto [app, made] = apps_.try_emplace(id, "0oa" + std::to_string(id.value), of_apps_.next());
    org.okta.oauth().add_app({.client_id = app->second.id(),
                              .keys = app->second.keys(),
                              .proofs = proofs[of_apps_.below(proofs.size())],
                              .rsa_proofs_only = of_apps_.below(4) == 0});
  } else {
    org.okta.set_key(key.text, model::KeyState::good);
  }
  return key;
}

// The keyring wipes what leaves the file, and gives it another id when it comes back.
void World::forget_apps(std::size_t index) {
  for (Key& key : orgs_[index].keys) {
    auto app = apps_.extract(key.id);
    if (app.empty()) continue;
    key.id = CredentialId{++keys_made_};
    keyring_[key.id] = {index, key.text};
    app.key() = key.id;
    app.mapped().forget_token();
    apps_.insert(std::move(app));
  }
}

void World::set_key(Org& org, const Key& key, model::KeyState state) {
  const auto client = apps_.find(key.id);
  if (client == apps_.end()) return org.okta.set_key(key.text, state);
  model::ServiceApp& app = org.okta.oauth().app(client->second.id());
  app.keys = state == model::KeyState::revoked ? std::vector<model::RegisteredKey>() : client->second.keys();
  app.scope_granted = state != model::KeyState::forbidden || of_apps_.below(2) == 0;
  app.has_role = state != model::KeyState::forbidden || !app.scope_granted;
  if (state == model::KeyState::revoked) org.okta.oauth().revoke_tokens();
}

void World::trouble_tokens(Org& org) {
  if (of_apps_.below(2) == 0) org.okta.oauth().revoke_tokens();
  if (of_apps_.below(2) == 0) org.okta.oauth().forget_nonces();
}

void World::trouble_tenants() {
  for (std::size_t i = 1; i < orgs_.size(); ++i) {
    if (random_.below(orgs_.size()) >= 3) continue;
    orgs_[i].in_file = !orgs_[i].in_file;
    if (!orgs_[i].in_file) forget_apps(i);
  }
  // How many changes of the account or of the fields are judged, one bit each.
  constexpr int changes_max = 60;
  if (changes_ < changes_max && random_.below(2) == 0) {
    ++changes_;
    const std::size_t index = random_.below(orgs_.size());
    draw_entry(orgs_[index], index);
  }
  reload();
}

void World::reload() {
  tell(orgs_.size(),
       [&] { return "the tenants file changes: " + std::to_string(file().tenants.size()) + " tenants"; });
  for (std::size_t i = 0; i < orgs_.size(); ++i) tell_judge_entry(i);
  if (daemon_) {
    for (const DestinationSpec& spec : file().destinations) account_of(spec.id).known = true;
  }
  turn(Reload{file()});
}

// The phases.

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
  judge_.judge_apart(true_wall());
  disk_fails_ = kill_within_turn_ = false;
  for (Account& account : accounts_) {
    account.down = account.token_refused = account.throttles = false;
    account.answers_after = {};
  }
  for (std::size_t i = 0; i < orgs_.size(); ++i) {
    Org& org = orgs_[i];
    org.unreachable = org.refuses_cursors = false;
    org.slow_from = 0;
    org.in_file = true;
    for (Key& key : org.keys) key = make_key(i);
    org.token_endpoint_fails = false;
  }
  aside_before_ = 0;
  if (!daemon_ || once_) {
    if (daemon_) kill();
    start();
  }
  reload();
  turn(SetAsideSize{aside_bytes_});
  for (const Account& account : accounts_) turn(TokenChanged{account.spec.id});
}

void World::drain_backlog() {
  const std::vector<WallTime> until = okta_times();
  const Instant end = now() + drain_budget;
  constexpr Duration look_every = 1min;
  for (;;) {
    auto left = judge_.first_unsettled(until);
    if (const std::string pushed = hook_judge_.first_unsettled(); !left && !pushed.empty())
      left = Violation{pushed};
    if (!left) return;
    if (now() >= end) {
      left->text = "not drained " + describe(drain_budget) + " after everything healed: " + left->text;
      throw std::move(*left);
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
  if (plan_.has(Trouble::clock)) wall_error_ = draw_wall_error();
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
