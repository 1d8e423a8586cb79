#include "logzio_okta/flow/scheduler.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/hook_ledger.hpp"
#include "logzio_okta/flow/hook_stream.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/flow/poller.hpp"
#include "logzio_okta/flow/shipper.hpp"
#include "logzio_okta/flow/twins.hpp"
#include "logzio_okta/okta/hook.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {

std::string_view name_of(TenantState state) {
  switch (state) {
    case TenantState::opening:
      return "opening";
    case TenantState::following:
      return "following";
    case TenantState::limited:
      return "limited";
    case TenantState::held:
      return "held";
    case TenantState::backing_off:
      return "backing off";
    case TenantState::refused:
      return "refused";
    case TenantState::finished:
      return "finished";
    case TenantState::stopped:
      return "stopped";
  }
  return "";
}

namespace {

constexpr int exit_ok = 0;
constexpr int exit_once_unfinished = 69;
constexpr int exit_unanswered = 75;
constexpr Duration save_grace = 800ms;  // After stop_grace, for the last saves.
constexpr Duration retention_watch = 1h;
constexpr Duration fresh_bulk_pause = 10min;  // A tenant's question for one may find nothing.
constexpr Duration fresh_bulk_refused = 1h;   // It found something, which may be refused like the rest.
constexpr Duration flow_grace =
    50s;  // Past the poll interval; then a tenant without an answer does not flow.
constexpr Duration limited_grace = 15min;  // Likewise, where Okta's rate limit is what keeps it waiting.

void add(EventCounts& total, const EventCounts& part) {
  for (const auto& [name, count] : event_counts) total.*count += part.*count;
}

}  // namespace

struct Scheduler::Impl {
  /// A stream; those of one org share it.
  struct Tenant {
    std::shared_ptr<Org> org;
    Poller poller;
    DestinationId destination;
    std::set<DestinationId> left_behind{};      ///< Where lines of before a reload may still be on their way.
    std::size_t reserve = limits::ask_reserve;  ///< For an answer on its way.
    bool retired = false;                       ///< Removed by a reload; its last pages are on their way.
    bool abandoned = false;                     ///< Retired, and they will not arrive.
    Instant fresh_bulk_at{};  ///< In trouble of the destination: when it may ask for a fresh bulk.
    bool gave_up = false;     ///< --once: nothing more is to be had from it.
    std::uint64_t delivered_at_summary = 0;

    /// What a full page of such events would weigh, and a quarter more.
    void learn_reserve(std::size_t wire_bytes, std::size_t events) {
      constexpr std::size_t telling = 20;  // A few events compress worse than a page does.
      if (events < telling) return;
      const std::size_t page = wire_bytes / events * limits::page_events_max;
      reserve = std::clamp(page + page / 4, limits::ask_reserve_min, limits::answer_bytes_max);
    }
  };
  /// An org that pushes and is not polled, to one destination.
  struct HookedOrg {
    HookStream stream;
    bool probed = false;  ///< In trouble of the destination: gave it a fresh bulk.
  };
  struct LeftOrg {
    Domain domain;
    std::shared_ptr<Org> org;
    Instant until;
  };
  struct Ask {
    StreamId stream;
    CredentialId key;
    DestinationId destination;
    Instant asked;
    std::size_t reserve = 0;  ///< Of the memory budget.
    bool keep_alive = false;  ///< Only to use the key; its page is not looked at.
  };

  Impl(Now now, SchedulerOptions options_given)
      : options(std::move(options_given)),
        random(options.seed),
        started(now),
        now_steady(now.steady),
        summary_at(now.steady + limits::summary_interval),
        retention_at(now.steady + retention_watch) {}

  // ---- Inputs

  void on(Now, Tick&&) {}
  void on(Now now, OktaAnswer&& answer);
  void on(Now now, BulkAnswer&& answer) {
    for (auto& [id, shipper] : shippers) shipper.answered(now, answer.id, answer.result);
  }
  void on(Now now, Opened&& opened);
  void on(Now now, WindowRead&& read) {
    if (Tenant* tenant = find(read.stream)) tenant->poller.window_read(now, read);
  }
  void on(Now now, Saved&& saved) {
    saving_fails = false;
    saving_error.clear();
    if (Tenant* tenant = find(saved.stream)) tenant->poller.saved(now, saved.number);
    const auto hooked = hooked_orgs.find(saved.stream);
    if (hooked != hooked_orgs.end()) hooked->second.stream.saved(saved.number);
  }
  void on(Now now, SaveFailed&& failed);
  void on(Now, SetAsideSize&& size) {
    share.set_aside_bytes = size.bytes;
    for (auto& [id, shipper] : shippers) shipper.room_changed();
  }
  void on(Now now, Reload&& reload) {
    if (!stop_at) take_roster(now, reload.roster);
  }
  void on(Now now, TokenChanged&& changed) {
    const auto found = shippers.find(changed.destination);
    if (found != shippers.end()) found->second.token_changed(now);
  }
  void on(Now now, HookArrived&& arrived);
  void on(Now now, Spooled&& spooled);
  void on(Now now, SpoolRead&& read);
  void on(Now, SpoolFound&& found);
  void on(Now now, HookVerified&& verified) { say(hooks.verified(now, verified.let_in)); }
  void on(Now now, HooksRefused&& refused) { say(hooks.refused(now, refused.kind, refused.count)); }
  void on(Now now, Stop&&);

  // ---- After every input

