#include "logzio_okta/flow/mint.hpp"

#include <algorithm>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/backoff.hpp"

namespace logzio_okta {

bool Mint::holds(Instant now) const {
  return held_ && now < held_->until;
}

std::optional<Instant> Mint::held_since() const {
  return held_ ? std::optional(held_->since) : std::nullopt;
}

std::optional<Instant> Mint::held_until() const {
  return held_ ? std::optional(held_->until) : std::nullopt;
}

std::optional<TokenScheme> Mint::scheme() const {
  return held_ ? std::optional(held_->scheme) : std::nullopt;
}

bool Mint::under_way() const {
  return asked_.has_value();
}

Instant Mint::due() const {
  if (asked_) return never;
  return held_ ? std::max(held_->renew_at, not_before_) : not_before_;
}

void Mint::asked(Instant now) {
  CHECK(!asked_);
  asked_ = now;
}

// Its lifetime is counted from the request: Okta issued it some time after that.
void Mint::granted(Instant now, const TokenFacts& facts, Random& random) {
  CHECK(asked_);
  const Duration before = std::min<Duration>(limits::token_renew_before, facts.life / 4);
  const Duration margin = std::min<Duration>(limits::token_margin, facts.life / 20);
  const Duration jitter = random.between(Duration(0), 2 * before / 5) - before / 5;
  const Instant ends = *asked_ + facts.life;
  held_ =
      Held{.since = now, .until = ends - margin, .renew_at = ends - before + jitter, .scheme = facts.scheme};
  proved_ = facts.scheme == TokenScheme::dpop;
  not_before_ = *asked_ + limits::mint_pause_min;
  asked_.reset();
  tried_bare_ = false;
  again_ = failures_ = 0;
}

Mint::Next Mint::refused(Instant now, TokenTrouble trouble, Random& random) {
  CHECK(asked_);
  asked_.reset();
  switch (trouble) {
    case TokenTrouble::nonce:
    case TokenTrouble::used:
    case TokenTrouble::clock:
      return at_once(now, random, Next::waits);
    case TokenTrouble::proof_algorithm:
      return use_rsa() ? at_once(now, random, Next::refused) : Next::refused;
    case TokenTrouble::proof_missing:
      if (proof_ != ProofKind::none) return Next::refused;  // We sent one.
      proof_ = ProofKind::ec;
      return at_once(now, random, Next::refused);
    case TokenTrouble::proof_unwanted:
      if (proof_ == ProofKind::none || proved_ || tried_bare_) return Next::refused;
      proof_ = ProofKind::none;
      tried_bare_ = true;
      return at_once(now, random, Next::refused);
    case TokenTrouble::proof:
    case TokenTrouble::client:
    case TokenTrouble::scope:
    case TokenTrouble::zone:
    case TokenTrouble::no_org:
    case TokenTrouble::other:
      again_ = 0;
      return Next::refused;
    case TokenTrouble::limited:
    case TokenTrouble::outage:
      return later(now, random);
  }
  return Next::refused;
}

Mint::Next Mint::at_once(Instant now, Random& random, Next otherwise) {
  if (++again_ <= limits::mints_at_once_max) {
    not_before_ = now;
    return Next::again;
  }
  again_ = 0;
  if (otherwise == Next::waits) return later(now, random);
  return otherwise;
}

Mint::Next Mint::later(Instant now, Random& random) {
  not_before_ = now + backoff(limits::ask_backoff_base, limits::ask_backoff_max, failures_++, random);
  // Until the token ends there is time to wait; at its end the outage may be over.
  if (holds(now)) not_before_ = std::min(not_before_, held_->until);
  return Next::waits;
}

void Mint::forget() {
  held_.reset();
}

bool Mint::use_rsa() {
  if (proof_ != ProofKind::ec) return false;
  proof_ = ProofKind::rsa;
  return true;
}

}  // namespace logzio_okta
