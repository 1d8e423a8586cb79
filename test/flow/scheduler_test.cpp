#include "logzio_okta/flow/scheduler.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

const std::string acme = "acme.okta.com";
const std::string beta = "beta.okta.com";
const std::string link_a = "/api/v1/logs?after=a&limit=1000";
const std::string link_b = "/api/v1/logs?after=b&limit=1000";

Settings once(std::vector<std::string> domains = {acme}) {
  Settings settings;
  settings.domains = std::move(domains);
  settings.policy.once = true;
  return settings;
}

std::vector<std::string> many_domains(int count) {
  std::vector<std::string> domains;
  for (int i = 0; i < count; ++i) domains.push_back("t" + std::to_string(100 + i) + ".okta.com");
  return domains;
}

/// A tenant with a full page on every link, never the same one.
std::optional<HttpResult> always_full(const AskOkta& ask, Bench& bench) {
  const int first = 1000 * static_cast<int>(ask.id.value) + 1;
  return page(events(first, first + 999))
      .next("/api/v1/logs?after=" + std::to_string(ask.id.value))
      .at(bench.okta_now());
}
std::optional<HttpResult> always_empty(const AskOkta& ask, Bench& bench) {
  return page({}).next(ask.target).at(bench.okta_now());
}

int exit_code_after(Bench& bench, Duration within) {
  bench.pass(within);
  REQUIRE(bench.scheduler->at_rest());
  return bench.scheduler->exit_code();
}

}  // namespace

// Flowing.

TEST_CASE("scheduler: events of several tenants arrive, each once, and the counters say so") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(acme, page({event(1), event(2), bench.fresh(3)}).next(link_a));
  bench.okta_replies(beta, page({event(11), bench.fresh(12)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3, 11, 12});
  const Report report = bench.report();
  REQUIRE(report.total.fetched == 5);
  REQUIRE(report.total.delivered == 5);
  REQUIRE(report.tenants[0].domain == acme);
  REQUIRE(report.tenants[0].events.delivered == 3);
  REQUIRE(report.tenants[0].behind == 0s);
  REQUIRE(report.destinations.front().bulks_taken == 1);
  REQUIRE(report.destinations.front().state == "taking");
  REQUIRE(report.ready);
}

TEST_CASE("scheduler: a tenant that hears nothing is not ready within a minute, and behind by as long") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(acme, page({event(1), event(2), bench.fresh(3)}).next(link_a));
  bench.listener_takes();
  bench.pass(30s);
  REQUIRE(bench.report().not_ready_because == "");
  REQUIRE(bench.report().tenants[0].behind == 0s);
  bench.pass(31s);
  REQUIRE_FALSE(bench.report().ready);
  bench.pass(5min);
  REQUIRE(bench.report().tenants[0].behind >= 5min);
}

TEST_CASE(
    "scheduler: a tenant that Okta's rate limit silences flows for a quarter of an hour, and no longer") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(acme, page({bench.fresh(1)}).next(link_a));
  bench.listener_takes();
  bench.okta = [&](const AskOkta&) -> std::optional<HttpResult> {
    return status(429).rate(120, 0, 60s).at(bench.okta_now());
  };
  bench.pass(14min);
  REQUIRE(bench.report().tenants[0].state == TenantState::limited);
  REQUIRE(bench.report().not_ready_because == "");
  bench.pass(2min);
  REQUIRE_FALSE(bench.report().ready);
  REQUIRE(bench.report().tenants[0].in_trouble());
}

TEST_CASE("scheduler: every question carries its tenant's own origin and key") {
  Bench bench({.domains = {acme, beta}});
  REQUIRE(bench.asks.size() == 2);
  for (const auto& [id, ask] : bench.asks) {
    const bool first = ask.origin.host == acme;
    REQUIRE(ask.origin.host == (first ? acme : beta));
    REQUIRE(ask.credential == bench.tenant(first ? acme : beta).credentials[0]);
  }
}

TEST_CASE("scheduler: it is ready when a tenant flows, the listener takes and saves succeed") {
  Bench bench;
  REQUIRE(bench.report().not_ready_because == "no tenant flows");
  bench.okta_replies(page({bench.fresh(1)}).next(link_a));
  REQUIRE(bench.report().not_ready_because == "");
  bench.listener_says(cannot_be_reached());
  REQUIRE_FALSE(bench.report().ready);
  REQUIRE(bench.report().tenants[0].state == TenantState::held);
  bench.pass(10s);
  bench.listener_takes();
  REQUIRE(bench.report().not_ready_because.empty());
  bench.save_fails("disk full");
  REQUIRE(bench.report().not_ready_because == "the state cannot be saved: disk full");
}

TEST_CASE("scheduler: a tenant whose pages wait for the listener is held, and flows for a minute") {
  Bench bench;
  bench.okta = [&](const AskOkta& ask) { return always_full(ask, bench); };
  bench.pass(1s);
  REQUIRE(bench.report().tenants[0].state == TenantState::following);
  bench.pass(5s);
  REQUIRE(bench.report().tenants[0].state == TenantState::held);
  REQUIRE_FALSE(bench.report().tenants[0].next_ask);
  REQUIRE(bench.report().not_ready_because == "");
  bench.pass(1min);
  REQUIRE_FALSE(bench.report().ready);
}