  void settle_and_collect(Now now);
  void pump(Now now);
  void grant(Now now);
  void keep_keys_alive(Now now);
  void ask(Now now, StreamId stream, Tenant& tenant, CredentialId key, std::string target, bool keep_alive);
  [[nodiscard]] Instant may_fetch_from(const Tenant& tenant) const;
  [[nodiscard]] std::size_t memory_used() const;
  [[nodiscard]] bool has_room_for(const Tenant& tenant) const;
  void give_up_where_stuck(Now now);
  void tell_once_results(Now now);
  void finish_if_stopped(Now now);
  void tell_summaries(Now now);
  void watch_retention(Now now, const std::shared_ptr<Org>& org);
  void watch_clock(Now now, const Tenant& tenant);
  void tell_twin(const std::string& domain);
  void take_roster(Now now, const Roster& roster);
  void take_destinations(const std::vector<DestinationSpec>& specs);
  void take_tenant(Now now, const TenantSpec& spec);
  void name_destinations();
  void retire(Tenant& tenant, StreamId stream);
  void bring_along(Now now);
  void abandon_if_stuck(Now now, StreamId stream, Tenant& tenant);
  void drop_retired(Now now);
  void remember_org(Now now, const Tenant& tenant);

  void keep(Now now, const HookArrived& arrived, const Hook& hook);
  HookStream& hook_stream(const HookRoute& route, const DestinationSpec& destination,
                          const SpoolFound::Stream& found);
  void read_spool();
  [[nodiscard]] bool may_read(const HookedOrg& hooked) const;
  [[nodiscard]] bool serves_hooks(DestinationId destination) const;
  [[nodiscard]] std::size_t spool_bytes() const;
  void say(std::optional<Note> note) {
    if (note) outputs.emplace_back(std::move(*note));
  }
  void refuse_hook(Now now, HookId id, HookRefusal kind, int status, std::string why);

  [[nodiscard]] Tenant* find(StreamId stream);
  [[nodiscard]] Tenant* find(const Domain& domain);
  [[nodiscard]] Shipper& shipper_of(const Tenant& tenant) { return shippers.at(tenant.destination); }
  [[nodiscard]] const Shipper& shipper_of(const Tenant& tenant) const {
    return shippers.at(tenant.destination);
  }
  [[nodiscard]] std::shared_ptr<Org> org_of(const Domain& domain) const;
  [[nodiscard]] std::vector<std::string> served_by(DestinationId destination) const;
  [[nodiscard]] OrgFacts facts(const Tenant& tenant) const;
  [[nodiscard]] bool once_done() const;
  [[nodiscard]] TenantReport report_of(const Tenant& tenant, Now now) const;
  [[nodiscard]] bool flows(const TenantReport& tenant, Now now) const;
  void note(Level level, std::string text) {
    outputs.emplace_back(Note{.level = level, .tenant = {}, .text = std::move(text)});
  }

  SchedulerOptions options;
  Random random;
  ShippersShare share;
  std::map<DestinationId, Shipper> shippers;
  Now started;
  Instant now_steady;
  std::map<StreamId, Tenant> tenants;  ///< In the order they were first named.
  std::vector<StreamId> order;         ///< As in the file.
  std::map<RequestId, Ask> asks;
  std::uint64_t last_stream = 0;
  std::uint64_t last_request = 0;
  std::deque<Output> outputs;
  PageReader reader;
  EventCounts retired_counts;
  std::vector<LeftOrg> left_orgs;  ///< Of tenants that have left the file not long ago.
  HookLedger hooks;
  std::map<StreamId, HookedOrg> hooked_orgs;

  bool saving_fails = false;
  std::string saving_error;
  Complaint save_trouble;
  Complaint clock_trouble;
  Twins twins;
  std::optional<Instant> stop_at;  ///< When the grace is over.
  bool finished = false;           ///< The last saves are made.
  bool unanswered = false;
  Instant summary_at;
  Instant retention_at;
};

// ---- Inputs

void Scheduler::Impl::on(Now now, OktaAnswer&& answer) {
  const auto found = asks.find(answer.id);
  if (found == asks.end()) return;  // Cancelled.
  const Ask ask = found->second;
  asks.erase(found);
  Tenant* tenant = find(ask.stream);
  if (!tenant) return;
  OrgFacts org;
  // When it was asked by our clock as it is now: it may have been set since.
  const WallTime asked_wall = now.wall - to_ms(now.steady - ask.asked);
  const bool clock_is_new = !tenant->org->clock();
  OktaResult reply = read_reply(std::move(answer.result));
  const Standing standing = tenant->org->answered(now, asked_wall, ask.key, reply);
  org = facts(*tenant);
  org.standing = standing;
  org.date = tenant->org->date();
  if (org.date) watch_clock(now, *tenant);
  if (org.date && clock_is_new) watch_retention(now, tenant->org);
  if (ask.keep_alive) {
    if (standing == Standing::limited) tenant->poller.keep_quiet(now, org);
    if (standing == Standing::unauthorized) {
      outputs.emplace_back(Note{
          .level = Level::error,
          .tenant = tenant->poller.domain().name(),
          .text = "a key that is not in use at the moment is refused (401): " + tenant->poller.key_cure()});
    }
    return;
  }
  if (!tenant->poller.asking()) return;
  const std::size_t wire_bytes = reply ? reply->answer.body.size() : 0;
  if (!reply) tenant->reserve = std::min(tenant->reserve, limits::ask_reserve);
  const auto batch = tenant->poller.answered(now, std::move(reply), org, reader);
  // What is in flight must be noted before it is sent.
  while (auto output = tenant->poller.next_output()) outputs.push_back(std::move(*output));
  if (batch) {
    tenant->learn_reserve(wire_bytes, batch->events.size());
    tell_twin(tenant->poller.domain().name());
    shipper_of(*tenant).take(now, *batch);
    tenant->fresh_bulk_at = now.steady + fresh_bulk_refused;
  } else if (!tenant->poller.at_tail()) {
    tenant->fresh_bulk_at = {};  // What is fresh lies further on.
  }
  reader.let_go();
}

