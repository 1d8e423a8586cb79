#include "logzio_okta/flow/org.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

constexpr CredentialId first{1};
constexpr CredentialId second{2};

/// One org and its clock. Like the scheduler, it asks only what is granted.
struct OrgBench {
  explicit OrgBench(std::vector<CredentialId> keys = {first}, double share = 0.5)
      : org(now().steady, keys, share, Random(1)) {}

  [[nodiscard]] Now now() const { return {.steady = steady, .wall = wall}; }
  [[nodiscard]] WallTime okta_now() const { return wall + okta_skew; }
  void pass(Duration duration) {
    steady += duration;
    wall += to_ms(duration);
  }

  [[nodiscard]] bool may_ask() const { return org.grant(now()).has_value(); }
  Standing asks(Reply reply, Duration transfer = 0s) {
    const auto key = org.grant(now());
    REQUIRE(key.has_value());
    return asks_with(*key, std::move(reply), transfer);
  }
  /// The answer is made at once and has arrived after `transfer`.
  Standing asks_with(CredentialId key, Reply reply, Duration transfer = 0s) {
    org.asked(now(), key);
    const WallTime asked = wall;
    HttpAnswer answer = std::move(reply).at(okta_now());
    pass(transfer);
    return org.answered(now(), asked, key, read_reply(std::move(answer)));
  }
  /// How often it may ask in a row, each time answered like this.
  int asks_until_refused(const std::function<Reply()>& reply, int most = 1000) {
    int asked = 0;
    for (; asked < most && may_ask(); ++asked) static_cast<void>(asks(reply()));
    return asked;
  }
  /// How long it stays silent.
  Duration silence() {
    const Instant begun = steady;
    while (!may_ask()) {
      const Instant chance = org.next_chance(now());
      REQUIRE(chance > steady);
      REQUIRE(chance - begun < 365 * 24h);
      pass(chance - steady);
    }
    return steady - begun;
  }

  Instant steady = Instant{} + 1'000'000s;
  WallTime wall = birth;
  std::chrono::milliseconds okta_skew{0};
  Org org;
};

Reply plain() {
  return status(200);
}

}  // namespace

// Our share of the limit.

TEST_CASE("org: we spend our share of the limit Okta shows, and go on when its window is over") {
  OrgBench bench({first}, 0.5);
  int left = 120;
  REQUIRE(bench.asks_until_refused([&] { return plain().rate(120, --left, 40s); }) == 60);
  REQUIRE(bench.silence() == 41s);  // Whole seconds on both sides: one more to be past it.
  REQUIRE(bench.may_ask());
}

TEST_CASE("org: the share is of the limit as it is shown, small or large") {
  OrgBench tiny({first}, 0.05);
  REQUIRE(tiny.asks_until_refused([] { return plain().rate(20, 15, 40s); }) == 1);
  OrgBench least({first}, 0.05);
  REQUIRE(least.asks_until_refused([] { return plain().rate(10, 9, 40s); }) == 1);  // At least one call.
  OrgBench all({first}, 1.0);
  REQUIRE(all.asks_until_refused([] { return plain().rate(50, 30, 40s); }) == 50);
}

TEST_CASE("org: our count is over all keys") {
  OrgBench bench({first, second}, 0.5);
  for (int i = 0; i < 10; ++i) {
    static_cast<void>(bench.asks_with(i % 2 == 0 ? first : second, plain().rate(20, 19, 40s)));
  }
  REQUIRE_FALSE(bench.may_ask());
}

TEST_CASE("org: nothing is asked while Okta says five percent or less remains") {
  OrgBench bench;
  static_cast<void>(bench.asks(plain().rate(120, 7, 30s)));
  REQUIRE(bench.may_ask());
  static_cast<void>(bench.asks(plain().rate(120, 6, 30s)));
  REQUIRE_FALSE(bench.may_ask());
  REQUIRE(bench.silence() == 31s);
}

