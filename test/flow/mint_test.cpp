#include "logzio_okta/flow/mint.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

namespace logzio_okta {
namespace {

const Instant start{1h};
const TokenFacts hour{.scheme = TokenScheme::dpop, .life = 1h};

struct Bench {
  Mint mint;
  Random random{7};
  Instant now = start;

  void granted(const TokenFacts& facts = hour) {
    mint.asked(now);
    mint.granted(now, facts, random);
  }
  Mint::Next refused(TokenTrouble trouble) {
    mint.asked(now);
    return mint.refused(now, trouble, random);
  }
};

TEST_CASE("mint: a token is due at once, and while it is asked for no other is") {
  Bench bench;
  CHECK(bench.mint.due() <= bench.now);
  CHECK_FALSE(bench.mint.holds(bench.now));
  bench.mint.asked(bench.now);
  CHECK(bench.mint.under_way());
  CHECK(bench.mint.due() == never);
}

TEST_CASE("mint: it is renewed ten minutes before its end, give or take two, and used meanwhile") {
  Instant earliest = never;
  Instant latest{};
  for (int i = 0; i < 200; ++i) {
    Bench bench{.random = Random(static_cast<std::uint64_t>(i))};
    bench.granted();
    earliest = std::min(earliest, bench.mint.due());
    latest = std::max(latest, bench.mint.due());
    bench.now = bench.mint.due();
    bench.mint.asked(bench.now);
    CHECK(bench.mint.holds(bench.now));
    CHECK(bench.mint.refused(bench.now, TokenTrouble::outage, bench.random) == Mint::Next::waits);
    CHECK(bench.mint.holds(bench.now));
  }
  CHECK(earliest >= start + 48min);
  CHECK(earliest < start + 49min);
  CHECK(latest <= start + 52min);
  CHECK(latest > start + 51min);
}

TEST_CASE("mint: its life begins when it was asked for, and it is not used for the last of it") {
  Bench bench;
  bench.mint.asked(start);
  bench.mint.granted(start + 30s, hour, bench.random);
  CHECK(bench.mint.holds(start + 1h - 6s));
  CHECK_FALSE(bench.mint.holds(start + 1h - 5s));
}

TEST_CASE("mint: a short life is renewed after three quarters of it") {
  Bench bench;
  bench.granted({.scheme = TokenScheme::bearer, .life = 20s});
  CHECK(bench.mint.due() >= start + 14s);
  CHECK(bench.mint.due() <= start + 16s);
  CHECK(bench.mint.holds(start + 18s));
}

TEST_CASE("mint: a token that is taken back at once is not asked for again at once") {
  Bench bench;
  bench.granted();
  bench.mint.forget();
  CHECK_FALSE(bench.mint.holds(bench.now));
  CHECK(bench.mint.due() == start + limits::mint_pause_min);
}

TEST_CASE("mint: nonce, clock and a used assertion are asked again at once, but not for ever") {
  const auto trouble = GENERATE(TokenTrouble::nonce, TokenTrouble::clock, TokenTrouble::used);
  Bench bench;
  for (int i = 0; i < limits::mints_at_once_max; ++i) {
    CHECK(bench.refused(trouble) == Mint::Next::again);
    CHECK(bench.mint.due() <= bench.now);
  }
  CHECK(bench.refused(trouble) == Mint::Next::waits);
  CHECK(bench.mint.due() > bench.now);
}

TEST_CASE("mint: an outage is waited out, ever longer, up to a minute") {
  Bench bench;
  for (int i = 0; i < 30; ++i) {
    CHECK(bench.refused(TokenTrouble::outage) == Mint::Next::waits);
    CHECK(bench.mint.due() > bench.now);
    CHECK(bench.mint.due() <= bench.now + limits::ask_backoff_max);
    bench.now = bench.mint.due();
  }
  CHECK(bench.mint.failures() == 30);
  bench.granted();
  CHECK(bench.mint.failures() == 0);
}

TEST_CASE("mint: in an outage the next try is at the token's end at the latest") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Bench bench{.random = Random(seed)};
    bench.granted();
    const Instant end = *bench.mint.held_until();
    bench.now = bench.mint.due();
    while (bench.mint.holds(bench.now)) {
      CHECK(bench.refused(TokenTrouble::outage) == Mint::Next::waits);
      CHECK(bench.mint.due() > bench.now);
      CHECK(bench.mint.due() <= end);
      bench.now = bench.mint.due();
    }
    CHECK(bench.refused(TokenTrouble::outage) == Mint::Next::waits);
    CHECK(bench.mint.due() > end);
  }
}

TEST_CASE("mint: what is wrong with the credential refuses it") {
  for (const TokenTrouble trouble : {TokenTrouble::client, TokenTrouble::scope, TokenTrouble::zone,
                                     TokenTrouble::no_org, TokenTrouble::proof, TokenTrouble::other}) {
    Bench bench;
    CHECK(bench.refused(trouble) == Mint::Next::refused);
  }
}

TEST_CASE("mint: another algorithm for the proof is tried once") {
  Bench bench;
  CHECK(bench.mint.proof() == ProofKind::ec);
  CHECK(bench.refused(TokenTrouble::proof_algorithm) == Mint::Next::again);
  CHECK(bench.mint.proof() == ProofKind::rsa);
  CHECK(bench.refused(TokenTrouble::proof_algorithm) == Mint::Next::refused);
}

TEST_CASE("mint: a proof is left out until one is asked for") {
  Bench bench;
  CHECK(bench.refused(TokenTrouble::proof_unwanted) == Mint::Next::again);
  CHECK(bench.mint.proof() == ProofKind::none);
  bench.granted({.scheme = TokenScheme::bearer, .life = 1h});
  CHECK(bench.mint.proof() == ProofKind::none);  // Remembered.
  CHECK(bench.refused(TokenTrouble::proof_missing) == Mint::Next::again);
  CHECK(bench.mint.proof() == ProofKind::ec);
}

TEST_CASE("mint: refused with a proof and without, the credential is refused") {
  Bench bench;
  CHECK(bench.refused(TokenTrouble::proof_unwanted) == Mint::Next::again);
  CHECK(bench.refused(TokenTrouble::proof_missing) == Mint::Next::again);
  CHECK(bench.refused(TokenTrouble::proof_unwanted) == Mint::Next::refused);
}

TEST_CASE("mint: an app that is known to require proofs is not asked without one") {
  Bench bench;
  bench.granted();
  CHECK(bench.refused(TokenTrouble::proof_unwanted) == Mint::Next::refused);
}

}  // namespace
}  // namespace logzio_okta