void Scheduler::Impl::on(Now now, Opened&& opened) {
  const auto hooked = hooked_orgs.find(opened.stream);
  if (hooked != hooked_orgs.end()) return hooked->second.stream.opened(opened);
  Tenant* tenant = find(opened.stream);
  if (!tenant) return;
  if (opened.place) {
    tenant->org->restore(now, opened.place->quiet_until,
                         std::chrono::milliseconds(opened.place->okta_offset_ms));
  }
  tenant->poller.opened(now, opened, started.steady - options.running_for, facts(*tenant));
  if (opened.place) tenant->poller.watch_retention(now, facts(*tenant));
}

void Scheduler::Impl::on(Now now, SaveFailed&& failed) {
  saving_fails = true;
  saving_error = failed.text;
  if (save_trouble.failed(now.steady, failed.text)) {
    note(Level::error, "the state cannot be saved: " + failed.text +
                           ". Nothing more is asked or delivered until it can; nothing is lost");
  }
}

// The event itself comes by the System Log: complete, in order, once.
void Scheduler::Impl::on(Now now, HookArrived&& arrived) {
  hooks.received(now);
  const auto hook = read_hook(arrived.body, reader.cutter());
  if (!hook && hook.error().too_many)
    return refuse_hook(now, arrived.id, HookRefusal::too_large, 413, hook.error().text);
  if (!hook) return refuse_hook(now, arrived.id, HookRefusal::malformed, 400, hook.error().text);
  Tenant* tenant = find(hook->source);
  const auto& accounts = arrived.accounts;
  if (!accounts.empty() && (!tenant || std::ranges::find(accounts, tenant->destination) == accounts.end())) {
    return refuse_hook(now, arrived.id, HookRefusal::source, 403, "this org's hooks want another token");
  }
  if (!tenant && std::ranges::find(options.hook_orgs, hook->source) != options.hook_orgs.end())
    return keep(now, arrived, *hook);
  if (!tenant) {
    return refuse_hook(now, arrived.id, HookRefusal::source, 403, "this org's hooks are not taken here");
  }
  std::optional<WallTime> published;
  for (const EventSlice& event : reader.events()) published = std::max(published, event.published_at);
  tenant->poller.hook_arrived(now, published, tenant->org->pace(now.steady));
  hooks.woke();
  outputs.emplace_back(AnswerHook{.id = arrived.id, .status = 204, .why = {}});
}

void Scheduler::Impl::refuse_hook(Now now, HookId id, HookRefusal kind, int status, std::string why) {
  outputs.emplace_back(AnswerHook{.id = id, .status = status, .why = std::move(why)});
  say(hooks.refused(now, kind, 1));
}

// Its own events go out: nobody else will bring them.
void Scheduler::Impl::keep(Now now, const HookArrived& arrived, const Hook& hook) {
  const std::size_t bytes = HookStream::bytes_charged(reader.events());
  const bool full = spool_bytes() + bytes > options.spool_bytes_max;
  if (full) {
    say(hooks.cannot_keep(now, "the spool is full (" + std::to_string(options.spool_bytes_max / limits::MiB) +
                                   " MiB), as the listener takes less than comes"));
  }
  std::size_t arriving = bytes;
  for (const auto& [id, hooked] : hooked_orgs) arriving += hooked.stream.arriving_bytes();
  if (full || stop_at || arriving > limits::hook_bodies_bytes_max) {
    return refuse_hook(now, arrived.id, HookRefusal::unavailable, 503, "it cannot be kept now; try again");
  }
  const HookRoute route{.source = hook.source, .region = arrived.region};
  hook_stream(route, arrived.destination, {.route = route, .destination = {}, .oldest = {}})
      .deliver(now, arrived.id, hook, reader.events());
}

HookStream& Scheduler::Impl::hook_stream(const HookRoute& route, const DestinationSpec& destination,
                                         const SpoolFound::Stream& found) {
  const auto known = std::ranges::find_if(
      hooked_orgs, [&](const auto& each) { return each.second.stream.route() == route; });
  if (known != hooked_orgs.end()) return known->second.stream;
  take_destinations({destination});
  name_destinations();
  const StreamId id{++last_stream};
  HookStream& stream = hooked_orgs.emplace(id, HookedOrg{.stream = HookStream(id, route, destination.id)})
                           .first->second.stream;
  stream.start(found);
  return stream;
}

void Scheduler::Impl::on(Now now, Spooled&& spooled) {
  const auto hooked = hooked_orgs.find(spooled.stream);
  CHECK(hooked != hooked_orgs.end());
  AnswerHook answer = hooked->second.stream.spooled(spooled);
  if (spooled.kept) {
    hooks.spooled();
    say(hooks.can_keep(now));
    outputs.emplace_back(std::move(answer));
  } else {
    say(hooks.cannot_keep(now, spooled.why_not));
    refuse_hook(now, answer.id, HookRefusal::unavailable, answer.status, std::move(answer.why));
  }
}

void Scheduler::Impl::on(Now now, SpoolRead&& read) {
  const auto hooked = hooked_orgs.find(read.stream);
  CHECK(hooked != hooked_orgs.end());
  HookStream& stream = hooked->second.stream;
  stream.rows_read(read, reader.cutter(),
                   [&](const Batch& batch) { shippers.at(stream.destination()).take(now, batch); });
}

// --once is for what Okta has; the spool waits for the next daemon.
void Scheduler::Impl::on(Now /*now*/, SpoolFound&& found) {
  if (options.policy.once) return;
  for (const SpoolFound::Stream& each : found.streams) hook_stream(each.route, each.destination, each);
}

