// The core beside other replicas: what it does on HeldBy, Lost and GiveWay.
#include "logzio_okta/flow/scheduler.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

const std::string acme = "acme.okta.com";
const std::string beta = "beta.okta.com";
const std::string globex = "globex.okta.com";
const std::string link_a = "/api/v1/logs?after=a&limit=1000";
const std::string link_b = "/api/v1/logs?after=b&limit=1000";

Settings shared(std::vector<std::string> domains = {acme}) {
  Settings settings;
  settings.domains = std::move(domains);
  settings.shared_state = true;
  return settings;
}

/// One that another replica is ahead of.
struct Standby : Bench {
  explicit Standby(Settings given = shared()) : Bench(after_taking(given)) {
    taken_by("okta-2");
    notes.clear();
  }
  static Settings after_taking(Settings given) { return given; }
};

}  // namespace

// On standby.

TEST_CASE_METHOD(Standby, "replicas: a tenant that another one follows asks nothing, and says who does") {
  pass(1h);
  REQUIRE(wants_nothing());
  REQUIRE(report().tenants[0].state == TenantState::standby);
  REQUIRE(report().tenants[0].held_by == "okta-2");
  REQUIRE_FALSE(report().tenants[0].in_trouble());
  REQUIRE(report().not_ready_because == "");
  REQUIRE(notes.empty());
}

TEST_CASE("replicas: until an org's owner is known, nothing is asked of it, whatever key is due") {
  Bench bench(shared());
  bench.holder = "okta-2";
  bench.crashes();
  bench.waiting.clear();  // As if it were not known yet.
  bench.scheduler =
      std::make_unique<Scheduler>(bench.now(), SchedulerOptions{.shared_state = true}, bench.roster());
  while (auto output = bench.scheduler->next_output()) {
  }
  for (int i = 0; i < 24; ++i) {
    bench.advance(1h);
    bench.scheduler->handle(bench.now(), Tick{});
    while (auto output = bench.scheduler->next_output())
      REQUIRE_FALSE(std::holds_alternative<AskOkta>(*output));
  }
}

TEST_CASE_METHOD(Standby, "replicas: a standby goes on from where the other one stood, as at a start") {
  holder_ends(true);
  okta_replies(page({event(1)}).next(link_a));
  listener_takes();
  taken_by("okta-2");
  holder_ends(true);
  REQUIRE(wants() == link_a);
  REQUIRE(report().tenants[0].held_by == "");
  REQUIRE(marked_numbers().empty());
}

TEST_CASE_METHOD(
    Standby, "replicas: the one that takes over after an unclean end marks what was published until then") {
  holder_ends(true);
  okta_replies(page({event(1)}).next(link_a));
  listener_takes();
  taken_by("okta-2");
  pass(1h);
  const std::string before = fresh(2);  // Long after this process began.
  pass(10s);
  holder_ends(false);
  pass(10s);
  okta_replies(page({before, fresh(3)}).next(link_b));
  listener_takes();
  REQUIRE(marked_numbers() == std::vector{2});
}

TEST_CASE_METHOD(Standby, "replicas: a stop on standby ends at once, in order") {
  stops();
  REQUIRE(scheduler->at_rest());
  REQUIRE(scheduler->clean());
  REQUIRE(scheduler->exit_code() == 0);
}

TEST_CASE_METHOD(Standby,
                 "replicas: a tenant on standby that leaves the tenants file is not opened any more") {
  reloads({tenant(beta)});
  REQUIRE(let_go.size() == 1);
  REQUIRE(let_go[0].for_good);
  holder_ends(true);
  REQUIRE(wants(acme) == "");
  REQUIRE(wants(beta) != "");
}

TEST_CASE_METHOD(Standby, "replicas: with some tenants on standby readiness is about the others") {
  reloads({tenant(acme), tenant(beta)});
  REQUIRE(report().ready);
  holder.clear();
  put_in(store.open(waiting.at(1)));
  REQUIRE_FALSE(report().ready);
  okta_replies(page({fresh(1)}).next(link_a));
  REQUIRE(report().ready);
  REQUIRE(report().tenants[0].state == TenantState::standby);
  REQUIRE(report().tenants[1].state == TenantState::following);
}