TEST_CASE("scheduler: the share of the rate limit beats the poll interval") {
  Settings settings;
  settings.policy.rate_share = 0.05;
  Bench bench(settings);
  bench.okta = [&](const AskOkta& ask) {
    const Duration into = bench.okta_now().time_since_epoch() % 60'000ms;
    return page({}).next(ask.target).rate(20, 19, 60s - into).at(bench.okta_now());
  };
  bench.pass(1min);
  const std::size_t before = bench.asked;
  bench.pass(30min);
  REQUIRE(bench.asked - before >= 28);
  REQUIRE(bench.asked - before <= 31);
  REQUIRE(bench.report().tenants[0].state == TenantState::limited);
}

TEST_CASE("scheduler: every five minutes a summary names each tenant") {
  Bench bench({.domains = {acme, beta}});
  bench.okta = [&](const AskOkta& ask) { return always_empty(ask, bench); };
  bench.pass(15min);
  REQUIRE(bench.notes_with("events delivered in 5 min") == 6);
}

TEST_CASE("scheduler: when our clock is set, no age changes and every tenant still flows") {
  for (const Duration step : {Duration(3h), Duration(-3h)}) {
    Bench bench;
    bench.okta = [&](const AskOkta& ask) { return always_empty(ask, bench); };
    bench.pass(5min);
    const Report before = bench.report();
    bench.wall += to_ms(step);
    const Report after = bench.report();
    REQUIRE(after.tenants[0].flowing);
    REQUIRE(after.not_ready_because.empty());
    REQUIRE(after.at - after.started == before.at - before.started);
    REQUIRE(after.at - *after.tenants[0].last_answer == before.at - *before.tenants[0].last_answer);
  }
}

TEST_CASE("scheduler: the summary of a tenant that is held says why") {
  Bench bench;
  bench.pass(1min);
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.okta = [&](const AskOkta& ask) { return always_empty(ask, bench); };
  bench.listener_says(HttpAnswer{.status = 401, .headers = {}, .body = {}});
  bench.pass(6min);
  REQUIRE(bench.notes_with("held: ") >= 1);
  REQUIRE(bench.notes_with("; Logz.io: 401: it does not know the token") >= 1);
}

TEST_CASE("scheduler: what an alert pages for is an error by then, with its cure and since when") {
  const auto level_after = [](const std::function<HttpResult(const Bench&)>& okta, int listener,
                              std::string_view text) {
    Bench bench;
    bench.okta = [&](const AskOkta&) { return okta(bench); };
    bench.listener = [&](const SendBulk&) { return listener == 200 ? takes_all() : says(listener); };
    bench.pass(limits::patience_until_error + 3min);
    Level highest = Level::trace;
    for (const Note& note : bench.notes) {
      if (note.text.contains(text)) highest = std::max(highest, note.level);
      if (note.level == Level::error) REQUIRE(note.text.contains(". It has lasted for "));
    }
    return highest;
  };
  int n = 0;
  const auto has_news = [&n](const Bench& bench) { return page({bench.fresh(++n)}).at(bench.okta_now()); };
  const auto fails = [](int code) {
    return [code](const Bench& bench) { return status(code).at(bench.okta_now()); };
  };
  for (const int code : {500, 502, 503, 504}) {
    REQUIRE(level_after(has_news, code, "check status.logz.io") == Level::error);
    REQUIRE(level_after(fails(code), 200, "check status.okta.com") == Level::error);
  }
  REQUIRE(level_after(has_news, 429, "a limit of the account") == Level::error);
  // The org names the moment from which it answers again.
  REQUIRE(level_after(fails(429), 200, "429") == Level::warn);
}

TEST_CASE("scheduler: the first bulk that is taken is told, once for each account") {
  Bench bench({.domains = {acme, beta}, .accounts = {1, 2}});
  int n = 0;
  bench.okta = [&](const AskOkta&) { return page({bench.fresh(++n)}).at(bench.okta_now()); };
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(10min);
  REQUIRE(bench.notes_with("takes events") == 2);
}

// Apart.

TEST_CASE("scheduler: one broken tenant never delays the others") {
  Bench bench({.domains = many_domains(50)});
  int n = 0;
  bench.okta = [&](const AskOkta& ask) -> std::optional<HttpResult> {
    const std::string& host = ask.origin.host;
    if (host == "t100.okta.com") return status(401).at(bench.okta_now());
    if (host == "t101.okta.com") return std::unexpected(broken(TransportFault::unresolved));
    if (host == "t102.okta.com") return status(500).at(bench.okta_now());
    if (host == "t103.okta.com") return std::nullopt;  // It hangs.
    return page({event(++n)}).next("/api/v1/logs?after=" + std::to_string(n)).at(bench.okta_now());
  };
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(10min);
  for (const TenantReport& tenant : bench.report().tenants) {
    const bool broken_one = tenant.domain < "t104";
    REQUIRE(tenant.events.delivered >= (broken_one ? 0U : 59U));
  }
}