// As for a tenant: while its destination is in trouble nothing is read but what shows whether it refuses just
// this bulk. One that holds nothing always has room for a little.
bool Scheduler::Impl::may_read(const HookedOrg& hooked) const {
  if (saving_fails || stop_at || !hooked.stream.wants_rows()) return false;
  const Shipper& shipper = shippers.at(hooked.stream.destination());
  const bool room =
      shipper.held_bytes() == 0 || memory_used() + limits::spool_read_bytes_max <= limits::memory_budget;
  return room && (shipper.healthy() || (shipper.wants_fresh_bulk() && !hooked.probed));
}

void Scheduler::Impl::read_spool() {
  for (auto& [id, hooked] : hooked_orgs) {
    const bool healthy = shippers.at(hooked.stream.destination()).healthy();
    if (healthy) hooked.probed = false;
    if (!may_read(hooked)) continue;
    hooked.probed = !healthy;
    hooked.stream.read();
  }
}

bool Scheduler::Impl::serves_hooks(DestinationId destination) const {
  return std::ranges::any_of(
      hooked_orgs, [&](const auto& each) { return each.second.stream.destination() == destination; });
}

std::size_t Scheduler::Impl::spool_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, hooked] : hooked_orgs) bytes += hooked.stream.waiting_bytes();
  return bytes;
}

void Scheduler::Impl::on(Now now, Stop&&) {
  if (stop_at) return;
  stop_at = now.steady + limits::stop_grace;
  for (const auto& [id, ask] : asks) outputs.emplace_back(CancelAsk{id});
  asks.clear();
  for (auto& [stream, tenant] : tenants) tenant.poller.stop();
  for (auto& [stream, hooked] : hooked_orgs) hooked.stream.stop();
  for (auto& [id, shipper] : shippers) shipper.stop();
}

// ---- After every input

void Scheduler::Impl::settle_and_collect(Now now) {
  for (auto& [id, shipper] : shippers) {
    shipper.pause(saving_fails || finished);
    shipper.advance(now);
    while (auto settlement = shipper.next_settlement()) {
      const auto hooked = hooked_orgs.find(settlement->stream);
      if (hooked != hooked_orgs.end()) {
        hooked->second.stream.settled(now, *settlement);
        continue;
      }
      Tenant* tenant = find(settlement->stream);
      CHECK(tenant != nullptr);
      tenant->poller.settled(now, *settlement, facts(*tenant));
    }
    while (auto output = shipper.next_output()) outputs.push_back(std::move(*output));
  }
  for (auto& [stream, tenant] : tenants) {
    while (auto output = tenant.poller.next_output()) outputs.push_back(std::move(*output));
  }
  for (auto& [stream, hooked] : hooked_orgs) {
    while (auto output = hooked.stream.next_output()) outputs.push_back(std::move(*output));
  }
}

void Scheduler::Impl::pump(Now now) {
  now_steady = now.steady;
  if (!saving_fails) {
    if (const auto lasted = save_trouble.healed(now.steady)) {
      note(Level::info, "the state can be saved again, after " + describe(*lasted));
    }
  }
  settle_and_collect(now);
  if (!stop_at) {
    bring_along(now);
    for (auto& [stream, tenant] : tenants) {
      if (!tenant.retired && shipper_of(tenant).healthy()) tenant.fresh_bulk_at = {};
    }
    if (options.policy.once) give_up_where_stuck(now);
    grant(now);
    read_spool();
    keep_keys_alive(now);
    tell_summaries(now);
    drop_retired(now);
    if (options.policy.once && once_done()) {
      tell_once_results(now);
      on(now, Stop{});
    }
  }
  for (auto& [id, shipper] : shippers) {
    const auto for_it = [&](const auto& each) { return each.second.destination == id; };
    if (shipper.filling() && std::ranges::none_of(asks, for_it)) shipper.seal();
  }
  if (stop_at) finish_if_stopped(now);
  settle_and_collect(now);
}

std::size_t Scheduler::Impl::memory_used() const {
  std::size_t used = 0;
  for (const auto& [id, shipper] : shippers) used += shipper.held_bytes();
  for (const auto& [id, ask] : asks) used += ask.reserve;
  return used;
}

// Shared fairly: of what a destination's tenants would have by their number, half is kept for them whatever
// the others hold (enough for one question at least), so that a destination that takes nothing for a while
// cannot eat the room of the others.
bool Scheduler::Impl::has_room_for(const Tenant& tenant) const {
  std::map<DestinationId, std::size_t> used;
  std::map<DestinationId, std::size_t> served;
  for (const auto& [id, shipper] : shippers) used[id] = shipper.held_bytes();
  for (const auto& [id, ask] : asks) used[ask.destination] += ask.reserve;
  for (const StreamId stream : order) ++served[tenants.at(stream).destination];
  const auto kept_for = [&](DestinationId id) {
    if (served[id] == 0) return std::size_t{0};
    return std::max(limits::memory_budget * served[id] / order.size() / 2, limits::ask_reserve);
  };
  const std::size_t own = used[tenant.destination];
  std::size_t taken = own;
  std::size_t moving = own;
  for (const auto& [id, bytes] : used) {
    if (id == tenant.destination) continue;
    taken += std::max(bytes, kept_for(id));
    const auto shipper = shippers.find(id);
    if (shipper != shippers.end() && shipper->second.healthy()) moving += bytes;
  }
  // A page that outgrew its share is admitted when nothing else moves that it could wait for.
  if (moving == 0 || taken + tenant.reserve <= limits::memory_budget) return true;
  return used.size() > 1 && own + tenant.reserve <= kept_for(tenant.destination);
}

// While its destination is in trouble or the disk full, Okta is our queue and nothing is asked, except where
// fresh events are needed to learn whether the destination refuses everything or just one bulk.
Instant Scheduler::Impl::may_fetch_from(const Tenant& tenant) const {
  if (saving_fails || !has_room_for(tenant)) return never;
  const Shipper& shipper = shipper_of(tenant);
  if (shipper.healthy()) return Instant{};
  return shipper.wants_fresh_bulk() ? tenant.fresh_bulk_at : never;
}

