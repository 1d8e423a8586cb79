// Org with service apps: which credential is used, when tokens are asked for, and what refuses what.
#include <string_view>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/failure.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/okta/reply.hpp"

#include "catch.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;

constexpr CredentialId app{1};
constexpr CredentialId second{2};
const WallTime birth = *parse_rfc3339("2026-11-23T12:00:00Z");

TokenRefusal refusal(int status, std::string error, std::string description) {
  return {.status = status,
          .headers = {},
          .of_okta = !error.empty(),
          .error = std::move(error),
          .description = std::move(description)};
}

HttpAnswer challenge(int status, std::string_view error, std::string_view text = {}) {
  return {.status = status,
          .headers = {{"WWW-Authenticate", "DPoP error=\"" + std::string(error) + "\", error_description=\"" +
                                               std::string(text) + '"'}},
          .body = {}};
}

const HttpAnswer good{.status = 200, .headers = {{"X-Okta-Request-Id", "r"}}, .body = "[]"};
const HttpAnswer unauthorized{.status = 401, .headers = {{"X-Okta-Request-Id", "r"}}, .body = {}};
const TokenRefusal unknown_key = refusal(401, "invalid_client", "The client_assertion signature is invalid.");

struct Bench {
  explicit Bench(bool other_is_app = false, bool alone = false)
      : org(Instant(1h), alone ? std::vector{app} : std::vector{app, second}, 1, Random(3),
            other_is_app ? std::vector<ServiceAppSpec>{{app, "key one"}, {second, "key two"}}
                         : std::vector<ServiceAppSpec>{{app, "key one"}}) {}

  Now now{.steady = Instant(1h), .wall = birth};
  Org org;

  void pass(Duration time) {
    now.steady += time;
    now.wall += to_ms(time);
  }
  /// The credential for which a token is asked for now, and it is.
  std::optional<CredentialId> mints(bool idle_too = true) {
    const auto key = org.mint_due(now, idle_too);
    if (key) org.minting(now, *key);
    return key;
  }
  MintEnd answer(CredentialId key, const MintResult& result) {
    return org.minted(now, now.wall, key, result);
  }
  void grant(CredentialId key = app, Duration life = 1h) {
    REQUIRE(mints() == key);
    CHECK(
        answer(key, TokenGranted{.facts = {.scheme = TokenScheme::dpop, .life = life}, .headers = {}}).next ==
        Mint::Next::held);
  }
  Standing answered(WallTime asked, CredentialId key, const HttpAnswer& result) {
    return org.answered(now, asked, key, read_reply(HttpAnswer(result)));
  }
  Standing asks(CredentialId key, const HttpAnswer& result) {
    REQUIRE(org.grant(now) == key);
    org.asked(now, key);
    return answered(now.wall, key, result);
  }
};

TEST_CASE("org tokens: nothing is asked with a service app before it has a token, then it is") {
  Bench bench(false, true);
  CHECK_FALSE(bench.org.grant(bench.now));
  CHECK(bench.org.next_chance(bench.now) == never);
  CHECK(bench.org.next_mint(bench.now, true) <= bench.now.steady);
  bench.grant();
  CHECK(bench.org.grant(bench.now) == app);
  CHECK_FALSE(bench.mints());
}

TEST_CASE("org tokens: while the first has no token, another key that can be used is, without taking over") {
  Bench bench;
  CHECK(bench.org.grant(bench.now) == second);
  bench.grant();
  CHECK(bench.org.grant(bench.now) == app);
}