TEST_CASE("scheduler: the live tail is asked before any backlog") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(acme, page(events(1, 1000)).next(link_a));      // A backlog, asking again.
  bench.okta_replies(beta, page({bench.fresh(3000)}).next(link_b));  // At its tail.
  bench.okta_replies(acme, page(events(1001, 2000)).next("/api/v1/logs?after=c"));
  bench.save_fails("slow");
  bench.pass(20s);  // Both want to ask now, acme for longer.
  REQUIRE(bench.wants_nothing());
  bench.saving = true;
  bench.put_in(Saved{.stream = StreamId{2}, .number = 1});
  bench.listener_takes();
  std::vector<std::string> order;
  for (const auto& [id, ask] : bench.asks) order.push_back(ask.origin.host);
  REQUIRE(order.front() == beta);
}

// Bounded and patient with Logz.io.

TEST_CASE("scheduler: while Logz.io is down Okta gets only one call a day for each key") {
  Bench bench({.domains = many_domains(50), .keys_each = 2});
  bench.okta = [&](const AskOkta& ask) { return always_full(ask, bench); };
  bench.listener = [](const SendBulk&) { return cannot_be_reached(); };
  bench.pass(1h);
  const std::size_t before = bench.asked;
  const std::size_t held = bench.report().memory_used;
  REQUIRE(held <= limits::memory_budget);
  bench.pass(23h);
  REQUIRE(bench.asked - before >= 100);
  REQUIRE(bench.asked - before <= 300);
  REQUIRE(bench.report().memory_used <= held);
  REQUIRE(bench.report().total.in_flight <= 50 * 2 * 1000);
}

TEST_CASE("scheduler: a listener that hangs is given no more than the memory budget") {
  Bench bench({.domains = many_domains(50)});
  bench.okta = [&](const AskOkta& ask) { return always_full(ask, bench); };
  bench.pass(1h);
  REQUIRE(bench.bulks.size() <= limits::bulks_in_flight_max);
  REQUIRE(bench.report().memory_used <= limits::memory_budget);
}

TEST_CASE(
    "scheduler: questions to Okta stop while the listener refuses, and nothing is marked that never was "
    "taken") {
  for (const BulkResult& refusal : {says(503), says(429), says(401), cannot_be_reached()}) {
    Bench bench;
    bench.okta_replies(page({event(1)}).next(link_a));
    bench.listener = [&](const SendBulk&) { return refusal; };
    bench.pass(5min);
    const std::size_t before = bench.asked;
    bench.okta = [&](const AskOkta& ask) { return always_empty(ask, bench); };
    bench.pass(20min);
    REQUIRE(bench.asked - before <= 3);  // At most to learn whether it refuses everything.
    bench.listener = [](const SendBulk&) { return takes_all(); };
    bench.pass(11min);
    REQUIRE(bench.numbers() == std::vector<int>{1});
    REQUIRE(bench.marked_numbers().empty());
    REQUIRE(bench.asked - before > 10);
  }
}

TEST_CASE(
    "scheduler: one event the listener never takes does not stop the others, not even in a quiet night") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(acme, page({event(13)}).next(link_a));
  bench.okta_replies(beta, page({}).next(link_b));
  const auto has_13 = [](const SendBulk& bulk) {
    return std::ranges::any_of(lines_of(*bulk.packed), [](const Line& line) { return line.n == 13; });
  };
  bench.listener = [&](const SendBulk& bulk) { return has_13(bulk) ? says(403) : takes_all(); };
  bench.okta = [&](const AskOkta& ask) { return always_empty(ask, bench); };
  bench.pass(2h);
  REQUIRE(bench.store.set_aside.empty());  // Nothing tells that it is about this event.
  bool morning = true;
  bench.okta = [&](const AskOkta& ask) -> std::optional<HttpResult> {
    if (ask.origin.host != beta || !std::exchange(morning, false)) return always_empty(ask, bench);
    return page({event(1)}).next("/api/v1/logs?after=c").at(bench.okta_now());
  };
  bench.pass(1h);
  REQUIRE(bench.numbers() == std::vector<int>{1});
  REQUIRE(bench.store.set_aside.size() == 1);
  REQUIRE(bench.report().destinations.front().healthy);
}

TEST_CASE("scheduler: read to the end, a tenant is behind by what the listener has not taken") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(acme, page({event(1, birth - 3h)}).next(link_a));
  bench.listener = [](const SendBulk&) { return says(503); };
  bench.okta = [&](const AskOkta& ask) { return always_empty(ask, bench); };
  bench.pass(1min);
  REQUIRE(bench.report().tenants[0].behind >= 3h);
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(5min);
  REQUIRE(bench.numbers() == std::vector<int>{1});
  REQUIRE(bench.report().tenants[0].behind == 0s);
}