void Scheduler::Impl::grant(Now now) {
  std::vector<std::pair<StreamId, Tenant*>> wanting;
  for (auto& [stream, tenant] : tenants) {
    if (!tenant.retired && !tenant.gave_up && tenant.poller.wants_to_ask(now, !shipper_of(tenant).healthy()))
      wanting.emplace_back(stream, &tenant);
  }
  std::ranges::sort(wanting, [](const auto& a, const auto& b) {
    const Poller& left = a.second->poller;
    const Poller& right = b.second->poller;
    return std::make_tuple(!left.at_tail(), left.wanting_since()) <
           std::make_tuple(!right.at_tail(), right.wanting_since());
  });
  for (const auto& [stream, tenant] : wanting) {
    if (now.steady < may_fetch_from(*tenant)) continue;
    const auto key = tenant->org->grant(now);
    if (!key) continue;
    if (!shipper_of(*tenant).healthy()) tenant->fresh_bulk_at = now.steady + fresh_bulk_pause;
    ask(now, stream, *tenant, *key, tenant->poller.ask(now), false);
  }
}

void Scheduler::Impl::keep_keys_alive(Now now) {
  if (options.policy.once) return;
  for (auto& [stream, tenant] : tenants) {
    if (tenant.retired) continue;
    if (const auto key = tenant.org->idle_key(now)) {
      ask(now, stream, tenant, *key, clock_target(), true);
    }
  }
}

void Scheduler::Impl::ask(Now now, StreamId stream, Tenant& tenant, CredentialId key, std::string target,
                          bool keep_alive) {
  tenant.org->asked(now, key);
  const RequestId id{++last_request};
  asks.emplace(id, Ask{.stream = stream,
                       .key = key,
                       .destination = tenant.destination,
                       .asked = now.steady,
                       .reserve = keep_alive ? limits::ask_reserve_min : tenant.reserve,
                       .keep_alive = keep_alive});
  outputs.emplace_back(AskOkta{
      .id = id, .credential = key, .origin = tenant.poller.domain().origin(), .target = std::move(target)});
}

// --once: a tenant whose keys are all refused, or that has not moved for five minutes, is left behind; the
// others finish.
void Scheduler::Impl::give_up_where_stuck(Now now) {
  for (auto& [stream, tenant] : tenants) {
    if (tenant.gave_up || tenant.poller.finished()) continue;
    const bool stuck = now.steady >= tenant.poller.last_progress() + limits::once_patience;
    if (!tenant.org->all_refused() && !stuck) continue;
    tenant.gave_up = true;
    outputs.emplace_back(Note{.level = Level::error,
                              .tenant = tenant.poller.domain().name(),
                              .text = stuck ? "no progress for 5 minutes; left unfinished"
                                            : "every key is refused; left unfinished"});
  }
}

bool Scheduler::Impl::once_done() const {
  return std::ranges::all_of(tenants, [](const auto& each) {
    const Tenant& tenant = each.second;
    return tenant.gave_up || tenant.poller.finished();
  });
}

void Scheduler::Impl::tell_once_results(Now now) {
  for (const auto& [stream, tenant] : tenants) {
    if (tenant.gave_up) continue;
    const TenantReport report = tenant.poller.report(now);
    std::string text = "caught up: " + std::to_string(report.events.delivered) + " events delivered";
    if (report.events.set_aside > 0) text += ", " + std::to_string(report.events.set_aside) + " set aside";
    outputs.emplace_back(Note{.level = Level::info, .tenant = report.domain, .text = std::move(text)});
  }
}

void Scheduler::Impl::finish_if_stopped(Now now) {
  const bool quiet = std::ranges::all_of(shippers, [](const auto& each) { return each.second.quiet(); });
  if (finished || (!quiet && now.steady < *stop_at)) return;
  finished = true;
  std::set<StreamId> doubtful;
  for (const auto& [id, shipper] : shippers) doubtful.merge(shipper.doubtful());
  unanswered = !doubtful.empty();
  for (auto& [stream, tenant] : tenants) {
    unanswered = unanswered || tenant.poller.partly_settled();
    tenant.poller.finish(now, doubtful.contains(stream));
  }
  for (auto& [stream, hooked] : hooked_orgs) {
    unanswered = unanswered || hooked.stream.partly_settled();
    hooked.stream.finish(doubtful.contains(stream));
  }
  if (unanswered) {
    note(Level::warn,
         "stopped with a bulk unanswered: its events are sent again at the next start and say "
         "possible_duplicate");
  }
}

void Scheduler::Impl::tell_summaries(Now now) {
  if (now.steady >= summary_at) {
    summary_at = now.steady + limits::summary_interval;
    for (const StreamId stream : order) {
      Tenant& tenant = tenants.at(stream);
      const TenantReport report = report_of(tenant, now);
      std::string text = std::string(name_of(report.state)) + ": " +
                         std::to_string(report.events.delivered - tenant.delivered_at_summary) +
                         " events delivered in 5 min, " + std::to_string(report.events.delivered) +
                         " since the start";
      if (report.newest_event) text += ", newest from " + format_rfc3339(*report.newest_event);
      if (report.behind && *report.behind > 0s) text += ", " + describe(*report.behind) + " behind";
      if (!report.last_error.empty()) text += "; " + report.last_error;
      tenant.delivered_at_summary = report.events.delivered;
      outputs.emplace_back(Note{.level = Level::info, .tenant = report.domain, .text = std::move(text)});
    }
  }
  if (now.steady >= retention_at) {
    retention_at = now.steady + retention_watch;
    for (auto& [stream, tenant] : tenants) tenant.poller.watch_retention(now, facts(tenant));
  }
}