TEST_CASE("org tokens: a key that stands by has a token only when it is tried, once in twenty hours") {
  Bench bench(true);
  bench.grant();
  CHECK(bench.asks(app, good) == Standing::fine);
  CHECK_FALSE(bench.mints());
  bench.pass(limits::key_first_use);
  bench.grant(second);
  CHECK(bench.org.idle_key(bench.now) == second);
  bench.org.asked(bench.now, second);
  CHECK(bench.answered(bench.now.wall, second, good) == Standing::fine);
  std::size_t mints_of_second = 0;
  for (int minute = 0; minute < 19 * 60; ++minute) {
    bench.pass(1min);
    while (const auto key = bench.mints()) {
      if (*key == second) ++mints_of_second;
      bench.answer(*key, TokenGranted{.facts = {.scheme = TokenScheme::dpop, .life = 1h}, .headers = {}});
    }
  }
  CHECK(mints_of_second == 0);
}

TEST_CASE("org tokens: a token is renewed by the hour, not by the poll") {
  Bench bench(false, true);
  std::size_t mints = 0;
  for (int second_of_day = 0; second_of_day < 25 * 3600; second_of_day += 10) {
    while (const auto key = bench.mints()) {
      ++mints;
      bench.answer(*key, TokenGranted{.facts = {.scheme = TokenScheme::dpop, .life = 1h}, .headers = {}});
    }
    CHECK(bench.asks(app, good) == Standing::fine);
    bench.pass(10s);
  }
  CHECK(mints >= 25);
  CHECK(mints <= 32);
}

TEST_CASE("org tokens: a token that the log refuses costs one fresh one; refused again, the key is") {
  Bench bench;
  bench.grant();
  CHECK(bench.asks(app, unauthorized) == Standing::renewing);
  CHECK_FALSE(bench.org.all_refused());
  bench.pass(limits::mint_pause_min);
  bench.grant();
  CHECK(bench.asks(app, challenge(401, "invalid_token")) == Standing::unauthorized);
  CHECK(bench.org.keys_refused() == 1);
  CHECK(bench.org.grant(bench.now) == second);
}

TEST_CASE("org tokens: a good answer in between forgives, so that each revocation costs one token") {
  Bench bench(false, true);
  for (int i = 0; i < 5; ++i) {
    bench.pass(1min);
    bench.grant();
    CHECK(bench.asks(app, good) == Standing::fine);
    CHECK(bench.asks(app, challenge(401, "invalid_token")) == Standing::renewing);
  }
  CHECK(bench.org.keys_refused() == 0);
}

TEST_CASE("org tokens: a late answer about the token before says nothing of the new one") {
  Bench bench(false, true);
  bench.grant();
  const WallTime asked = bench.now.wall;
  bench.org.asked(bench.now, app);
  bench.org.asked(bench.now, app);
  bench.pass(1s);
  CHECK(bench.answered(asked, app, unauthorized) == Standing::renewing);
  bench.pass(limits::mint_pause_min);
  bench.grant();
  bench.pass(1s);
  CHECK(bench.answered(asked, app, unauthorized) == Standing::renewing);
  CHECK(bench.org.grant(bench.now) == app);
  CHECK(bench.org.keys_refused() == 0);
}

TEST_CASE("org tokens: a proof that was used up or late does not count against the key, unless it goes on") {
  Bench bench;
  bench.grant();
  const HttpAnswer used = challenge(400, "invalid_dpop_proof", "has already been used");
  for (int i = 0; i < limits::proofs_refused_max; ++i) CHECK(bench.asks(app, used) == Standing::unproved);
  CHECK(bench.asks(app, used) == Standing::renewing);
  CHECK(bench.org.keys_refused() == 0);
}