TEST_CASE("org: before Okta has shown a limit, the one of a usual org is assumed, by minutes of our own") {
  OrgBench bench({first}, 0.5);
  REQUIRE(bench.asks_until_refused(plain) == limits::rate_limit_assumed / 2);
  REQUIRE(bench.silence() == limits::rate_window);
  REQUIRE(bench.asks_until_refused(plain) == limits::rate_limit_assumed / 2);
}

TEST_CASE("org: an answer that takes long to arrive does not begin a new window") {
  OrgBench bench({first}, 0.5);
  int asked = 0;
  const Instant begun = bench.steady;
  while (bench.steady - begun < 50s && bench.may_ask()) {
    static_cast<void>(bench.asks(plain().rate(20, 19, 60s - (bench.steady - begun)), 4s));
    ++asked;
  }
  REQUIRE(asked == 10);
  REQUIRE(bench.silence() <= 20s + 4s + 1s);  // Its end is known as exactly as an answer is fast.
}

TEST_CASE("org: a window that has begun at Okta counts from the request that showed it") {
  OrgBench bench({first}, 0.5);
  for (int i = 0; i < 9; ++i) static_cast<void>(bench.asks(plain().rate(20, 19 - i, 10s)));
  bench.pass(10s);  // Ours ends a second later.
  static_cast<void>(bench.asks(plain().rate(20, 19, 60s)));
  REQUIRE(bench.org.spent() == 1);
  REQUIRE(bench.asks_until_refused([] { return plain().rate(20, 18, 60s); }) == 9);
}

TEST_CASE("org: answers that do not tell their window may have been counted in the one that began") {
  OrgBench bench({first}, 0.5);
  for (int i = 0; i < 9; ++i) static_cast<void>(bench.asks(plain().rate(20, 19 - i, 10s)));
  bench.pass(10s);
  static_cast<void>(bench.asks(status(429).rate(20, 0, -3600s)));  // Names a moment that is past.
  bench.pass(1s);
  static_cast<void>(bench.asks(plain().rate(20, 18, 59s)));
  REQUIRE(bench.org.spent() == 2);
}

TEST_CASE("org: answers that did not tell their window count for a window's length") {
  OrgBench bench({first}, 0.5);
  static_cast<void>(bench.asks(plain().rate(20, 19, 60s)));
  const auto spends_the_rest = [&] {
    return bench.asks_until_refused([] { return plain().rate(20, 18, 60s); });
  };
  SECTION("also where Okta had named a window before them") {
    bench.pass(30s);
    static_cast<void>(bench.asks(status(404)));
    static_cast<void>(bench.asks(status(404)));
    bench.pass(31s);
    REQUIRE(spends_the_rest() == 8);
  }
  SECTION("also where the minute was one of our own") {
    bench.pass(61s);
    static_cast<void>(bench.asks(status(500)));
    bench.pass(58s);
    static_cast<void>(bench.asks(status(500)));
    static_cast<void>(bench.asks(status(500)));
    bench.pass(14s);
    REQUIRE(spends_the_rest() == 8);
  }
  SECTION("and not in a window that begins after it") {
    static_cast<void>(bench.asks(status(404)));
    bench.pass(61s);
    REQUIRE(spends_the_rest() == 10);
  }
}

TEST_CASE("org: where no answer tells its window, the whole share is spent, and no minute sees more") {
  OrgBench bench({first}, 0.5);
  constexpr int share = limits::rate_limit_assumed / 2;
  std::vector<Instant> asked;
  const Instant begun = bench.steady;
  while (bench.steady - begun < 10min) {
    if (!bench.may_ask()) {
      bench.pass(100ms);
      continue;
    }
    asked.push_back(bench.steady);
    static_cast<void>(bench.asks(plain(), 300ms));
  }
  for (std::size_t i = share; i < asked.size(); ++i)
    REQUIRE(asked[i] - asked[i - share] >= limits::rate_window);
  REQUIRE(asked.size() >= 9 * share);
}

