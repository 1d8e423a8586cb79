// Mint: the life of a service app's access token, as the core knows it: that there is one and until when. Its
// bytes are the keyring's.
//
//     absent --asked--> minting --granted--> held --asked, before its end--> renewing --granted--> held
//        ^                 |                   |                                |
//        +---- lost, refused, forgotten -------+        the old one is used on -+
//
//     if (mint.due() <= now) { mint.asked(now); }  // And the request goes out.
//     mint.granted(now, facts, random);
//     const Mint::Next next = mint.refused(now, trouble_of(refusal), random);
//
// Renewed limits::token_renew_before before its end, or after three quarters of a shorter life, with jitter,
// so that fifty tenants do not renew at once; never sooner than limits::mint_pause_min after the last one, so
// that a token which Okta takes back at once does not cost a mint a poll. After a failure ever more rarely.
//
// DPoP is found out: the first request brings a proof (ES256), which an app without DPoP overlooks. Where
// Okta takes no such algorithm RS256 follows, and where it takes no proof at all there is none, until it asks
// for one.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"

namespace logzio_okta {

/// By which key a token request is proved.
enum class ProofKind : std::uint8_t { none, ec, rsa };

class Mint {
 public:
  /// What an answer of the token endpoint leads to.
  enum class Next : std::uint8_t {
    held,     ///< There is a token.
    again,    ///< Asked again at once, otherwise than before: no failure of the credential.
    waits,    ///< Asked again later: it says nothing of the credential.
    refused,  ///< The credential does not work.
  };

  /// There is a token that can be used.
  [[nodiscard]] bool holds(Instant now) const;
  /// Since when, and until when, if there is one.
  [[nodiscard]] std::optional<Instant> held_since() const;
  [[nodiscard]] std::optional<Instant> held_until() const;
  [[nodiscard]] std::optional<TokenScheme> scheme() const;
  [[nodiscard]] bool under_way() const;
  /// When the next one should be asked for, if one is needed; never while one is under way.
  [[nodiscard]] Instant due() const;
  [[nodiscard]] ProofKind proof() const { return proof_; }
  /// Failures in a row.
  [[nodiscard]] int failures() const { return failures_; }

  void asked(Instant now);
  void granted(Instant now, const TokenFacts& facts, Random& random);
  /// `trouble`: outage also where no answer came.
  [[nodiscard]] Next refused(Instant now, TokenTrouble trouble, Random& random);
  /// The token is of no use any more: another one is due.
  void forget();
  /// From now on proofs are signed with RSA; false if they were before.
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
  std::optional<Instant> asked_;  ///< The request that is under way.
  Instant not_before_{};
  ProofKind proof_ = ProofKind::ec;
  bool proved_ = false;      ///< A token was bound to a proof.
  bool tried_bare_ = false;  ///< Without a proof, since the last token.
  int again_ = 0;            ///< Asked at once since the last token or pause.
  int failures_ = 0;
};

}  // namespace logzio_okta
