#include "logzio_okta/flow/scheduler.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/asks.hpp"
#include "logzio_okta/flow/hook_orgs.hpp"
#include "logzio_okta/flow/memory.hpp"
#include "logzio_okta/flow/mintings.hpp"
#include "logzio_okta/flow/once.hpp"
#include "logzio_okta/flow/reporting.hpp"
#include "logzio_okta/flow/roster.hpp"
#include "logzio_okta/flow/source.hpp"
#include "logzio_okta/flow/watch.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {
namespace {

constexpr Duration save_grace = 800ms;        // After stop_grace, for the last saves.
constexpr Duration fresh_bulk_pause = 10min;  // A tenant's question for one may find nothing.
constexpr Duration fresh_bulk_refused = 1h;   // It found something, which may be refused like the rest.

}  // namespace

struct Scheduler::Impl {
  Impl(Now now, SchedulerOptions options_given)
      : options(std::move(options_given)),
        started(now),
        now_steady(now.steady),
        asks(memory),
        roster(options.policy, Random(options.seed),
               options.shared_state ? std::nullopt : std::optional(now.steady - options.running_for), memory,
               asks, outputs),
        mintings(roster, outputs),
        hooks(options.hook_orgs, options.hook_fields, options.spool_bytes_max, options.shared_state, roster,
              outputs),
        watch(now.steady, roster, outputs) {}

  void on(Now, Tick&&) {}
  void on(Now now, OktaAnswer&& answer);
  void on(Now now, TokenAnswer&& answer) { mintings.answered(now, answer); }
  void on(Now now, BulkAnswer&& answer);
  void on(Now now, Opened&& opened) {
    if (Source* source = followed(opened.stream)) source->opened(now, opened);
  }
  void on(Now, HeldBy&& held);
  void on(Now now, Lost&& lost);
  void on(Now, GiveWay&& give_way);
  void on(Now now, WindowRead&& read) {
    Tenant* tenant = roster.find(read.stream);
    if (tenant && !tenant->lost()) tenant->poller.window_read(now, read);
  }
  void on(Now now, Saved&& saved) {
    watch.saved();
    if (Source* source = followed(saved.stream)) source->saved(now, saved.number);
  }
  void on(Now now, SaveFailed&& failed) { watch.save_failed(now, failed); }
  void on(Now, SetAsideSize&& size) {
    roster.share().set_aside_bytes = size.bytes;
    for (auto& [id, shipper] : roster.shippers()) shipper.room_changed();
  }
  void on(Now now, Reload&& reload) {
    if (!stop_at) roster.take(now, std::move(reload.roster));
  }
  void on(Now now, TokenChanged&& changed) {
    const auto found = roster.shippers().find(changed.destination);
    if (found != roster.shippers().end()) found->second.token_changed(now);
  }
  void on(Now now, HookArrived&& arrived) { hooks.arrived(now, arrived, reader, stop_at.has_value()); }
  void on(Now now, Spooled&& spooled) { hooks.spooled(now, spooled); }
  void on(Now now, SpoolRead&& read) { hooks.read(now, read, reader); }
  // --once is for what Okta has; the spool waits for the next daemon.
  void on(Now, SpoolFound&& found) {
    if (!options.policy.once) hooks.found(found);
  }
  void on(Now now, HookVerified&& verified) { hooks.verified(now, verified.let_in); }
  void on(Now now, HooksRefused&& refused) { hooks.refused(now, refused.kind, refused.count); }
  void on(Now now, Stop&&);

  void pump(Now now);
  void settle_and_collect(Now now);
  void collect(Shipper& shipper);
  void take_page(Now now, Tenant& tenant, OktaResult&& reply, Standing standing, CredentialId key);
  void grant(Now now);
  void keep_keys_alive(Now now);
  void ask(Now now, StreamId stream, Tenant& tenant, CredentialId key, std::string target, bool keep_alive);
  [[nodiscard]] Instant may_fetch_from(const Tenant& tenant) const;
  [[nodiscard]] Instant wants_from(const Tenant& tenant, Now now) const;
  void seal_what_nothing_joins();
  void finish_if_stopped(Now now);
  [[nodiscard]] Source* find(StreamId stream);
  /// Likewise, unless it was lost.
  [[nodiscard]] Source* followed(StreamId stream);
  /// Those that are polled first.
  template <typename Visit>
  void each_source(Visit&& visit) {
    for (auto& [stream, tenant] : roster.tenants()) visit(stream, tenant);
    for (auto& [stream, hooked] : hooks.streams()) visit(stream, hooked.stream);
  }

