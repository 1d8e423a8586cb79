// Newline JSON over TCP and TLS, where no answer comes.
#include <algorithm>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

struct Lines : Bench {
  std::size_t org = add_org();
  Protocol protocol = GENERATE(Protocol::tcp_lines, Protocol::tls_lines);

  Lines() {
    add_listener({.protocol = protocol});
    world.issue_past(org, 2500, 24h);
  }
  [[nodiscard]] model::ListenerCounts counts() {
    return world.with_listener(0, [](model::Listener& logz) { return logz.counts(); });
  }
};

TEST_CASE_METHOD(Lines, "lines: every event comes once, with the token in its line") {
  start();
  REQUIRE(all_arrive());
  for (int i = 0; i < 3; ++i) {
    world.issue(org, 10);
    REQUIRE(all_arrive());
  }
  CHECK(stop() == 0);
  CHECK(proven_once());
  CHECK(counts().token_refused == 0);
  CHECK(counts().unterminated == 0);
  CHECK(daemon().log().contains("never answers"));
  CHECK(run_once() == 0);
  CHECK(lines() == 2530);
}

TEST_CASE_METHOD(Lines,
                 "lines: after a cut in the middle of a bulk every line is sent again, whole and marked") {
  const auto ending = GENERATE(model::Ending::fin, model::Ending::reset);
  inject_listener(fault::CutRequest{.bytes = 100'000, .ending = ending}, 1);
  start();
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven());
  const model::Judgement judgement = world.judge();
  CHECK(judgement.repeats > 0);
  // The whole bulk is marked, not only what was known to be taken.
  CHECK(judgement.marked > judgement.repeats);
}

TEST_CASE_METHOD(Lines, "lines: a listener that is away for a while gets every line once") {
  world.refuse(world.listener_port(0), true);
  start();
  REQUIRE(says("did not take a bulk"));
  world.refuse(world.listener_port(0), false);
  REQUIRE(all_arrive());
  CHECK(stop() == 0);
  CHECK(proven_once());
}

TEST_CASE_METHOD(Lines, "lines: a wrong token is lost unseen, as a warning said it would be") {
  const std::string wrong = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF";
  start({.env = {{"LOGZIO_TOKEN", wrong}}});
  REQUIRE(says("(all of them if the token is wrong) are lost unseen"));
  REQUIRE(wait([&] { return counts().token_refused == 2500; }));
  CHECK(lines() == 0);
  CHECK(stop() == 0);
}

TEST_CASE("lines: poisonous events are found before they are sent, since no answer would tell") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener({.protocol = Protocol::tcp_lines});
  std::size_t kept = 0;
  for (const model::Special special : model::all_specials()) {
    if (special == model::Special::clashing_keys) continue;  // Has a token of its own, see below.
    bench.world.issue_special(org, special);
    bench.world.issue(org, 1);
    if (fate_of(special) != model::Fate::whole) ++kept;
  }
  const std::string own_token = R"({"uuid":"22222222-2222-4222-8222-222222222222","token":"its own"})";
  bench.world.issue_bytes(org, own_token, model::Fate::set_aside);
  bench.world.issue(org, 1);
  bench.start();
  REQUIRE(bench.all_arrive());
  CHECK(bench.stop() == 0);
  CHECK(bench.proven());
  CHECK(bench.world.judge().repeats == 0);
  const auto counts = bench.world.with_listener(0, [](model::Listener& logz) { return logz.counts(); });
  CHECK(counts.lines_refused == 0);
  CHECK(counts.token_refused == 0);
  CHECK(bench.set_aside().size() == kept + 1);
  CHECK(std::ranges::count(bench.set_aside(), own_token) == 1);
}

TEST_CASE("lines: a listener that never ends its side is believed after ten seconds, and that is said") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener({.protocol = Protocol::tcp_lines});
  bench.inject_listener(fault::SilentEnd{});
  bench.world.issue(org, 20);
  bench.start();
  REQUIRE(bench.all_arrive());
  bench.world.issue(org, 20);
  REQUIRE(bench.all_arrive());
  REQUIRE(bench.wait([&] { return !bench.query_state("SELECT 1 FROM stream WHERE pages >= 1").empty(); }));
  CHECK(bench.proven_once());
}

}  // namespace
}  // namespace logzio_okta::e2e