TEST_CASE("scheduler: what once was wrong with a tenant is not said of it while its listener holds it") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  while (bench.wants_nothing()) bench.pass(1s);
  bench.okta = [&](const AskOkta&) -> std::optional<HttpResult> { return status(500).at(bench.okta_now()); };
  bench.pass(1s);
  REQUIRE_FALSE(bench.report().tenants[0].last_error.empty());
  bench.listener_says(says(503));
  bench.listener = [](const SendBulk&) { return says(503); };
  bench.pass(2min);
  REQUIRE(bench.report().tenants[0].state == TenantState::held);
  REQUIRE(bench.report().tenants[0].last_error.empty());
}

TEST_CASE("scheduler: a new token is tried at once") {
  Bench bench;
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_says(says(401));
  REQUIRE(bench.bulks.empty());
  bench.put_in(TokenChanged{DestinationId{1}});
  REQUIRE(bench.bulks.size() == 1);
}

TEST_CASE("scheduler: with the room for what is set aside full everything holds until there is room") {
  Bench bench;
  bench.put_in(SetAsideSize{limits::set_aside_bytes_max});
  bench.okta_replies(page({event(1), "17", event(2)}).next(link_a));
  bench.pass(1h);
  REQUIRE(bench.bulks.empty());
  REQUIRE(bench.wants_nothing());
  REQUIRE(bench.notes_with("is full") >= 1);
  REQUIRE(bench.report().not_ready_because == "the listener does not take: set-aside full");
  bench.put_in(SetAsideSize{0});
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2});
  REQUIRE(bench.store.set_aside.size() == 1);
  REQUIRE(bench.store.place(acme).next == link_a);
}

TEST_CASE("scheduler: an org whose answers hold no events is held alone when half of the room is full") {
  Bench bench({.domains = {acme, beta}});
  bench.put_in(SetAsideSize{limits::set_aside_bytes_max / 2});
  Random random(1);
  std::string no_event(2 * limits::set_aside_share_bytes, '"');
  std::generate(no_event.begin() + 1, no_event.end() - 1,
                [&] { return static_cast<char>('a' + random.below(26)); });
  bench.okta_replies(acme, page({no_event}).next(link_a));
  bench.okta_replies(beta, page({event(1), "17"}).next(link_b));
  bench.listener_takes();
  bench.pass(1min);
  REQUIRE(bench.wants(acme).empty());
  REQUIRE(bench.report().tenants[0].state == TenantState::held);
  REQUIRE(bench.notes_with("acme.okta.com has filled its share of the room") == 1);
  REQUIRE(bench.report().tenants[0].last_error == "its share of the room for events set aside is full");
  bench.okta_replies(beta, page({event(2)}).next(link_a));
  bench.listener_takes();
  REQUIRE(bench.report().ready);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2});

  bench.put_in(SetAsideSize{0});
  bench.pass(1min);
  REQUIRE(bench.wants(acme) == link_a);
  REQUIRE(bench.store.set_aside.size() == 2);
}

TEST_CASE("scheduler: what a full room holds back is in doubt after a stop") {
  Bench bench;
  bench.put_in(SetAsideSize{limits::set_aside_bytes_max});
  bench.okta_replies(page({event(1), R"({"n":2,"broken":tru})"}).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.took(bench.bulks.begin()->second);
  bench.delivered.pop_back();
  bench.verdict(bench.bulks.begin()->first, refuses_some(1, 1));
  bench.stops();
  bench.pass(8s);
  bench.comes_back();
  bench.okta_replies(page({event(1), R"({"n":2,"broken":tru})"}).next(link_a));
  bench.pass(limits::bulk_age_max);
  REQUIRE(lines_of(*bench.bulks.begin()->second.packed)[0].marked);
}

TEST_CASE("scheduler: a listener that refuses all that waits is asked with news, up to what doubt covers") {
  Bench bench;
  bench.okta = [&](const AskOkta& ask) {
    return page({event(static_cast<int>(ask.id.value))})
        .next("/api/v1/logs?limit=1000&after=" + std::to_string(ask.id.value))
        .at(bench.okta_now());
  };
  bench.listener = [](const SendBulk&) { return says(403); };
  bench.pass(24h);
  // Pages of one count for page_counts_min, and a full one may come next.
  REQUIRE(bench.report().total.in_flight ==
          (limits::in_doubt_events - limits::page_events_max) / limits::page_counts_min + 1);
}

TEST_CASE(
    "scheduler: on the way to news for a listener that refuses what waits, what is known takes no time") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.listener_takes();
  bench.listener = [](const SendBulk&) { return says(403); };
  bench.okta_replies(page({event(1001)}).next(link_b));
  bench.pass(2h);
  REQUIRE(bench.wants() == link_b);
  bench.okta_replies(status(400));
  while (bench.wants_nothing()) bench.pass(1s);
  REQUIRE(bench.wants().contains("since="));
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.pass(10s);
  REQUIRE(bench.wants() == link_a);
}

// The disk.

