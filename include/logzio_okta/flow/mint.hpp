// Mint: the lifetime of a service app's access token. The core knows whether there is one and until when; the
// keyring has its bytes.
//
//     absent --asked--> minting --granted--> held --asked, before its end--> renewing --granted--> held
//        ^                 |                   |                                |
//        +---- lost, refused, forgotten -------+        the old one is used on -+
//
//     if (mint.due() <= now) { mint.asked(now); }  // And the request goes out.
//     mint.granted(now, facts, random);
//     const Mint::Next next = mint.refused(now, trouble_of(refusal), random);
//
// A token is renewed limits::token_renew_before before it expires, or after three quarters of a shorter life,
// with jitter so that fifty tenants do not renew at once; never sooner than limits::mint_pause_min after the
// last one, so that a token that Okta revokes at once does not cost a request per poll. After failures the
// intervals grow.
//
// DPoP is detected: the first request has a proof (ES256), which an app without DPoP ignores. If Okta does
// not accept that algorithm, RS256 is tried; if it accepts no proof at all, none is sent until Okta asks for
// one.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"

namespace logzio_okta {

/// The key that signs the proof of a token request.
enum class ProofKind : std::uint8_t { none, ec, rsa };

class Mint {
 public:
  /// The consequence of an answer of the token endpoint.
  enum class Next : std::uint8_t {
    held,     ///< There is a token.
    again,    ///< A different request follows at once: the credential did not fail.
    waits,    ///< The request is repeated later: it says nothing about the credential.
    refused,  ///< The credential does not work.
  };

  /// There is a usable token.
  [[nodiscard]] bool holds(Instant now) const;
  /// Since when and until when, if there is one.
  [[nodiscard]] std::optional<Instant> held_since() const;
  [[nodiscard]] std::optional<Instant> held_until() const;
  [[nodiscard]] std::optional<TokenScheme> scheme() const;
  [[nodiscard]] bool under_way() const;
  /// When the next one should be requested, if one is needed; never while a request is in flight.
  [[nodiscard]] Instant due() const;
  [[nodiscard]] ProofKind proof() const { return proof_; }
  /// Failures in a row.
  [[nodiscard]] int failures() const { return failures_; }

  void asked(Instant now);
  void granted(Instant now, const TokenFacts& facts, Random& random);
  /// `trouble`: outage also if no answer came.
  [[nodiscard]] Next refused(Instant now, TokenTrouble trouble, Random& random);
  /// The token is no longer usable: a new one is due.
  void forget();
  /// From now on proofs are signed with RSA; false if they already were.
  bool use_rsa();
  /// Nothing is due before then.
  void wait_until(Instant at) { not_before_ = at; }

 private:
  struct Held {
    Instant since;
    Instant until;
    Instant renew_at;
    TokenScheme scheme;
  };

  [[nodiscard]] Next at_once(Instant now, Random& random, Next otherwise);
  [[nodiscard]] Next later(Instant now, Random& random);

  std::optional<Held> held_;
  std::optional<Instant> asked_;  ///< The request in flight.
  Instant not_before_{};
  ProofKind proof_ = ProofKind::ec;
  bool proved_ = false;      ///< A token was bound to a proof.
  bool tried_bare_ = false;  ///< Without a proof, since the last token.
  int again_ = 0;            ///< Immediate requests since the last token or pause.
  int failures_ = 0;
};

}  // namespace logzio_okta