TEST_CASE("org: absurd limits and moments harm nothing") {
  OrgBench bench({first}, 1.0);
  const std::string huge = "9223372036854775807";
  static_cast<void>(
      bench.asks(plain().header("X-Rate-Limit-Limit", huge).header("X-Rate-Limit-Remaining", huge)));
  REQUIRE(bench.may_ask());
  for (const char* reset : {"0", "1795435200000", "9223372036854775807", "9223372036854775", "soon", "-5"}) {
    static_cast<void>(bench.asks(plain()
                                     .header("X-Rate-Limit-Limit", "120")
                                     .header("X-Rate-Limit-Remaining", "119")
                                     .header("X-Rate-Limit-Reset", reset)));
    REQUIRE(bench.may_ask());
  }
  static_cast<void>(
      bench.asks(plain().header("X-Rate-Limit-Limit", "0").header("X-Rate-Limit-Remaining", "5")));
  REQUIRE(bench.silence() <= limits::rate_window);
}

// 429.

TEST_CASE("org: after a 429 Okta hears nothing before the moment it named, by its own clock") {
  for (const auto skew : {0ms, 3'600'000ms, -86'400'000ms}) {
    OrgBench bench;
    bench.okta_skew = skew;
    REQUIRE(bench.asks(status(429).rate(120, 0, 37s)) == Standing::limited);
    REQUIRE(bench.silence() == 38s);
  }
}

TEST_CASE("org: a Date that is not believed does not shorten the silence of a 429") {
  for (const auto off : {48h, -48h}) {
    OrgBench bench;
    static_cast<void>(bench.asks(plain()));
    REQUIRE(
        bench.asks(status(429).rate(120, 0, 37s).header("Date", format_http_date(bench.okta_now() + off))) ==
        Standing::limited);
    REQUIRE(bench.silence() == 38s);
  }
}

TEST_CASE("org: a Date that is off by less than a day does not shorten the silence of a 429 either") {
  for (const Duration off : {Duration(3h), Duration(-3h), Duration(2min), Duration(-2min)}) {
    OrgBench bench;
    static_cast<void>(bench.asks(plain()));
    bench.pass(10s);
    REQUIRE(
        bench.asks(
            status(429).rate(120, 0, 37s).header("Date", format_http_date(bench.okta_now() + to_ms(off)))) ==
        Standing::limited);
    REQUIRE(bench.silence() >= 38s);
  }
}

TEST_CASE("org: the moment named in a 429 is kept until it is over, whatever else is answered") {
  OrgBench bench({first, second});
  bench.org.asked(bench.now(), second);
  REQUIRE(bench.asks_with(first, status(429).rate(120, 0, 37s)) == Standing::limited);
  REQUIRE(bench.org.quiet_until() == birth + 38s);
  static_cast<void>(bench.org.answered(bench.now(), bench.wall, second, OktaReply(plain().at(bench.wall))));
  REQUIRE(bench.org.quiet_until() == birth + 38s);
  bench.pass(38s);
  static_cast<void>(bench.asks(plain()));
  REQUIRE_FALSE(bench.org.quiet_until());
}

TEST_CASE("org: when two 429s were on their way together, the later moment counts") {
  OrgBench bench({first, second});
  for (const CredentialId key : {first, second}) bench.org.asked(bench.now(), key);
  const auto hears = [&](CredentialId key, Reply reply) {
    return bench.org.answered(bench.now(), bench.wall, key, OktaReply(std::move(reply).at(bench.okta_now())));
  };
  REQUIRE(hears(first, status(429).rate(120, 0, 90s)) == Standing::limited);
  const auto named = bench.org.quiet_until();
  SECTION("a shorter silence") {
    REQUIRE(hears(second, status(429).rate(120, 0, 20s)) == Standing::limited);
  }
  SECTION("a pause because of too many requests at once") {
    REQUIRE(hears(second, status(429).rate(0, 0, 20s)) == Standing::crowded);
  }
  CHECK(bench.org.quiet_until() == named);
  CHECK(bench.silence() == 91s);
}