  SchedulerOptions options;
  Now started;
  Instant now_steady;
  std::deque<Output> outputs;
  PageReader reader;
  Memory memory;
  Asks asks;
  ActiveRoster roster;
  Mintings mintings;
  HookOrgs hooks;
  Watch watch;
  std::map<BulkId, DestinationId> bulks;  ///< On their way.
  std::optional<Instant> stop_at;         ///< When the grace is over.
  bool finished = false;                  ///< The last saves are made.
  bool unanswered = false;
};

void Scheduler::Impl::on(Now now, OktaAnswer&& answer) {
  const auto ask = asks.take(answer.id);
  Tenant* tenant = ask ? roster.find(ask->stream) : nullptr;
  if (!tenant) return;  // Cancelled.
  // When it was asked, by our clock as it is now: the clock may have been set since.
  const WallTime asked_wall = now.wall - to_ms(now.steady - ask->asked);
  const bool clock_is_new = !tenant->org->clock();
  OktaResult reply = read_reply(std::move(answer.result));
  const Standing standing = tenant->org->answered(now, asked_wall, ask->key, reply);
  if (tenant->org->date()) {
    watch.watch_clock(now, *tenant);
    for (auto& [stream, each] : roster.tenants()) {
      if (clock_is_new && each.org == tenant->org) each.watch_retention(now);
    }
  }
  if (!ask->keep_alive) return take_page(now, *tenant, std::move(reply), standing, ask->key);
  if (standing == Standing::limited)
    tenant->poller.keep_quiet(now, tenant->facts_of_answer(standing, ask->key));
  if (standing != Standing::unauthorized) return;
  outputs.emplace_back(
      Note{.level = Level::error,
           .tenant = tenant->poller.domain().name(),
           .text = "a key that is not in use at the moment is refused (401): " + tenant->poller.key_cure()});
}

void Scheduler::Impl::take_page(Now now, Tenant& tenant, OktaResult&& reply, Standing standing,
                                CredentialId key) {
  if (!tenant.poller.asking()) return;
  const std::size_t wire_bytes = reply ? reply->answer.body.size() : 0;
  if (!reply) tenant.reserve = std::min(tenant.reserve, limits::ask_reserve);
  const auto batch =
      tenant.poller.answered(now, std::move(reply), tenant.facts_of_answer(standing, key), reader);
  // What is in flight must be noted before it is sent.
  while (auto output = tenant.next_output()) outputs.push_back(std::move(*output));
  if (batch) {
    tenant.learn_reserve(wire_bytes, batch->events.size());
    watch.look_for_twins(tenant, reader.events());
    roster.shipper_of(tenant).take(now, *batch);
    tenant.fresh_bulk_at = now.steady + fresh_bulk_refused;
  } else if (!tenant.poller.at_tail()) {
    tenant.fresh_bulk_at = {};  // What is fresh lies further on.
  }
  reader.let_go();
}

void Scheduler::Impl::on(Now now, BulkAnswer&& answer) {
  const auto sent = bulks.find(answer.id);
  if (sent == bulks.end()) return;
  const auto shipper = roster.shippers().find(sent->second);
  bulks.erase(sent);
  CHECK(shipper != roster.shippers().end());  // With a bulk on its way it is not forgotten.
  shipper->second.answered(now, answer.id, answer.result);
}

void Scheduler::Impl::on(Now /*now*/, HeldBy&& held) {
  if (Tenant* tenant = roster.find(held.stream)) return roster.held_by(*tenant, held.holder);
  if (HookStream* stream = hooks.find(held.stream)) stream->held();
}

void Scheduler::Impl::on(Now now, Lost&& lost) {
  const bool goes_on = !stop_at;
  if (Tenant* tenant = roster.find(lost.stream)) return roster.lost(now, *tenant, lost.holder, goes_on);
  if (HookStream* stream = hooks.find(lost.stream)) hooks.lost(*stream, lost.holder, goes_on);
}

