#include "logzio_okta/base/limits.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

/// A tenant that would ask once an hour, at its tail.
struct Hooked : Bench {
  static constexpr Duration window = limits::rate_window;

  explicit Hooked(double rate_share = 1) : Bench(hourly(rate_share)) {
    okta_replies(page({fresh(1)}).next("/api/v1/logs?after=1").rate(600, 599, window));
    listener_takes();
    pass(1min);
    REQUIRE(wants_nothing());
  }
  static Settings hourly(double rate_share) {
    Settings settings;
    settings.policy.poll_interval = 1h;
    settings.policy.rate_share = rate_share;
    return settings;
  }
  void nothing_new() { okta_replies(page({}).next(wants())); }
  std::uint64_t refused(HookRefusal kind) const {
    return report().hooks.refused[static_cast<std::size_t>(kind)];
  }
};

}  // namespace

TEST_CASE_METHOD(Hooked, "hooks: a delivery of a tenant's org wakes it at once") {
  REQUIRE(hook_delivers({fresh(2)}) == 204);
  REQUIRE(wants() == "/api/v1/logs?after=1");
  okta_replies(page({fresh(2)}).next("/api/v1/logs?after=2"));
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  REQUIRE(marked_numbers().empty());
  pass(30min);
  REQUIRE(wants_nothing());  // What it told of was read.
  REQUIRE(report().hooks.received == 1);
  REQUIRE(report().hooks.woken == 1);
}

TEST_CASE_METHOD(Hooked, "hooks: a delivery of more events than it may have is refused as too large") {
  REQUIRE(hook_delivers(std::vector<std::string>(limits::hook_events_max + 1, "{}")) == 413);
  REQUIRE(refused(HookRefusal::too_large) == 1);
  REQUIRE(hook_delivers(std::vector<std::string>(limits::hook_events_max, "{}")) == 204);
}

TEST_CASE("hooks: with an account's own token only the orgs of that account are woken") {
  const std::string acme = "acme.okta.com";
  const std::string globex = "globex.okta.com";
  Bench bench({.domains = {acme, globex}, .accounts = {1, 2}});
  const std::vector<DestinationId> second = {DestinationId{2}};
  REQUIRE(bench.hook_delivers({event(1)}, globex, second) == 204);
  REQUIRE(bench.hook_delivers({event(1)}, acme, second) == 403);
  REQUIRE(bench.hook_delivers({event(1)}, "initech.okta.com", second) == 403);
  REQUIRE(bench.hook_delivers({event(1)}, acme, {DestinationId{2}, DestinationId{1}}) == 204);
  REQUIRE(bench.report().hooks.refused[static_cast<std::size_t>(HookRefusal::source)] == 2);
  REQUIRE(bench.report().hooks.woken == 2);
}

TEST_CASE_METHOD(Hooked, "hooks: an event that is not in the log yet is asked for again, a few times") {
  REQUIRE(hook_delivers({fresh(2)}) == 204);
  nothing_new();
  pass(limits::wake_again_base);
  nothing_new();
  pass(2 * limits::wake_again_base);
  okta_replies(page({fresh(2)}).next("/api/v1/logs?after=2"));
  pass(30min);
  REQUIRE(wants_nothing());

  const std::size_t before = asked;
  okta = [](const AskOkta& ask) {
    return HttpResult(
        HttpAnswer{.status = 200, .headers = {{"Link", "<" + ask.target + ">; rel=\"next\""}}, .body = "[]"});
  };
  REQUIRE(hook_delivers({event(999, birth + 365 * 24h)}) == 204);  // A date that never comes.
  pass(30min);
  REQUIRE(asked - before == limits::wakes_again_max + 1);
}