void Scheduler::Impl::watch_retention(Now now, const std::shared_ptr<Org>& org) {
  for (auto& [stream, tenant] : tenants) {
    if (tenant.org == org) tenant.poller.watch_retention(now, facts(tenant));
  }
}

void Scheduler::Impl::tell_twin(const std::string& domain) {
  const std::string twin = twins.brought(domain, reader.events());
  if (twin.empty()) return;
  note(Level::warn, twin + " and " + domain +
                        " are one org, so that each event is delivered twice: keep one of the two domains in "
                        "the tenants file, with both keys if there are two");
}

// The orgs' clocks agree with one another, so that it is ours if one of them says so.
void Scheduler::Impl::watch_clock(Now now, const Tenant& tenant) {
  const auto is_off = [](const Tenant& each) {
    return std::chrono::abs(each.org->offset()) > to_ms(limits::clock_off_max);
  };
  if (is_off(tenant)) {
    const Duration ahead = -tenant.org->offset();
    if (!clock_trouble.failed(now.steady, ahead > 0s ? "ahead" : "behind")) return;
    note(Level::warn,
         "this machine's clock is " + describe(std::chrono::abs(ahead)) +
             (ahead > 0s ? " ahead of" : " behind") + " Okta's, as " + tenant.poller.domain().name() +
             " shows it: set it by NTP. Nothing is lost, for what is saved is dated by Okta's clock");
    return;
  }
  if (!clock_trouble.active() || std::ranges::any_of(tenants | std::views::values, is_off)) return;
  if (clock_trouble.healed(now.steady)) note(Level::info, "this machine's clock agrees with Okta's again");
}

// ---- Tenants and destinations

void Scheduler::Impl::take_roster(Now now, const Roster& roster) {
  take_destinations(roster.destinations);
  order.clear();
  for (const TenantSpec& spec : roster.tenants) take_tenant(now, spec);
  for (auto& [stream, tenant] : tenants) {
    if (!tenant.retired && std::ranges::find(order, stream) == order.end()) retire(tenant, stream);
  }
  name_destinations();
}

void Scheduler::Impl::take_destinations(const std::vector<DestinationSpec>& specs) {
  for (const DestinationSpec& spec : specs) {
    if (!shippers.contains(spec.id)) shippers.try_emplace(spec.id, spec, share, Random(random.next()));
  }
}

void Scheduler::Impl::take_tenant(Now now, const TenantSpec& spec) {
  const auto known = std::ranges::find_if(tenants, [&](const auto& each) {
    const Tenant& tenant = each.second;
    return !tenant.abandoned && tenant.poller.domain() == spec.domain && tenant.poller.query() == spec.query;
  });
  std::shared_ptr<Org> org = org_of(spec.domain);
  const bool was_refused = org && org->all_refused();
  if (org) {
    org->replace_keys(now.steady, spec.credentials);
  } else {
    org =
        std::make_shared<Org>(now.steady, spec.credentials, options.policy.rate_share, Random(random.next()));
  }
  if (known != tenants.end()) {
    Tenant& tenant = known->second;
    order.push_back(known->first);
    if (std::exchange(tenant.retired, false)) tenant.poller.resume(now);
    if (was_refused && !org->all_refused()) tenant.poller.wake(now);
    tenant.poller.take_constants(spec);
    const DestinationId before = std::exchange(tenant.destination, spec.destination);
    if (before != spec.destination) tenant.left_behind.insert(before);
    return;
  }
  const StreamId stream{++last_stream};
  order.push_back(stream);
  Poller poller(stream, spec, options.policy, Random(random.next()));
  const auto [added, fresh] = tenants.emplace(
      stream, Tenant{.org = std::move(org), .poller = std::move(poller), .destination = spec.destination});
  CHECK(fresh && shippers.contains(spec.destination));
  added->second.poller.start(now.steady);
}

std::shared_ptr<Org> Scheduler::Impl::org_of(const Domain& domain) const {
  const auto known =
      std::ranges::find_if(tenants, [&](const auto& each) { return each.second.poller.domain() == domain; });
  if (known != tenants.end()) return known->second.org;
  const auto left = std::ranges::find(left_orgs, domain, &LeftOrg::domain);
  return left != left_orgs.end() ? left->org : nullptr;
}

std::vector<std::string> Scheduler::Impl::served_by(DestinationId destination) const {
  std::vector<std::string> domains;
  for (const StreamId stream : order) {
    const Tenant& tenant = tenants.at(stream);
    if (tenant.destination == destination) domains.push_back(tenant.poller.domain().name());
  }
  return domains;
}

// The listener alone, as long as there is only one account to think of.
void Scheduler::Impl::name_destinations() {
  constexpr std::size_t names_said = 3;
  for (auto& [id, shipper] : shippers) {
    std::string name = shipper.destination().listener.text();
    const std::vector<std::string> domains = served_by(id);
    if (shippers.size() > 1 && !domains.empty()) {
      name += " (for ";
      for (std::size_t i = 0; i < std::min(domains.size(), names_said); ++i)
        name += (i > 0 ? ", " : "") + domains[i];
      if (domains.size() > names_said)
        name += " and " + std::to_string(domains.size() - names_said) + " more";
      name += ")";
    }
    shipper.call_it(std::move(name));
  }
}

void Scheduler::Impl::retire(Tenant& tenant, StreamId stream) {
  tenant.retired = true;
  tenant.left_behind.insert(tenant.destination);
  const bool goes_on = std::ranges::any_of(
      order, [&](StreamId each) { return tenants.at(each).poller.domain() == tenant.poller.domain(); });
  tenant.poller.stop();
  if (goes_on) tenant.poller.overtaken();
  std::erase_if(asks, [&](const auto& each) {
    const auto& [id, ask] = each;
    if (ask.stream != stream) return false;
    tenant.org->cancelled();
    outputs.emplace_back(CancelAsk{id});
    return true;
  });
  outputs.emplace_back(
      Note{.level = goes_on ? Level::warn : Level::info,
           .tenant = tenant.poller.domain().name(),
           .text = goes_on ? "its filter was changed: a stream of its own begins; the place under the old "
                             "filter is kept, and goes on from there if that comes back"
                           : "no longer in the tenants file; its place is kept"});
}