void Scheduler::Impl::on(Now /*now*/, GiveWay&& give_way) {
  if (stop_at) return;  // Which gives it back as well.
  if (Tenant* tenant = roster.find(give_way.stream)) return roster.give_way(*tenant);
  if (HookStream* stream = hooks.find(give_way.stream)) stream->give_way();
}

void Scheduler::Impl::on(Now now, Stop&&) {
  if (stop_at) return;
  stop_at = now.steady + limits::stop_grace;
  asks.cancel_all(outputs);
  each_source([](StreamId, Source& source) { source.stop(); });
  for (auto& [id, shipper] : roster.shippers()) shipper.stop();
}

Source* Scheduler::Impl::find(StreamId stream) {
  if (Tenant* tenant = roster.find(stream)) return tenant;
  return hooks.find(stream);
}

Source* Scheduler::Impl::followed(StreamId stream) {
  Source* source = find(stream);
  return source && !source->lost() ? source : nullptr;
}

void Scheduler::Impl::pump(Now now) {
  now_steady = now.steady;
  watch.tell_saving(now);
  settle_and_collect(now);
  if (!stop_at) {
    roster.bring_along(now);
    roster.weigh();
    for (auto& [stream, tenant] : roster.tenants()) {
      if (!tenant.retired && roster.shipper_of(tenant).healthy()) tenant.fresh_bulk_at = {};
    }
    if (options.policy.once) give_up_where_stuck(now, roster, outputs);
    mintings.order(now, !options.policy.once);
    grant(now);
    hooks.read_spool(memory, watch.saving_fails());
    keep_keys_alive(now);
    watch.look(now);
    roster.let_go(now);
    hooks.let_go();
    roster.drop_retired(now, [this](DestinationId id) { return hooks.serve(id); });
    if (options.policy.once && once_done(roster)) {
      tell_once_results(now, roster, outputs);
      on(now, Stop{});
    }
  }
  seal_what_nothing_joins();
  if (stop_at) finish_if_stopped(now);
  settle_and_collect(now);
}

void Scheduler::Impl::settle_and_collect(Now now) {
  for (auto& [id, shipper] : roster.shippers()) {
    shipper.pause(watch.saving_fails() || finished);
    shipper.advance(now);
    while (auto settlement = shipper.next_settlement()) {
      Source* source = find(settlement->stream);
      CHECK(source != nullptr);
      source->settled(now, *settlement);
    }
    collect(shipper);
  }
  each_source([this](StreamId, Source& source) {
    while (auto output = source.next_output()) outputs.push_back(std::move(*output));
  });
  roster.weigh();
}

void Scheduler::Impl::collect(Shipper& shipper) {
  while (auto output = shipper.next_output()) {
    if (const auto* bulk = std::get_if<SendBulk>(&*output)) bulks.emplace(bulk->id, bulk->destination);
    outputs.push_back(std::move(*output));
  }
}

void Scheduler::Impl::seal_what_nothing_joins() {
  for (auto& [id, shipper] : roster.shippers()) {
    if (shipper.filling() && !memory.expects_for(id)) shipper.seal();
  }
}

// While its destination is in trouble or the disk full, Okta is our queue and nothing is asked, except where
// fresh events are needed to learn whether the destination refuses everything or just one bulk.
Instant Scheduler::Impl::may_fetch_from(const Tenant& tenant) const {
  if (watch.saving_fails() || !memory.has_room_for(tenant.destination, tenant.reserve)) return never;
  const Shipper& shipper = roster.shipper_of(tenant);
  if (shipper.waits_for_room(tenant.poller.stream())) return never;
  if (shipper.healthy()) return Instant{};
  return shipper.wants_fresh_bulk() ? tenant.fresh_bulk_at : never;
}

void Scheduler::Impl::grant(Now now) {
  std::vector<std::pair<StreamId, Tenant*>> wanting;
  for (auto& [stream, tenant] : roster.tenants()) {
    if (tenant.retired || tenant.gave_up) continue;
    if (tenant.poller.wants_to_ask(now, !roster.shipper_of(tenant).healthy()))
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
    if (!roster.shipper_of(*tenant).healthy()) tenant->fresh_bulk_at = now.steady + fresh_bulk_pause;
    ask(now, stream, *tenant, *key, tenant->poller.ask(now), false);
  }
}