TEST_CASE(
    "scheduler: while the state cannot be saved nothing is asked or delivered, and it recovers by itself") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.save_fails("disk full");
  bench.okta_replies(page({event(1001)}).next(link_b));
  bench.pass(1h);
  REQUIRE(bench.bulks.empty());
  REQUIRE(bench.wants_nothing());
  REQUIRE(bench.notes_with("disk full") == 1);
  bench.saving = true;
  bench.put_in(Saved{.stream = StreamId{1}, .number = 1});
  bench.listener_takes();
  REQUIRE(bench.delivered.size() == 1001);
  REQUIRE(bench.notes_with("can be saved again") == 1);
  REQUIRE(bench.wants() == link_b);
}

TEST_CASE("scheduler: while the copy cannot be saved delivery is held too, and the messages name the copy") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.listener_takes();
  REQUIRE(bench.copies.size() == 1);
  bench.saving = false;
  for (int i = 0; i < 3; ++i) bench.put_in(SaveFailed{.text = "disk full", .copy = true});
  REQUIRE(bench.notes_with("the copy cannot be saved: disk full. Nothing more is fetched") == 1);
  REQUIRE(bench.report().not_ready_because == "the copy cannot be saved: disk full");
  bench.saves_again();
  bench.put_in(Saved{.stream = StreamId{1}, .number = 1});
  REQUIRE(bench.notes_with("the copy can be saved again") == 1);
}

// --once.

TEST_CASE("scheduler: --once ends with 0 where the log ends, delivered and saved") {
  Bench bench(once());
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.okta_replies(page({event(1001)}).next(link_b));
  REQUIRE_FALSE(bench.scheduler->at_rest());
  bench.listener_takes();
  REQUIRE_FALSE(bench.scheduler->at_rest());  // A short page may be followed by more.
  bench.okta_replies(page({}).next(link_b));
  REQUIRE(exit_code_after(bench, 1s) == 0);
  REQUIRE(bench.scheduler->clean());
  REQUIRE(bench.store.place(acme).next == link_b);

  bench.comes_back();  // Again: nothing.
  bench.okta_replies(page({}).next(link_b));
  REQUIRE(exit_code_after(bench, 1s) == 0);
  bench.comes_back();  // And after ten new events those ten.
  bench.okta_replies(page(events(2001, 2010)).next(link_a));
  bench.listener_takes();
  bench.okta_replies(page({}).next(link_a));
  REQUIRE(exit_code_after(bench, 1s) == 0);
  REQUIRE(bench.delivered.size() == 1011);
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("scheduler: --once does not take a page that is exactly full for the tail") {
  Bench bench(once());
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  bench.listener_takes();
  REQUIRE_FALSE(bench.scheduler->at_rest());
  bench.okta_replies(page({}).next(link_a));
  REQUIRE(exit_code_after(bench, 1s) == 0);
}

TEST_CASE("scheduler: --once ends against a server that gives the same page for ever") {
  Bench bench(once());
  bench.okta_replies(page(events(1, 3)));
  bench.listener_takes();
  REQUIRE_FALSE(bench.scheduler->at_rest());  // New events may be followed by more.
  bench.pass(1min);
  bench.okta_replies(page(events(1, 3)));
  REQUIRE(exit_code_after(bench, 1s) == 0);
  bench.comes_back();
  bench.okta_replies(page(events(1, 3)));
  REQUIRE(exit_code_after(bench, 1s) == 0);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2, 3});
}

TEST_CASE("scheduler: --once does not take a full page that leads nowhere for the end of the log") {
  Bench bench(once());
  bench.okta = [&](const AskOkta&) { return page(events(1, 1000)).at(bench.okta_now()); };
  bench.listener = [](const SendBulk&) { return takes_all(); };
  REQUIRE(exit_code_after(bench, limits::once_patience + 10s) == 69);
  REQUIRE(bench.delivered.size() == 1000);
}

TEST_CASE("scheduler: --once with a refused key ends with 69 after the others have finished") {
  Bench bench(once({acme, beta}));
  bench.okta_replies(acme, status(401));
  bench.okta_replies(beta, page(events(1, 1000)).next(link_b));
  bench.pass(4min);
  REQUIRE_FALSE(bench.scheduler->at_rest());
  bench.listener_takes();
  bench.okta_replies(beta, page({event(1001)}).next(link_a));
  bench.listener_takes();
  REQUIRE_FALSE(bench.scheduler->at_rest());
  bench.okta_replies(beta, page({}).next(link_a));
  REQUIRE(exit_code_after(bench, 1s) == 69);
  REQUIRE(bench.delivered.size() == 1001);
}

TEST_CASE("scheduler: --once gives up after five minutes without progress, not before") {
  const std::vector<std::function<void(Bench&)>> troubles = {
      [](Bench& bench) { bench.okta_fails(TransportFault::unresolved); },
      [](Bench& bench) { bench.okta_replies(status(503)); },
      [](Bench& bench) { bench.okta_replies(status(429).rate(120, 0, 60s)); },
      [](Bench& bench) { bench.okta_replies(page({event(1)}).next("https://evil.example.com/api/v1/logs")); },
      [](Bench&) {},  // It hangs.
  };
  for (const auto& trouble : troubles) {
    CAPTURE(&trouble - troubles.data());
    Bench bench(once());
    bench.listener = [](const SendBulk&) { return takes_all(); };
    const Instant begun = bench.steady;
    while (!bench.scheduler->at_rest() && bench.steady - begun < 20min) {
      if (!bench.wants().empty()) trouble(bench);
      bench.pass(1s);
    }
    REQUIRE(bench.steady - begun >= limits::once_patience);
    REQUIRE(bench.steady - begun <= limits::once_patience + 10s);
    REQUIRE(bench.scheduler->exit_code() == 69);
    REQUIRE(bench.notes_with("left unfinished") == 1);
  }
}