// What a destination in trouble holds of a tenant goes where the tenant's events go now.
void Scheduler::Impl::bring_along(Now now) {
  for (auto& [stream, tenant] : tenants) {
    std::erase_if(tenant.left_behind, [&](DestinationId id) {
      const auto from = shippers.find(id);
      return from == shippers.end() || !from->second.holds(stream);
    });
    if (tenant.retired) {
      abandon_if_stuck(now, stream, tenant);
      continue;
    }
    std::erase_if(tenant.left_behind, [&](DestinationId id) {
      if (id == tenant.destination) return true;
      Shipper& from = shippers.at(id);
      if (from.healthy() || stop_at || from.settles(stream)) return false;
      const std::vector<GivenLine> lines = from.give_back(stream);
      for (const GivenLine& given : lines) {
        if (given.record.mark.possible_duplicate) tenant.poller.may_have_arrived(given.page);
      }
      shipper_of(tenant).take_over(now, stream, tenant.poller.constants(), lines);
      return !from.holds(stream);
    });
  }
}

// All of it at once or nothing: of a tenant that comes back to the file every page must still arrive.
void Scheduler::Impl::abandon_if_stuck(Now now, StreamId stream, Tenant& tenant) {
  const bool stuck = std::ranges::all_of(tenant.left_behind, [&](DestinationId id) {
    const Shipper& from = shippers.at(id);
    return !from.healthy() && served_by(id).empty() && from.can_give_back(stream);
  });
  if (!stuck || stop_at || tenant.left_behind.empty()) return;
  bool doubtful = false;
  for (const DestinationId id : std::exchange(tenant.left_behind, {})) {
    doubtful |= std::ranges::any_of(shippers.at(id).give_back(stream), [](const GivenLine& given) {
      return given.record.mark.possible_duplicate;
    });
  }
  tenant.poller.abandon(now, doubtful);
  tenant.abandoned = true;
}

void Scheduler::Impl::drop_retired(Now now) {
  std::erase_if(tenants, [&](const auto& each) {
    const auto& [stream, tenant] = each;
    if (!tenant.retired || !tenant.poller.drained()) return false;
    add(retired_counts, tenant.poller.report({}).events);
    remember_org(now, tenant);
    return true;
  });
  std::erase_if(shippers, [&](const auto& each) {
    const auto& [id, shipper] = each;
    if (!shipper.empty() || !served_by(id).empty() || serves_hooks(id)) return false;
    outputs.emplace_back(ForgetDestination{id});
    return true;
  });
}

// A tenant may come back with the next reload, and what its org asked of us holds then too. Refused keys are
// not remembered: who takes a tenant out and puts it back wants them tried.
void Scheduler::Impl::remember_org(Now now, const Tenant& tenant) {
  std::erase_if(left_orgs, [&](const LeftOrg& left) {
    return left.until <= now.steady || left.domain == tenant.poller.domain();
  });
  if (tenant.org->all_refused() || left_orgs.size() >= limits::tenants_max) return;
  left_orgs.push_back(
      {.domain = tenant.poller.domain(), .org = tenant.org, .until = now.steady + limits::rate_wait_max});
}

Scheduler::Impl::Tenant* Scheduler::Impl::find(StreamId stream) {
  const auto found = tenants.find(stream);
  return found != tenants.end() ? &found->second : nullptr;
}

Scheduler::Impl::Tenant* Scheduler::Impl::find(const Domain& domain) {
  const auto found = std::ranges::find_if(tenants, [&](const auto& each) {
    return !each.second.retired && each.second.poller.domain() == domain;
  });
  return found != tenants.end() ? &found->second : nullptr;
}

OrgFacts Scheduler::Impl::facts(const Tenant& tenant) const {
  return {.standing = Standing::fine,
          .all_keys_refused = tenant.org->all_refused(),
          .quiet_until = tenant.org->quiet_until(),
          .offset = tenant.org->offset(),
          .clock = tenant.org->clock(),
          .date = {}};
}

TenantReport Scheduler::Impl::report_of(const Tenant& tenant, Now now) const {
  TenantReport report = tenant.poller.report(now);
  report.rate_limit = tenant.org->limit();
  report.rate_remaining = tenant.org->remaining();
  report.rate_spent = static_cast<std::uint64_t>(tenant.org->spent());
  report.keys = tenant.org->keys();
  report.keys_refused = tenant.org->keys_refused();
  if (tenant.org->clock()) report.clock_ahead = -tenant.org->offset();
  if (report.state != TenantState::following && report.state != TenantState::backing_off) return report;
  if (tenant.org->all_refused()) {
    report.state = TenantState::refused;
  } else if (!tenant.poller.asking() &&
             (saving_fails || !shipper_of(tenant).healthy() || tenant.poller.held_up(now))) {
    report.state = TenantState::held;
    report.next_ask.reset();
    // Nobody asks Okta meanwhile, so that the last answer is as far as anybody knows.
    if (report.last_answer)
      report.behind = std::max<Duration>(report.behind.value_or(0s), now.wall - *report.last_answer);
  } else if (report.next_ask) {
    const Instant chance = tenant.org->next_chance(now);
    if (chance > now.steady + *report.next_ask) {
      report.state = TenantState::limited;
      report.next_ask = chance - now.steady;
    }
  }
  return report;
}