void Scheduler::Impl::keep_keys_alive(Now now) {
  if (options.policy.once) return;
  for (auto& [stream, tenant] : roster.tenants()) {
    if (tenant.retired || tenant.stands_back()) continue;
    if (const auto key = tenant.org->idle_key(now)) ask(now, stream, tenant, *key, clock_target(), true);
  }
}

void Scheduler::Impl::ask(Now now, StreamId stream, Tenant& tenant, CredentialId key, std::string target,
                          bool keep_alive) {
  tenant.org->asked(now, key);
  const RequestId id = asks.add({.stream = stream,
                                 .key = key,
                                 .destination = tenant.destination,
                                 .asked = now.steady,
                                 .reserve = keep_alive ? limits::ask_reserve_min : tenant.reserve,
                                 .keep_alive = keep_alive});
  outputs.emplace_back(AskOkta{.id = id,
                               .credential = key,
                               .origin = tenant.poller.domain().origin(),
                               .target = std::move(target),
                               .okta_ahead = tenant.org->offset()});
}

void Scheduler::Impl::finish_if_stopped(Now now) {
  const bool quiet =
      std::ranges::all_of(roster.shippers(), [](const auto& each) { return each.second.quiet(); });
  if (finished || (!quiet && now.steady < *stop_at)) return;
  finished = true;
  std::set<StreamId> doubtful;
  for (const auto& [id, shipper] : roster.shippers()) doubtful.merge(shipper.doubtful());
  std::erase_if(doubtful, [this](StreamId stream) { return followed(stream) == nullptr; });
  unanswered = !doubtful.empty();
  each_source([&](StreamId stream, Source& source) {
    unanswered = unanswered || source.partly_settled();
    source.finish(now, doubtful.contains(stream));
  });
  if (!unanswered) return;
  outputs.emplace_back(
      Note{.level = Level::warn,
           .tenant = {},
           .text = "stopped with a bulk unanswered: its events are sent again at the next start and say "
                   "possible_duplicate"});
}

// Wanting already but not granted: only the org's budget comes back with time; room comes with other inputs.
Instant Scheduler::Impl::wants_from(const Tenant& tenant, Now now) const {
  if (tenant.retired || tenant.gave_up || tenant.stands_back()) return never;
  if (options.policy.once && tenant.poller.finished()) return never;
  const Instant due = std::min(tenant.org->next_mint(now, !options.policy.once),
                               options.policy.once ? tenant.poller.last_progress() + limits::once_patience
                                                   : tenant.org->next_idle_key(now.steady));
  const Instant wants = tenant.poller.deadline();
  if (wants == never) return due;
  if (wants > now.steady) return std::min(due, wants);
  if (!tenant.poller.wants_to_ask(now, !roster.shipper_of(tenant).healthy())) return due;
  return std::min(due, std::max(tenant.org->next_chance(now), may_fetch_from(tenant)));
}

Scheduler::Scheduler(Now now, SchedulerOptions options, const Roster& roster)
    : impl_(std::make_unique<Impl>(now, std::move(options))) {
  impl_->roster.take(now, roster);
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
  for (const auto& [id, shipper] : self.roster.shippers()) when = std::min(when, shipper.deadline());
  if (self.stop_at) return std::min(when, self.finished ? *self.stop_at + save_grace : *self.stop_at);
  when = std::min(when, self.watch.deadline());
  const Now now{.steady = self.now_steady, .wall = {}};
  for (const auto& [stream, tenant] : self.roster.tenants())
    when = std::min(when, self.wants_from(tenant, now));
  return when;
}

bool Scheduler::at_rest() const {
  const Impl& self = *impl_;
  return self.finished && (clean() || self.now_steady >= *self.stop_at + save_grace);
}

int Scheduler::exit_code() const {
  if (some_gave_up(impl_->roster)) return exit_unavailable;
  return impl_->unanswered ? exit_temporary : exit_ok;
}

bool Scheduler::clean() const {
  bool pending = false;
  impl_->each_source([&](StreamId, const Source& source) { pending = pending || source.saves_pending(); });
  return !pending;
}

Report Scheduler::report(Now now) const {
  const Impl& self = *impl_;
  return draw_report(now, {.roster = self.roster,
                           .hooks = self.hooks,
                           .memory = self.memory,
                           .watch = self.watch,
                           .policy = self.options.policy,
                           .started = self.started.steady,
                           .listening = self.options.hooks,
                           .stopping = self.stop_at.has_value()});
}

}  // namespace logzio_okta