TEST_CASE("org: a 429 that names no usable moment is waited out for a minute") {
  OrgBench bench;
  REQUIRE(bench.asks(status(429)) == Standing::limited);
  REQUIRE(bench.silence() == limits::rate_wait_default);
  for (const char* reset : {"1795435200000", "9223372036854775807", "soon"}) {
    static_cast<void>(bench.asks(status(429).header("X-Rate-Limit-Reset", reset)));
    REQUIRE(bench.silence() == limits::rate_wait_default);
  }
}

TEST_CASE("org: Retry-After is obeyed along with the reset") {
  OrgBench bench;
  static_cast<void>(bench.asks(status(429).rate(120, 0, 10s).header("Retry-After", "90")));
  REQUIRE(bench.silence() == 90s);
}

TEST_CASE("org: if the named moment is past again and again, we ask ever more rarely") {
  OrgBench bench;
  Duration last = 0s;
  for (int i = 0; i < 8; ++i) {
    static_cast<void>(bench.asks(status(429).rate(120, 0, -300s)));
    const Duration wait = bench.silence();
    REQUIRE(wait >= last);
    REQUIRE(wait >= 1s);
    last = wait;
  }
  REQUIRE(last == limits::rate_wait_default);
}

TEST_CASE(
    "org: too many requests at once is a short, jittered, growing pause, and its reset is not believed") {
  OrgBench bench;
  Duration longest = 0s;
  for (int i = 0; i < 12; ++i) {
    REQUIRE(bench.asks(status(429).rate(0, 0, 114s)) == Standing::crowded);
    const Duration wait = bench.silence();
    REQUIRE(wait <= limits::concurrency_pause_max);
    if (i == 0) REQUIRE(wait <= limits::concurrency_pause_base);
    longest = std::max(longest, wait);
  }
  REQUIRE(longest > limits::concurrency_pause_base);
  REQUIRE_FALSE(bench.org.quiet_until());
}

TEST_CASE("org: a restart does not forget the moment, nor by whose clock it was named") {
  OrgBench bench;
  bench.org.restore(bench.now(), birth + 1h + 30s, 1h);
  REQUIRE(bench.org.offset() == 1h);
  REQUIRE(bench.org.quiet_until() == birth + 1h + 30s);
  REQUIRE(bench.silence() == 30s + limits::rate_wait_restored);
}

TEST_CASE("org: a restart does not cut the moment short where Okta's clock is known by a slow answer only") {
  OrgBench bench;
  bench.okta_skew = -10min;
  REQUIRE(bench.asks(status(429).rate(120, 0, 30s), 20s) == Standing::limited);
  REQUIRE(bench.org.offset() > -10min);
  Org restarted(bench.steady, {first}, 0.5, Random(1));
  restarted.restore(bench.now(), bench.org.quiet_until(), bench.org.offset());
  REQUIRE(restarted.next_chance(bench.now()) >= bench.org.next_chance(bench.now()));
}

TEST_CASE("org: a saved moment that is past or far away is not waited for") {
  OrgBench past;
  past.org.restore(past.now(), birth - to_ms(limits::rate_wait_restored), 0ms);
  REQUIRE(past.may_ask());
  OrgBench far;
  far.org.restore(far.now(), birth + 24h * 365, 0ms);
  REQUIRE(far.silence() == limits::rate_wait_max);
}

// Okta's clock.

TEST_CASE("org: two clocks count as one unless they certainly disagree") {
  OrgBench bench;
  for (const auto skew : {0ms, 400ms, -400ms, 999ms}) {
    bench.okta_skew = skew;
    static_cast<void>(bench.asks(plain(), 1s));
    REQUIRE(bench.org.offset() == 0ms);
  }
}