bool Scheduler::Impl::flows(const TenantReport& tenant, Now now) const {
  switch (tenant.state) {
    case TenantState::limited:
      return tenant.last_answer && *tenant.last_answer + to_ms(limited_grace) >= now.wall;
    case TenantState::finished:
      return tenant.last_answer.has_value();
    case TenantState::held:
    case TenantState::following:
      return tenant.last_answer &&
             *tenant.last_answer + to_ms(options.policy.poll_interval + flow_grace) >= now.wall;
    case TenantState::opening:
    case TenantState::backing_off:
    case TenantState::refused:
    case TenantState::stopped:
      return false;
  }
  return false;
}

// ---- The door

Scheduler::Scheduler(Now now, SchedulerOptions options, const Roster& roster)
    : impl_(std::make_unique<Impl>(now, std::move(options))) {
  impl_->take_roster(now, roster);
  impl_->pump(now);
}

Scheduler::~Scheduler() = default;
Scheduler::Scheduler(Scheduler&&) noexcept = default;

void Scheduler::handle(Now now, Input input) {
  std::visit([&](auto&& each) { impl_->on(now, std::forward<decltype(each)>(each)); }, std::move(input));
  impl_->pump(now);
}

std::optional<Output> Scheduler::next_output() {
  if (impl_->outputs.empty()) return std::nullopt;
  Output output = std::move(impl_->outputs.front());
  impl_->outputs.pop_front();
  return output;
}

Instant Scheduler::deadline() const {
  const Impl& self = *impl_;
  Instant when = never;
  for (const auto& [id, shipper] : self.shippers) when = std::min(when, shipper.deadline());
  if (self.stop_at) return std::min(when, self.finished ? *self.stop_at + save_grace : *self.stop_at);
  when = std::min({when, self.summary_at, self.retention_at});
  const Now now{.steady = self.now_steady, .wall = {}};
  for (const auto& [stream, tenant] : self.tenants) {
    if (tenant.retired || tenant.gave_up) continue;
    if (self.options.policy.once && tenant.poller.finished()) continue;
    if (self.options.policy.once) {
      when = std::min(when, tenant.poller.last_progress() + limits::once_patience);
    } else {
      when = std::min(when, tenant.org->next_idle_key());
    }
    const Instant wants = tenant.poller.deadline();
    if (wants == never) continue;
    // Wanting already but not granted: only the org's budget passes by time alone; room comes with other
    // inputs.
    if (wants > self.now_steady) {
      when = std::min(when, wants);
    } else if (tenant.poller.wants_to_ask(now, !self.shipper_of(tenant).healthy())) {
      when = std::min(when, std::max(tenant.org->next_chance(now), self.may_fetch_from(tenant)));
    }
  }
  return when;
}

bool Scheduler::at_rest() const {
  const Impl& self = *impl_;
  return self.finished && (clean() || self.now_steady >= *self.stop_at + save_grace);
}

int Scheduler::exit_code() const {
  const Impl& self = *impl_;
  const bool left_behind =
      std::ranges::any_of(self.tenants, [](const auto& each) { return each.second.gave_up; });
  if (left_behind) return exit_once_unfinished;
  return self.unanswered ? exit_unanswered : exit_ok;
}

bool Scheduler::clean() const {
  return std::ranges::none_of(impl_->tenants,
                              [](const auto& each) { return each.second.poller.saves_pending(); }) &&
         std::ranges::none_of(impl_->hooked_orgs,
                              [](const auto& each) { return each.second.stream.saves_pending(); });
}

Report Scheduler::report(Now now) const {
  const Impl& self = *impl_;
  Report report;
  report.at = now.wall;
  report.started = self.started.wall;
  report.total = self.retired_counts;
  bool flowing = false;
  for (const StreamId stream : self.order) {
    const Impl::Tenant& tenant = self.tenants.at(stream);
    TenantReport& each = report.tenants.emplace_back(self.report_of(tenant, now));
    each.flowing = self.flows(each, now);
    flowing = flowing || each.flowing;
    if (!self.shipper_of(tenant).healthy()) each.flowing = false;
  }
  for (const auto& [stream, tenant] : self.tenants) add(report.total, tenant.poller.report(now).events);
  bool takes = false;
  for (const auto& [id, shipper] : self.shippers) {
    DestinationReport& destination = report.destinations.emplace_back(shipper.report());
    destination.tenants = self.served_by(id);
    takes = takes || (destination.healthy && !destination.tenants.empty());
  }
  report.hooks = self.hooks.report();
  report.hooks.listening = self.options.hooks;
  for (const auto& [stream, hooked] : self.hooked_orgs) {
    report.hooks.streams.push_back(hooked.stream.report());
    add(report.total, report.hooks.streams.back().events);
  }
  report.memory_used = self.memory_used();
  report.set_aside_bytes = self.share.set_aside_bytes;
  report.saving_fails = self.saving_fails;
  report.stopping = self.stop_at.has_value();
  if (report.stopping) {
    report.not_ready_because = "stopping";
  } else if (self.saving_fails) {
    report.not_ready_because = "the state cannot be saved: " + self.saving_error;
  } else if (!takes) {
    report.not_ready_because =
        "the listener does not take" +
        (report.destinations.empty() ? std::string() : ": " + report.destinations.front().state);
    if (!report.destinations.empty() && !report.destinations.front().last_error.empty())
      report.not_ready_because += " (" + report.destinations.front().last_error + ")";
  } else if (!flowing) {
    report.not_ready_because = "no tenant flows";
    const auto telling =
        std::ranges::find_if_not(report.tenants, &std::string::empty, &TenantReport::last_error);
    if (telling != report.tenants.end())
      report.not_ready_because += "; " + telling->domain + ": " + telling->last_error;
  }
  report.ready = report.not_ready_because.empty();
  return report;
}

}  // namespace logzio_okta