TEST_CASE("scheduler: --once with the listener away ends with 69 and repeats nothing later") {
  Bench bench(once());
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.okta_replies(page({}).next(link_a));
  bench.listener = [](const SendBulk&) { return cannot_be_reached(); };
  REQUIRE(exit_code_after(bench, 6min) == 69);
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.comes_back();
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.okta_replies(page({}).next(link_a));
  REQUIRE(exit_code_after(bench, 1min) == 0);
  REQUIRE(bench.numbers() == std::vector<int>{1});
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("scheduler: --once waits quietly for the one that has much to fetch") {
  Bench bench(once({acme, beta}));
  bench.okta_replies(acme, page({}).next(link_a));
  bench.okta_replies(acme, page({}).next(link_a));
  for (int i = 0; i < 30; ++i) {    // pass() fails where the loop spins.
    std::vector<std::string> full;  // From the hour before it began: later ones would end it.
    for (int n = i * 1000; n < (i + 1) * 1000; ++n) full.push_back(event(n, birth - 1h + n * 100ms));
    bench.okta_replies(beta, page(full).next("/api/v1/logs?after=" + std::to_string(i)));
    bench.listener_takes();
    bench.pass(1min);
    REQUIRE_FALSE(bench.scheduler->at_rest());
  }
  bench.okta_replies(beta, page({}).next(link_b));
  bench.okta_replies(beta, page({}).next(link_b));
  REQUIRE(exit_code_after(bench, 1s) == 0);
}

// Stop.

TEST_CASE("scheduler: a stop asks nothing new, forgets the question on its way and lets a bulk finish") {
  Bench bench;
  bench.okta_replies(page(events(1, 1000)).next(link_a));
  REQUIRE(bench.wants() == link_a);
  const auto late = bench.asks.begin()->first;
  bench.stops();
  REQUIRE(bench.wants_nothing());
  REQUIRE_FALSE(bench.scheduler->at_rest());
  REQUIRE(bench.bulks.size() == 1);                                     // Sealed at once.
  bench.answer(late, page({event(1001)}).next(link_b).at(bench.wall));  // It came all the same.
  bench.pass(5s);
  bench.listener_takes();
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 0);
  REQUIRE(bench.store.place(acme).next == link_a);
  REQUIRE(bench.delivered.size() == 1000);
}

TEST_CASE(
    "scheduler: a bulk unanswered after seven seconds ends the stop with 75, and its repeat is marked") {
  Bench bench;
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.took(bench.bulks.begin()->second);
  bench.stops();
  bench.pass(limits::stop_grace - 1ms);
  REQUIRE_FALSE(bench.scheduler->at_rest());
  bench.pass(1ms);
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 75);
  REQUIRE(bench.scheduler->clean());  // The doubt is in the place.
  REQUIRE(bench.notes_with("stopped with a bulk unanswered") == 1);
  bench.comes_back();
  const WallTime restart = bench.okta_now();
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.pass(2s);
  bench.okta_replies(page({event(2, restart + 1s)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 1, 2});
  REQUIRE(bench.marked_numbers() == std::vector<int>{1});
}

TEST_CASE("scheduler: a page of which only some was taken before a stop is marked when it comes again") {
  Bench bench;
  std::vector<std::string> large;
  for (int n = 0; n < 12; ++n)
    large.push_back(R"({"pad":")" + std::string(450'000, 'x') + R"(","n":)" + std::to_string(n) + "}");
  bench.okta_replies(page(large).next(link_a));
  bench.pass(limits::bulk_age_max);
  REQUIRE(bench.bulks.size() == 2);
  bench.verdict(bench.bulks.begin()->first, takes_all());
  bench.verdict(bench.bulks.begin()->first, cannot_be_reached());
  bench.stops();
  bench.pass(8s);
  bench.comes_back();
  bench.okta_replies(page(large).next(link_a));
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(1min);
  std::map<int, int> seen;
  for (const Line& line : bench.delivered) {
    if (seen[line.n]++ > 0) REQUIRE(line.marked);
  }
  REQUIRE(seen.size() == 12);
}

TEST_CASE("scheduler: the state is saved by eight seconds, or the end does not count as orderly") {
  Bench bench;
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.saving = false;
  bench.listener_takes();
  bench.stops();
  bench.pass(7s);
  REQUIRE_FALSE(bench.scheduler->at_rest());
  bench.pass(1s);
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE_FALSE(bench.scheduler->clean());
  bench.saving = true;
  bench.comes_back();
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers() == std::vector<int>{1});
}