TEST_CASE("org tokens: an objection to the credential that lasts refuses the key, and never the link") {
  const auto [status, error] = GENERATE(values<std::pair<int, const char*>>({{400, "invalid_dpop_proof"},
                                                                             {400, "invalid_request"},
                                                                             {401, "invalid_token"},
                                                                             {422, "use_dpop_nonce"}}));
  CAPTURE(status, error);
  const HttpAnswer answer = challenge(status, error, "The DPoP proof JWT is invalid.");
  Bench bench(false, true);
  Standing standing = Standing::fine;
  for (int i = 0; i < 20 && standing != Standing::unauthorized; ++i) {
    if (bench.org.mint_due(bench.now, false)) bench.grant();
    standing = bench.asks(app, answer);
    CHECK((standing == Standing::unproved || standing == Standing::renewing ||
           standing == Standing::unauthorized));
    bench.pass(limits::mint_pause_min);
  }
  REQUIRE(standing == Standing::unauthorized);
  const OrgFacts facts{.standing = standing, .all_keys_refused = true, .service_app = true};
  const Failure failure =
      failure_of(OktaReply(HttpAnswer(answer)), {.org = facts, .key_cure = "the usual cure"});
  CHECK(failure.then == Failure::Then::ask_the_org);
  CHECK(failure.level == Level::error);
  CHECK_THAT(failure.text, Contains("refuses a fresh access token") && Contains(error));
  const bool of_proof =
      std::string_view(error) == "invalid_dpop_proof" || std::string_view(error) == "use_dpop_nonce";
  CHECK(failure.text.contains(of_proof ? "no proxy changes the DPoP header" : "the usual cure"));
}

TEST_CASE("org tokens: a scope that is missing is about the role, whatever the status") {
  Bench bench(false, true);
  bench.grant();
  const HttpAnswer answer = challenge(400, "insufficient_scope");
  CHECK(bench.asks(app, answer) == Standing::forbidden);
  const OrgFacts facts{.standing = Standing::forbidden, .service_app = true};
  CHECK(failure_of(OktaReply(HttpAnswer(answer)), {.org = facts}).then == Failure::Then::back_off);
}

TEST_CASE("org tokens: an answer about a credential that has left the file moves nothing either") {
  Bench bench;
  bench.grant();
  bench.org.asked(bench.now, app);
  bench.org.replace_keys(bench.now.steady, {second});
  HttpAnswer answer = challenge(400, "invalid_dpop_proof");
  answer.headers.push_back({"X-Okta-Request-Id", "r"});
  CHECK(bench.answered(bench.now.wall, app, answer) == Standing::unauthorized);
  CHECK(bench.org.keys_refused() == 0);
}

TEST_CASE("org tokens: a gateway that asks for its own token says nothing about an API key") {
  Bench bench;
  bench.org.asked(bench.now, second);
  CHECK(bench.answered(bench.now.wall, second, challenge(401, "invalid_token")) == Standing::foreign);
  CHECK(bench.org.keys_refused() == 0);
}

TEST_CASE("org tokens: a 400 about the link is none about the credential") {
  Bench bench;
  bench.grant();
  const HttpAnswer about_link{.status = 400,
                              .headers = {{"X-Okta-Request-Id", "r"}},
                              .body = R"({"errorCode":"E0000001","errorSummary":"after"})"};
  CHECK(bench.asks(app, about_link) == Standing::fine);
}

TEST_CASE("org tokens: a refused app hands over, and is tried again after a day's share") {
  Bench bench;
  REQUIRE(bench.mints() == app);
  const MintEnd end = bench.answer(app, unknown_key);
  CHECK(end.next == Mint::Next::refused);
  CHECK(end.text.contains("key one"));
  CHECK(bench.org.grant(bench.now) == second);
  CHECK_FALSE(bench.mints());
  bench.pass(limits::refused_retry_max);
  bench.grant();
  CHECK(bench.org.idle_key(bench.now).has_value());
}