TEST_CASE("replicas: --once leaves a tenant to the replica that follows it, and says so") {
  Settings settings = shared({acme, beta});
  settings.policy.once = true;
  Bench bench(settings);
  bench.okta_replies(acme, page({event(1)}));
  bench.taken_by("okta-2");
  bench.pass(1s);
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 69);
  REQUIRE(bench.notes_with("followed by okta-2, which delivers its events; not followed here") == 2);
}

// Lost.

TEST_CASE("replicas: one that loses an org forgets the answer on its way and starts over") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  bench.pass(10s);
  REQUIRE(bench.wants() == link_a);
  const RequestId asked = bench.asks.begin()->first;
  bench.taken_by("okta-2");
  REQUIRE(bench.wants_nothing());  // Cancelled.
  bench.put_in(OktaAnswer{.id = asked, .result = page({event(2)}).at(bench.okta_now())});
  REQUIRE(bench.notes_with("taken over by okta-2, which marks what both may have sent") == 1);
  REQUIRE(bench.notes_with("followed by okta-2; on standby here") == 1);
  bench.holder_ends(true);
  REQUIRE(bench.wants() == link_a);
  REQUIRE(bench.counts().fetched == 1);
}

TEST_CASE("replicas: what was in flight when an org was lost is counted, and not saved") {
  Bench bench(shared());
  bench.okta_replies(page({event(1), event(2)}).next(link_a));
  bench.pass(limits::bulk_age_max);
  REQUIRE(bench.bulks.size() == 1);
  bench.taken_by("okta-2");
  const Place before = bench.store.place(LogQuery{}.stream_key(Domain::parse(acme).value()));
  bench.listener_takes();
  REQUIRE(bench.counts().delivered == 2);
  REQUIRE(bench.counts().in_flight == 0);
  REQUIRE(bench.store.place(LogQuery{}.stream_key(Domain::parse(acme).value())) == before);
}

TEST_CASE("replicas: what waits only for a lost org is let go; beside another tenant's lines it goes out") {
  Bench bench(shared({acme, beta}));
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  SECTION("alone") {
    bench.taken_by("okta-2");
    bench.pass(1min);
    REQUIRE(bench.sent == 0);
    REQUIRE(bench.counts().fetched == 0);
  }
  SECTION("in one bulk with another's") {
    bench.okta_replies(beta, page({event(11)}).next(link_b));
    const OpenStream first = bench.opened.at(0);
    bench.opened.erase(bench.opened.begin());
    bench.holder = "okta-2";
    bench.put_in(Lost{.stream = first.stream, .holder = "okta-2"});
    bench.listener_takes();
    REQUIRE(bench.numbers() == std::vector{1, 11});
    REQUIRE(bench.counts().delivered == 2);
  }
}

TEST_CASE("replicas: a bulk that is refused after its org was lost is not sent again") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.taken_by("okta-2");
  bench.listener_says(says(500));
  bench.pass(10min);
  REQUIRE(bench.sent == 1);
  REQUIRE(bench.counts().fetched == 0);
  bench.holder_ends(false);
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers() == std::vector{1});
}

TEST_CASE("replicas: an answer of the store that comes after an org was lost does no harm") {
  Bench bench(shared());
  const StreamId stream = bench.opened.at(0).stream;
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.saving = false;
  bench.listener_takes();
  REQUIRE_FALSE(bench.scheduler->clean());
  bench.taken_by("okta-2");
  REQUIRE(bench.scheduler->clean());  // Nothing of it is waited for.
  bench.put_in(Saved{.stream = stream, .number = 2});
  bench.put_in(WindowRead{.stream = stream, .rows = {}});
  bench.put_in(Opened{.stream = stream, .place = {}, .rows = {}});
  bench.put_in(HeldBy{.stream = stream, .holder = "okta-3"});
  bench.put_in(GiveWay{stream});
  bench.put_in(Lost{.stream = stream, .holder = "okta-3"});
  REQUIRE(bench.notes_with("taken over") == 1);
  REQUIRE(bench.let_go.empty());
  bench.stops();
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 0);
}