TEST_CASE_METHOD(Hooked, "hooks: one that arrives while an answer is in flight makes it ask once more") {
  const std::string second = fresh(2);
  hook_delivers({second});
  REQUIRE_FALSE(wants().empty());
  pass(10ms);
  const std::string third = fresh(3);
  hook_delivers({third});
  okta_replies(page({second}).next("/api/v1/logs?after=2"));
  pass(limits::wake_pace_min);
  REQUIRE(wants() == "/api/v1/logs?after=2");
  okta_replies(page({third}).next("/api/v1/logs?after=3"));
  pass(30min);
  REQUIRE(wants_nothing());
}

TEST_CASE_METHOD(Hooked, "hooks: a storm of deliveries is one question each pace, within the budget") {
  int n = 1;
  okta = [&](const AskOkta&) {
    return HttpResult(page({fresh(++n)})
                          .next("/api/v1/logs?after=" + std::to_string(n))
                          .rate(600, 500, window)
                          .at(okta_now()));
  };
  listener = [](const SendBulk&) { return takes_all(); };
  const std::size_t before = asked;
  for (int i = 0; i < 1000; ++i) {
    hook_delivers({event(1'000'000 + i, birth + 1h)});
    pass(10ms);
  }
  REQUIRE(asked - before >= 10s / limits::wake_pace_min - 1);
  REQUIRE(asked - before <= 10s / limits::wake_pace_min + 1);
}

TEST_CASE("hooks: they never spend more than our share, and spread what is left of it") {
  Hooked bench(0.1);  // 60 of 600 in a minute.
  int n = 1;
  bench.okta = [&](const AskOkta&) {
    ++n;
    return HttpResult(
        page({bench.fresh(n)})
            .next("/api/v1/logs?after=" + std::to_string(n))
            .rate(600, 600 - n, bench.window - (bench.steady - (Instant{} + 1'000'000s)) % bench.window)
            .at(bench.okta_now()));
  };
  bench.listener = [](const SendBulk&) { return takes_all(); };
  std::vector<Duration> waits;
  for (int minute = 0; minute < 3; ++minute) {
    const std::size_t before = bench.asked;
    Duration quiet{};
    Duration longest{};
    for (Duration at{}; at < 1min; at += 50ms) {
      const std::size_t had = bench.asked;
      bench.hook_delivers({event(1'000'000, birth + 24h)});
      bench.pass(50ms);
      quiet = bench.asked == had ? quiet + 50ms : 0ms;
      longest = std::max(longest, quiet);
    }
    REQUIRE(bench.asked - before <= 61);
    REQUIRE(bench.asked - before >= 40);
    REQUIRE(longest < 3s);
  }
}

TEST_CASE_METHOD(Hooked, "hooks: none shortens a wait after a failure") {
  hook_delivers({fresh(2)});
  okta_replies(status(503));
  const Instant deadline = scheduler->deadline();
  hook_delivers({fresh(3)});
  REQUIRE(wants_nothing());
  REQUIRE(scheduler->deadline() == deadline);
}

TEST_CASE_METHOD(
    Hooked, "hooks: an org that is no tenant and a body that is no delivery are refused, and logged once") {
  REQUIRE(hook_delivers({event(2)}, "evil.okta.com") == 403);
  REQUIRE(hook_delivers({event(2)}, "evil.okta.com") == 403);
  REQUIRE(wants_nothing());
  REQUIRE(refused(HookRefusal::source) == 2);
  REQUIRE(notes_with("a hook delivery is refused (403)") == 1);
  REQUIRE(notes_with("evil") == 0);

  REQUIRE(hook_delivers({"7"}) == 400);
  REQUIRE(hook_answers.back().why == "an event is not an object");
  REQUIRE(refused(HookRefusal::malformed) == 1);

  put_in(HooksRefused{.kind = HookRefusal::unauthorized, .count = 5});
  REQUIRE(refused(HookRefusal::unauthorized) == 5);
  REQUIRE(notes_with("(401)") == 1);
}

TEST_CASE_METHOD(Hooked, "hooks: a tenant that was taken out of the file is not woken") {
  reloads({tenant("globex.okta.com")});
  REQUIRE(hook_delivers({fresh(2)}) == 403);
}