TEST_CASE("scheduler: nothing is sent after the doubt was written down") {
  Bench bench({.domains = many_domains(6)});
  for (const std::string& domain : bench.settings.domains) {
    bench.okta_replies(domain, page({event(1)}).next(link_a));
    bench.pass(limits::bulk_age_max);
  }
  REQUIRE(bench.report().destinations.front().waiting == 6);  // More than may be in flight.
  bench.verdict(bench.bulks.begin()->first, takes_all());
  bench.saving = false;
  bench.stops();
  bench.pass(limits::stop_grace);
  REQUIRE_FALSE(bench.scheduler->at_rest());
  const std::size_t before = bench.sent;
  while (!bench.bulks.empty()) bench.verdict(bench.bulks.begin()->first, takes_all());
  REQUIRE(bench.sent == before);
}

TEST_CASE("scheduler: a stop with nothing on its way is at once") {
  Bench bench;
  bench.okta_replies(page({}).next(link_a));
  bench.stops();
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 0);
}

TEST_CASE("scheduler: a stop in trouble does not wait, and what was never taken comes again unmarked") {
  Bench bench;
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_says(says(503));
  bench.stops();
  REQUIRE(bench.scheduler->at_rest());
  REQUIRE(bench.scheduler->exit_code() == 0);
  bench.comes_back();
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers().empty());
}

TEST_CASE("scheduler: whatever comes after a stop harms nothing") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  const RequestId open = bench.asks.begin()->first;
  bench.pass(limits::bulk_age_max);
  const BulkId bulk = bench.bulks.begin()->first;
  bench.stops();
  bench.stops();
  bench.reloads({bench.tenant(acme), bench.tenant("new.okta.com")});
  bench.put_in(TokenChanged{DestinationId{1}});
  bench.put_in(SetAsideSize{0});
  bench.put_in(OktaAnswer{.id = open, .result = std::unexpected(broken(TransportFault::cut))});
  bench.put_in(Saved{.stream = StreamId{77}, .number = 3});
  bench.put_in(Opened{.stream = StreamId{77}, .place = {}, .clean = true, .rows = {}});
  bench.put_in(WindowRead{.stream = StreamId{77}, .rows = {}});
  bench.pass(8s);
  REQUIRE(bench.scheduler->at_rest());
  bench.put_in(BulkAnswer{.id = bulk, .result = takes_all()});
  bench.put_in(Tick{});
  REQUIRE(bench.wants_nothing());
}

TEST_CASE("scheduler: a stop before the state was read leaves the doubt for the next start") {
  Bench bench;
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  bench.crashes();
  bench.stops();
  bench.comes_back();
  bench.okta_replies(page({event(2)}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.marked_numbers() == std::vector<int>{2});
}

// Reload.

TEST_CASE("scheduler: a reload adds and removes tenants, and those that stay go on untouched") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(beta, page({event(1)}).next(link_b));
  const RequestId staying = bench.asks.begin()->first;
  bench.reloads({bench.tenant("new.okta.com"), bench.tenant(acme)});
  REQUIRE(bench.asks.contains(staying));
  REQUIRE_FALSE(bench.wants("new.okta.com").empty());
  REQUIRE(bench.report().tenants.size() == 2);
  REQUIRE(bench.report().tenants[0].domain == "new.okta.com");
  bench.listener_takes();  // What was on its way is settled and saved.
  REQUIRE(bench.store.place(beta).next == link_b);
  REQUIRE(bench.counts().delivered == 1);
  bench.pass(1min);
  REQUIRE(bench.wants(beta).empty());
}

TEST_CASE("scheduler: a tenant put back while its events are on their way goes on, and nothing comes twice") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  bench.pass(limits::bulk_age_max);
  bench.reloads({bench.tenant(beta)});
  bench.pass(1min);
  bench.reloads({bench.tenant(beta), bench.tenant(acme)});
  REQUIRE(bench.wants(acme) == link_a);  // Not from the saved place, whose events are on their way.
  bench.okta_replies(acme, page({event(2)}).next(link_b));
  bench.listener_takes();
  bench.pass(limits::bulk_age_max);
  REQUIRE(bench.numbers() == std::vector<int>{1, 2});
  REQUIRE(bench.store.place(acme).next == link_b);
}

TEST_CASE("scheduler: a tenant put back later goes on from its saved place") {
  Bench bench({.domains = {acme, beta}});
  bench.okta_replies(acme, page({event(1)}).next(link_a));
  bench.listener_takes();
  bench.reloads({bench.tenant(beta)});
  bench.pass(1min);
  bench.reloads({bench.tenant(beta), bench.tenant(acme)});
  REQUIRE(bench.wants(acme) == link_a);
}

TEST_CASE("scheduler: the answer to a question of a removed tenant is ignored") {
  Bench bench({.domains = {acme, beta}});
  const RequestId id = bench.asks.begin()->first;
  bench.reloads({bench.tenant(beta)});
  bench.put_in(OktaAnswer{.id = id, .result = page({event(1)}).next(link_a).at(bench.wall)});
  bench.pass(1min);
  REQUIRE(bench.counts().fetched == 0);
}