TEST_CASE("org: a clock that is off is known to the second, and rather too late than too early") {
  for (const auto skew : {7'200'000ms, -7'200'000ms, 5'500ms}) {
    OrgBench bench;
    bench.okta_skew = skew;
    static_cast<void>(bench.asks(plain()));
    REQUIRE(bench.org.offset() >= skew);
    REQUIRE(bench.org.offset() <= skew + 1s);
    REQUIRE(bench.org.okta_time(birth) == birth + bench.org.offset());
  }
}

TEST_CASE("org: the Date of an intermediary is not Okta's clock") {
  OrgBench bench;
  const std::string long_ago = "Thu, 01 Jan 1970 00:00:00 GMT";
  static_cast<void>(bench.asks(status(502).foreign().header("Date", long_ago)));
  REQUIRE_FALSE(bench.org.clock().has_value());
  REQUIRE(bench.org.offset() == 0ms);
}

TEST_CASE("org: a Date a day off from what the org said is not believed, until three in a row agree") {
  OrgBench bench;
  static_cast<void>(bench.asks(plain()));
  const auto strays = [&](Duration by) {
    static_cast<void>(bench.asks(status(503).header("Date", format_http_date(bench.okta_now() + to_ms(by)))));
    return bench.org.date().has_value();
  };
  REQUIRE_FALSE(strays(25h));
  REQUIRE(bench.org.offset() == 0ms);
  REQUIRE_FALSE(strays(-25h));  // Not the same one.
  REQUIRE_FALSE(strays(25h));
  REQUIRE(strays(23h));
  REQUIRE(bench.org.offset() >= 23h);
  static_cast<void>(bench.asks(plain()));
  REQUIRE(bench.org.offset() == 0ms);

  REQUIRE_FALSE(strays(72h));
  bench.pass(10s);
  REQUIRE_FALSE(strays(72h));
  bench.pass(10s);
  REQUIRE(strays(72h));  // So the first one was wrong.
  REQUIRE(bench.org.offset() >= 72h);
}

TEST_CASE("org: our own clock may be set by years and Okta is still believed") {
  OrgBench bench;
  static_cast<void>(bench.asks(plain()));
  for (const Duration by : {Duration(-1000 * 24h), Duration(3000 * 24h)}) {
    bench.wall += to_ms(by);
    bench.okta_skew -= to_ms(by);
    static_cast<void>(bench.asks(plain()));
    REQUIRE(std::chrono::abs(bench.org.offset() - bench.okta_skew) <= 1s);
  }
}

TEST_CASE("org: a Date that is missing or nonsense leaves the clock as it was") {
  OrgBench bench;
  bench.okta_skew = 2h;
  static_cast<void>(bench.asks(plain()));
  const auto known = bench.org.offset();
  static_cast<void>(bench.asks(plain().undated()));
  REQUIRE(bench.org.offset() == known);
  static_cast<void>(bench.asks(plain().header("Date", "Fri, 31 Dec 9999 23:59:59 GMT")));
  REQUIRE(bench.org.offset() == known);
  static_cast<void>(bench.asks(plain().header("Date", "Mon, 01 Jan 0001 00:00:00 GMT")));
  REQUIRE(bench.org.offset() == known);
}

// Keys.

TEST_CASE("org: a 401 refuses a key, the next one takes over and stays") {
  OrgBench bench({first, second});
  REQUIRE(bench.org.grant(bench.now()) == first);
  REQUIRE(bench.asks(status(401)) == Standing::unauthorized);
  REQUIRE(bench.org.grant(bench.now()) == second);
  REQUIRE(bench.org.keys_refused() == 1);
  REQUIRE_FALSE(bench.org.all_refused());

  static_cast<void>(bench.asks_with(first, plain()));  // It is good again, but not in use.
  REQUIRE(bench.org.keys_refused() == 0);
  REQUIRE(bench.org.grant(bench.now()) == second);
}

TEST_CASE("org: a key is refused by the third 403 in a row, not by single ones") {
  OrgBench bench({first, second});
  for (int i = 0; i < 10; ++i) {
    REQUIRE(bench.asks(status(403)) == Standing::forbidden);
    REQUIRE(bench.asks(status(403)) == Standing::forbidden);
    REQUIRE(bench.org.grant(bench.now()) == first);
    static_cast<void>(bench.asks(plain()));
  }
  for (int i = 0; i < 3; ++i) static_cast<void>(bench.asks(status(403)));
  REQUIRE(bench.org.grant(bench.now()) == second);
}

TEST_CASE("org: with every key refused each is tried ever more rarely, at least once a day") {
  OrgBench bench({first, second});
  static_cast<void>(bench.asks(status(401)));
  static_cast<void>(bench.asks(status(401)));
  REQUIRE(bench.org.all_refused());
  std::map<CredentialId, Instant> tried;
  std::map<CredentialId, Duration> last_pause;
  for (int i = 0; i < 40; ++i) {
    static_cast<void>(bench.silence());
    const CredentialId key = *bench.org.grant(bench.now());
    if (tried.contains(key)) {
      const Duration pause = bench.steady - tried[key];
      REQUIRE(pause >= last_pause[key]);
      REQUIRE(pause <= 24h);
      last_pause[key] = pause;
    }
    tried[key] = bench.steady;
    static_cast<void>(bench.asks(status(401)));
  }
  REQUIRE(last_pause[first] == limits::refused_retry_max);
  REQUIRE(last_pause[second] == limits::refused_retry_max);
}

TEST_CASE("org: a refused key that is accepted again is used at once") {
  OrgBench bench({first, second});
  static_cast<void>(bench.asks(status(401)));
  static_cast<void>(bench.asks(status(401)));
  static_cast<void>(bench.silence());
  const CredentialId key = *bench.org.grant(bench.now());
  static_cast<void>(bench.asks(plain()));
  REQUIRE(bench.org.grant(bench.now()) == key);
  REQUIRE(bench.org.keys_refused() == 1);
}

TEST_CASE("org: every key is used soon after a start and once a day from then on, whatever else is wrong") {
  OrgBench bench({first, second});
  static_cast<void>(bench.asks(status(401)));  // The first is refused, the second in use.
  std::map<CredentialId, std::vector<Instant>> used;
  const Instant begun = bench.steady;
  while (bench.steady - begun < 10 * 24h) {
    bench.pass(std::max<Duration>(bench.org.next_idle_key() - bench.steady, 0s));
    const auto key = bench.org.idle_key(bench.now());
    REQUIRE(key.has_value());
    used[*key].push_back(bench.steady);
    static_cast<void>(bench.asks_with(*key, *key == first ? status(401) : plain()));
  }
  REQUIRE(used[second].front() - begun <= limits::key_first_use);
  for (const CredentialId key : {first, second}) {
    for (std::size_t i = 1; i < used[key].size(); ++i) REQUIRE(used[key][i] - used[key][i - 1] <= 24h);
    REQUIRE(bench.steady - used[key].back() <= 24h);
  }
}

TEST_CASE("org: a key is not used for its own sake while Okta asked for silence") {
  OrgBench bench({first, second});
  bench.pass(limits::key_first_use - 1s);
  static_cast<void>(bench.asks(status(429).rate(120, 0, 60s)));
  bench.pass(10s);
  REQUIRE_FALSE(bench.org.idle_key(bench.now()));
  REQUIRE(bench.org.next_idle_key() == bench.steady + 51s);
  bench.pass(51s);
  REQUIRE(bench.org.idle_key(bench.now()) == second);
}

TEST_CASE("org: keys that stay keep their state, new ones are good") {
  OrgBench bench({first, second});
  static_cast<void>(bench.asks(status(401)));
  static_cast<void>(bench.asks(status(401)));
  const CredentialId third{3};
  bench.org.replace_keys(bench.now().steady, {second, third});
  REQUIRE(bench.org.keys() == 2);
  REQUIRE(bench.org.keys_refused() == 1);
  REQUIRE(bench.org.grant(bench.now()) == third);

  bench.org.replace_keys(bench.now().steady, {second});
  REQUIRE(bench.org.all_refused());
}

TEST_CASE("org: a refused key is tried at once after a reload, for it may be good again in Okta") {
  OrgBench bench({first, second});
  static_cast<void>(bench.asks(status(401)));
  REQUIRE_FALSE(bench.org.idle_key(bench.now()));
  bench.org.replace_keys(bench.now().steady, {first, second});
  REQUIRE(bench.org.idle_key(bench.now()) == first);  // Beside the one that is in use.

  static_cast<void>(bench.asks_with(first, status(401)));
  static_cast<void>(bench.asks(status(401)));
  REQUIRE(bench.org.all_refused());
  REQUIRE_FALSE(bench.may_ask());
  bench.org.replace_keys(bench.now().steady, {first, second});
  REQUIRE(bench.may_ask());
  static_cast<void>(bench.asks(plain()));
  REQUIRE_FALSE(bench.org.all_refused());
}

// Who answered.

TEST_CASE("org: a page of an intermediary says nothing about a key") {
  OrgBench bench({first});
  for (const int answered : {401, 403, 403, 403, 403, 404, 502}) {
    REQUIRE(bench.asks(status(answered, "<html>Blocked</html>").foreign()) == Standing::foreign);
    REQUIRE(bench.org.keys_refused() == 0);
    REQUIRE(bench.may_ask());
  }
  static_cast<void>(bench.asks(status(401)));
  REQUIRE(bench.org.all_refused());
  bench.pass(limits::refused_retry_base);
  static_cast<void>(bench.asks(body("<html>Sign in</html>").foreign()));  // A captive portal.
  REQUIRE(bench.org.all_refused());
}

TEST_CASE("org: only Okta's JSON error shows that an answer is Okta's") {
  OrgBench bench({first});
  const std::string invalid = R"({"errorCode":"E0000011","errorSummary":"Invalid token provided"})";
  REQUIRE(bench.asks(status(401, invalid).foreign()) == Standing::unauthorized);
  REQUIRE(bench.org.all_refused());
}

TEST_CASE("org: the answer to a removed key does no harm") {
  OrgBench bench({first});
  bench.org.asked(bench.now(), first);
  bench.org.replace_keys(bench.now().steady, {second});
  REQUIRE(bench.org.answered(bench.now(), bench.wall, first, OktaReply(status(401).at(bench.wall))) ==
          Standing::unauthorized);
  REQUIRE(bench.org.keys_refused() == 0);
}

TEST_CASE("org: whatever Okta answers, there is a next chance, and the share is kept") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    OrgBench bench({first, second}, 0.5);
    std::deque<Instant> granted;
    for (int i = 0; i < 300; ++i) {
      bench.pass(random.between(0s, 3s));
      static_cast<void>(bench.silence());  // Fails if there is no next chance.
      granted.push_back(bench.steady);
      switch (random.below(12)) {
        case 0:
          static_cast<void>(bench.asks(status(429).rate(40, 0, random.between(-5s, 60s))));
          break;
        case 1:
          static_cast<void>(bench.asks(status(429).rate(0, 0, 60s)));
          break;
        case 2:
          static_cast<void>(bench.asks(status(random.below(2) == 0 ? 401 : 403)));
          break;
        case 3:
          bench.org.asked(bench.now(), *bench.org.grant(bench.now()));
          bench.org.cancelled();
          break;
        default: {
          // Okta's windows are the minutes of its clock.
          const Duration into = bench.wall.time_since_epoch() % 60'000ms;
          const int left = static_cast<int>(random.between(3s, 39s) / 1s);
          static_cast<void>(bench.asks(plain().rate(40, left, 60s - into), random.between(0s, 8s)));
        }
      }
    }
    // No more than two windows' share can fall into any span of just under a minute.
    for (std::size_t i = 41; i < granted.size(); ++i) REQUIRE(granted[i] - granted[i - 41] > 50s);
  }
}