TEST_CASE("replicas: a tenant that had left the tenants file and is lost does not come back") {
  Bench bench(shared({acme, beta}));
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.reloads({bench.tenant(beta)});
  bench.taken_by("okta-2");
  REQUIRE(bench.waiting.size() == 1);  // Only beta's.
  bench.listener_takes();
  REQUIRE(bench.report().tenants.size() == 1);
  REQUIRE(bench.counts().delivered == 1);
  REQUIRE(bench.let_go.empty());
}

TEST_CASE("replicas: an org that is lost while stopping does not delay the end") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.stops();
  bench.taken_by("okta-2");
  bench.pass(limits::stop_grace);
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 0);
  REQUIRE(bench.waiting.empty());
}

TEST_CASE("replicas: acknowledged saves that are gone make it go on from what the store holds") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  const auto before = bench.store.disk;
  bench.pass(10s);
  bench.okta_replies(page({event(2)}).next(link_b));
  bench.listener_takes();
  bench.store.disk = before;
  for (auto& [key, stream] : bench.store.disk) stream.overtaken = true;
  const OpenStream lost = bench.opened.at(0);
  bench.opened.clear();
  bench.put_in(Lost{.stream = lost.stream, .holder = {}});
  REQUIRE(bench.notes_with("the database has lost saves") == 1);
  REQUIRE(bench.wants() == link_a);
  bench.okta_replies(page({event(2)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector{1, 2, 2});
  REQUIRE(bench.marked_numbers() == std::vector{2});
}

TEST_CASE("replicas: after a failover all is in doubt that another owner may send before its lease ends") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  for (auto& [key, stream] : bench.store.disk) {
    stream.overtaken = true;
    stream.others_act_for = 20s;
  }
  bench.put_in(Lost{.stream = bench.opened.at(0).stream, .holder = {}});
  bench.okta_replies(page({bench.fresh(2)}).next(link_b));
  bench.listener_takes();
  bench.pass(10s);
  bench.okta_replies(page({bench.fresh(3)}).next(link_a));
  bench.listener_takes();
  bench.pass(20s);
  bench.okta_replies(page({bench.fresh(4)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector{1, 2, 3, 4});
  REQUIRE(bench.marked_numbers() == std::vector{2, 3});
}

// Giving way.

TEST_CASE("replicas: one that gives way lets go when what is on its way has arrived and is saved") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.asked_to_give_way();
  bench.asked_to_give_way();
  REQUIRE(bench.wants_nothing());
  REQUIRE(bench.let_go.empty());
  REQUIRE(bench.report().tenants[0].state == TenantState::standby);
  bench.saving = false;
  bench.holder = "okta-2";
  bench.listener_takes();
  REQUIRE(bench.let_go.empty());
  bench.saves_again();
  REQUIRE(bench.let_go.size() == 1);
  REQUIRE_FALSE(bench.let_go[0].for_good);
  REQUIRE(bench.report().tenants[0].held_by == "okta-2");
  REQUIRE(bench.counts().delivered == 1);
  bench.pass(1h);
  REQUIRE(bench.wants_nothing());
  bench.holder_ends(true);
  REQUIRE(bench.wants() == link_a);
}

TEST_CASE("replicas: one that lets go and is not relieved goes on") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  bench.pass(10s);
  bench.asked_to_give_way();  // Answered by Opened.
  REQUIRE(bench.let_go.size() == 1);
  REQUIRE(bench.wants() == link_a);
  bench.okta_replies(page({event(2)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector{1, 2});
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("replicas: it gives way also while it waits after a failure") {
  Bench bench(shared());
  bench.okta_replies(status(503));
  bench.holder = "okta-2";
  bench.asked_to_give_way();
  REQUIRE(bench.let_go.size() == 1);
  REQUIRE(bench.report().tenants[0].held_by == "okta-2");
}

TEST_CASE("replicas: what is in doubt when it gives way stays so") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  bench.crashes();
  SECTION("before Okta answered") {}
  SECTION("after that") {
    bench.okta_replies(page({event(2)}).next(link_b));
    bench.listener_takes();
    REQUIRE(bench.marked_numbers() == std::vector{2});
  }
  bench.asked_to_give_way();
  REQUIRE(bench.let_go.size() == 1);
  bench.pass(10s);
  bench.okta_replies(page({event(3)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers().back() == 3);
}

TEST_CASE("replicas: a reload that keeps a tenant does not keep it from giving way") {
  Bench bench(shared({acme, beta}));
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  bench.put_in(GiveWay{bench.opened.at(0).stream});
  bench.reloads({bench.tenant(beta)});
  bench.reloads({bench.tenant(acme), bench.tenant(beta)});
  REQUIRE(bench.wants(acme) == "");
  bench.listener_takes();
  REQUIRE(bench.let_go.size() == 1);
  REQUIRE_FALSE(bench.let_go[0].for_good);
  REQUIRE(bench.wants(acme) == link_a);
}

TEST_CASE("replicas: an org that is lost while it gives way is lost") {
  Bench bench(shared());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.asked_to_give_way();
  bench.taken_by("okta-2");
  bench.pass(1min);
  REQUIRE(bench.let_go.empty());
  REQUIRE(bench.report().tenants[0].held_by == "okta-2");
}

// Hooks.

namespace {

/// An org that only pushes, beside a tenant that asks once an hour.
struct Pushed : Bench {
  Pushed() : Bench(settings_of()) {
    okta_replies(page({}).next(link_a));
    pass(1s);
  }
  static Settings settings_of() {
    Settings settings = shared();
    settings.policy.poll_interval = 1h;
    settings.hook_orgs = {globex};
    return settings;
  }
  int pushes(const std::vector<std::string>& events) { return hook_delivers(events, globex); }
};

}  // namespace

TEST_CASE_METHOD(Pushed, "replicas: any of them keeps a push; the one that follows the org ships it") {
  REQUIRE(pushes({event(1)}) == 200);
  listener_takes();
  taken_by("okta-2");
  REQUIRE(pushes({event(2)}) == 200);
  pass(1min);
  REQUIRE(numbers() == std::vector{1});
  REQUIRE(counts().fetched == 1);
  holder_ends(true);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  REQUIRE(counts().delivered == 2);
  REQUIRE(counts().in_flight == 0);
  REQUIRE(store.spool.rows().empty());
}

TEST_CASE_METHOD(Pushed,
                 "replicas: a push that was on its way to the disk when its org was lost is answered") {
  REQUIRE(pushes({event(1)}) == 200);
  listener_takes();
  saving = false;
  REQUIRE(pushes({event(2)}) == 0);
  for (const OpenStream& each : std::exchange(opened, {}))
    put_in(Lost{.stream = each.stream, .holder = "okta-2"});
  saves_again();
  REQUIRE(hook_answers.back().status == 200);
}

TEST_CASE_METHOD(Pushed, "replicas: what another one spooled is read when the store tells of it") {
  REQUIRE(pushes({event(1)}) == 200);
  listener_takes();
  const std::string key = opened.at(1).key;
  SpoolEvents others{.stream = opened.at(1).stream, .hook = HookId{999}, .at = wall, .events = {}};
  others.events.push_back({.hash = {.uuid = 7, .bytes = 7}, .bytes = event(2)});
  static_cast<void>(store.spool.keep(key, others));
  pass(1min);
  REQUIRE(numbers() == std::vector{1});
  put_in(store.spool.found(destination(1)));
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  REQUIRE(counts().delivered == 2);
}

TEST_CASE_METHOD(Pushed,
                 "replicas: an org that only pushes gives way, and what is pushed meanwhile is kept") {
  REQUIRE(pushes({event(1)}) == 200);
  asked_to_give_way();
  REQUIRE(let_go.size() == 1);  // The tenant, which had nothing on its way.
  REQUIRE(pushes({event(2)}) == 200);
  holder = "okta-2";
  listener_takes();
  REQUIRE(let_go.size() == 2);
  pass(1min);
  REQUIRE(numbers() == std::vector{1});
  holder_ends(true);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  REQUIRE(marked_numbers().empty());
}