TEST_CASE("scheduler: a refused tenant is asked at once with a new key") {
  Bench bench;
  bench.okta_replies(status(401));
  bench.pass(1s);
  REQUIRE(bench.wants_nothing());
  REQUIRE(bench.report().tenants[0].next_ask > Duration(0s));  // And not "now".
  TenantSpec spec = bench.tenant(acme);
  spec.credentials = {CredentialId{999}};
  bench.reloads({spec});
  REQUIRE(bench.asks.begin()->second.credential == CredentialId{999});
}

TEST_CASE("scheduler: a reload does not renew a tenant's budget") {
  Settings settings;
  settings.policy.rate_share = 0.05;
  Bench bench(settings);
  bench.okta_replies(page(events(1, 1000)).next(link_a).rate(20, 19, 50s));
  REQUIRE(bench.wants_nothing());
  bench.reloads({bench.tenant(acme)});
  REQUIRE(bench.wants_nothing());
  bench.reloads({});
  bench.reloads({bench.tenant(acme)});  // Its page is still on its way.
  bench.pass(1s);
  REQUIRE(bench.wants_nothing());
}

TEST_CASE(
    "scheduler: a tenant that leaves with a question on its way takes nothing of its org's budget along") {
  Settings settings;
  settings.policy.rate_share = 0.2;  // Four of twenty.
  Bench bench(settings);
  bench.okta_replies(page({}).next(link_a).rate(20, 19, 30s));
  for (int i = 0; i < 3; ++i) {
    while (bench.wants_nothing()) bench.pass(1s);
    bench.reloads({});
    bench.reloads({bench.tenant(acme)});
  }
  bench.okta = [&](const AskOkta& ask) {
    const Duration into = bench.okta_now().time_since_epoch() % 60'000ms;
    return page({}).next(ask.target).rate(20, 19, 60s - into).at(bench.okta_now());
  };
  bench.pass(2min);
  const std::size_t before = bench.asked;
  bench.pass(10min);
  REQUIRE(bench.asked - before >= 38);
}

// Keys.

TEST_CASE("scheduler: a standby key is used once a day, and its page is not looked at") {
  Bench bench({.keys_each = 2});
  std::map<CredentialId, std::vector<Instant>> used;
  bench.okta = [&](const AskOkta& ask) {
    used[ask.credential].push_back(bench.steady);
    return page({event(1)}).next(ask.target).at(bench.okta_now());
  };
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(3 * 24h);
  REQUIRE(used.size() == 2);
  const auto& standby = used.rbegin()->second;
  REQUIRE(standby.size() >= 3);
  REQUIRE(standby.size() <= 5);
  REQUIRE(bench.numbers() == std::vector<int>{1});
}

TEST_CASE("scheduler: the use of a standby key holds no room for a page") {
  Bench bench({.domains = many_domains(50), .keys_each = 2});
  std::set<std::string> weighed;
  const std::string heavy = page(events(1, 900)).answer.body;
  bench.okta = [&](const AskOkta& ask) -> std::optional<HttpResult> {
    if (ask.target.ends_with("&limit=1")) return std::nullopt;
    if (!weighed.insert(ask.origin.host).second) return always_empty(ask, bench);
    return body(heavy).next(ask.target).at(bench.okta_now());  // Known from now on by their weight.
  };
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(limits::key_first_use + 1s);
  REQUIRE(bench.asks.size() >= 50);
  REQUIRE(bench.report().memory_used <= bench.asks.size() * limits::ask_reserve_min);
}

TEST_CASE("scheduler: a 429 to a standby key silences the org, and a crash does not forget it") {
  Bench bench({.keys_each = 2});
  bench.okta = [&](const AskOkta& ask) -> std::optional<HttpResult> {
    if (ask.target.ends_with("&limit=1")) return status(429).rate(120, 0, 300s).at(bench.okta_now());
    return always_empty(ask, bench);
  };
  bench.pass(limits::key_first_use + 1s);
  const std::size_t before = bench.asked;
  bench.crashes();
  bench.pass(280s);
  REQUIRE(bench.asked == before);
  bench.pass(30s);
  REQUIRE(bench.asked > before);
}

TEST_CASE("scheduler: a doubt that a standby key's answer saves is dated by that answer, not by our clock") {
  Bench bench({.keys_each = 2});
  bench.okta_replies(page({event(1)}).next(link_a));
  bench.listener_takes();
  bench.wall += 2h;  // Set unnoticed.
  bench.settings.okta_skew -= 2h;
  bench.crashes();
  bench.okta = [&](const AskOkta& ask) -> std::optional<HttpResult> {
    if (ask.target.ends_with("&limit=1")) return status(429).rate(120, 0, 5s).at(bench.okta_now());
    return std::nullopt;
  };
  bench.pass(limits::key_first_use + 1s);
  bench.okta = nullptr;
  bench.crashes();
  bench.pass(1min);
  bench.okta_replies(page({event(2, bench.okta_now())}).next(link_b));
  bench.listener_takes();
  REQUIRE(bench.numbers() == std::vector<int>{1, 2});
  REQUIRE(bench.marked_numbers().empty());
}