TEST_CASE("org tokens: with every key refused each is tried ever more rarely, a mint before a question") {
  Bench bench(true);
  REQUIRE(bench.mints() == app);
  bench.answer(app, unknown_key);
  REQUIRE(bench.mints() == second);
  bench.answer(second, unknown_key);
  CHECK(bench.org.all_refused());
  CHECK_FALSE(bench.mints());
  Duration longest{};
  Instant last = bench.now.steady;
  std::size_t tries = 0;
  for (int i = 0; i < 12; ++i) {
    const Instant next = bench.org.next_mint(bench.now, true);
    REQUIRE(next > bench.now.steady);
    REQUIRE(next != never);
    bench.pass(next - bench.now.steady);
    longest = std::max<Duration>(longest, bench.now.steady - last);
    last = bench.now.steady;
    while (const auto key = bench.mints()) {
      ++tries;
      bench.answer(*key, unknown_key);
    }
  }
  CHECK(tries >= 12);
  CHECK(longest > 1h);
  bench.pass(bench.org.next_mint(bench.now, true) - bench.now.steady);
  const auto key = bench.mints();
  REQUIRE(key);
  bench.answer(*key, TokenGranted{.facts = {.scheme = TokenScheme::dpop, .life = 1h}, .headers = {}});
  CHECK(bench.asks(*key, good) == Standing::fine);
  CHECK_FALSE(bench.org.all_refused());
}

TEST_CASE("org tokens: a refused renewal leaves the live token in use where there is nothing better") {
  Bench bench(false, true);
  bench.grant();
  bench.pass(55min);
  REQUIRE(bench.mints() == app);
  CHECK(bench.answer(app, unknown_key).next == Mint::Next::refused);
  CHECK(bench.org.grant(bench.now) == app);
  CHECK_FALSE(bench.mints());
  bench.pass(10min);
  CHECK_FALSE(bench.org.grant(bench.now));
}

TEST_CASE("org tokens: the token endpoint's silence is its own, and the log's is its own") {
  Bench bench(false, true);
  bench.grant();
  bench.pass(55min);
  REQUIRE(bench.mints() == app);
  TokenRefusal limited = refusal(429, "", "");
  limited.headers = {{"Retry-After", "120"}};
  CHECK(bench.answer(app, limited).next == Mint::Next::waits);
  CHECK(bench.org.grant(bench.now) == app);
  CHECK(bench.org.next_mint(bench.now, true) >= bench.now.steady + 120s);
  bench.pass(119s);
  CHECK_FALSE(bench.mints());
  bench.pass(1s);
  bench.grant();
}

TEST_CASE("org tokens: an outage without a token: the other key serves, and none is refused") {
  Bench bench(true);
  REQUIRE(bench.mints() == app);
  const TransportError down{.fault = TransportFault::unreachable, .text = "no way"};
  CHECK(bench.answer(app, down).next == Mint::Next::waits);
  bench.grant(second);
  CHECK(bench.org.grant(bench.now) == second);
  CHECK(bench.org.keys_refused() == 0);
  CHECK(bench.org.token_trouble(bench.now).contains("no way"));
}

TEST_CASE("org tokens: the token endpoint shows Okta's clock, also where it refuses") {
  Bench bench(false, true);
  REQUIRE(bench.mints() == app);
  TokenRefusal late = refusal(401, "invalid_client", "The client_assertion token is expired.");
  late.headers = {{"Date", format_http_date(birth + 15min)}};
  CHECK(bench.answer(app, late).next == Mint::Next::again);
  CHECK(bench.org.offset() >= 15min);
  CHECK(bench.org.offset() <= 15min + 1s);
  CHECK(bench.mints() == app);
}

TEST_CASE("org tokens: what is saved of the log's silence is taken up after a token was granted") {
  Bench bench(false, true);
  bench.grant();
  bench.org.restore(bench.now, birth + 60s, 0ms);
  CHECK_FALSE(bench.org.grant(bench.now));
}

TEST_CASE("org tokens: a changed file tries refused apps at once") {
  Bench bench(false, true);
  REQUIRE(bench.mints() == app);
  bench.answer(app, unknown_key);
  CHECK_FALSE(bench.mints());
  bench.org.replace_keys(bench.now.steady, {app}, {{app, "key one"}});
  CHECK(bench.mints() == app);
}

}  // namespace
}  // namespace logzio_okta
