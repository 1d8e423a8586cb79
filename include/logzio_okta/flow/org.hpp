// Org: the state that all streams of one Okta org share: its rate budget, its clock, and its keys.
//
// It grants every request. A request is granted if no 429 is in force, our own count in the current window is
// below our share of Okta's limit, Okta's remaining count is above the reserve, and a key is not refused.
//
//     if (auto key = org.grant(now)) org.asked(now, *key);  // And the question is sent.
//     Standing standing = org.answered(now, asked_wall, key, read_reply(std::move(result)));
//
// Windows: Okta's are fixed, a minute long, and end at X-Rate-Limit-Reset by Okta's clock (docs/okta.md 4),
// which also distinguishes one window from the next. We map that moment to our steady clock by the answer's
// own Date and add a second, because both headers have whole seconds. Until Okta has shown a limit, we count
// in minutes of our own against limits::rate_limit_assumed.
//
// Clock: an answer's Date is Okta's clock, if the answer is Okta's own and the Date is within a day of its
// earlier ones. An answer of something in between says nothing about the clock or about a key.
//
// Keys: a 401 or three 403s in a row refuse a key; then the next one takes over and stays. A refused or idle
// key is used once in limits::refused_retry_max, because Okta expires a key that is unused for 30 days. With
// every key refused, each is tried at growing intervals.
//
// Service apps: a key that needs a token first (Mint), which is requested separately:
//
//     if (auto app = org.mint_due(now, true)) org.minting(now, *app);  // And the request is sent.
//     MintEnd end = org.minted(now, asked_wall, app, granted);
//
// The key in use has a token at all times, a standby key only when it is tried. While the key in use has
// none, another usable key is used. If the System Log refuses a token, one new token is requested, and the
// key is refused only if that fails as well. A refused proof is not the key's fault unless it recurs. The
// token endpoint shows Okta's clock as well.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/mint.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {

/// What an answer says about the org and the key, apart from its page.
enum class Standing : std::uint8_t {
  fine,          ///< 200, or a failure that concerns neither the budget nor the key.
  foreign,       ///< Something in between has answered, not Okta. It says nothing about a key.
  limited,       ///< 429: no requests until the moment Okta named.
  crowded,       ///< 429 for too many requests at once: a short pause.
  unauthorized,  ///< 401, or another answer about the credential: this key is refused from now on.
  forbidden,     ///< 403, or a missing scope; a third in a row refuses the key.
  renewing,      ///< The token is no longer usable: a new one is requested, then the request is repeated.
  unproved,      ///< The proof was refused: the request is repeated with a new one.
};

/// A credential that is a service app: it needs a token before any request.
struct ServiceAppSpec {
  CredentialId id;
  std::string key;  ///< For people: "the key in /etc/logzio-okta/acme.pem (key id abcdefgh...)".
};

/// A token was granted; the keyring has it.
struct TokenGranted {
  TokenFacts facts;
  Headers headers;
};
using MintResult = std::variant<TokenGranted, TokenRefusal, TransportError>;
/// The outcome, for people.
struct MintEnd {
  Mint::Next next = Mint::Next::held;
  TokenTrouble trouble = TokenTrouble::outage;  ///< If not held.
  std::string text;                             ///< What is wrong and what to do; empty if held.
  Urgency urgency = Urgency::lasting;
};

class Org {
 public:
  Org(Instant now, const std::vector<CredentialId>& keys, double rate_share, Random random,
      const std::vector<ServiceAppSpec>& service_apps = {});

  /// The key to use now, or nothing; then `next_chance` says when to try again.
  [[nodiscard]] std::optional<CredentialId> grant(Now now) const;
  /// The first moment at which `grant` can succeed without another answer. In the past if it would succeed
  /// now.
  [[nodiscard]] Instant next_chance(Now now) const;
  /// A key that must be used now so that Okta does not expire it, whatever else is wrong, if the budget
  /// allows it.
  [[nodiscard]] std::optional<CredentialId> idle_key(Now now) const;
  [[nodiscard]] Instant next_idle_key(Instant now = {}) const;

  /// The service app that needs a token now. `idle_too`: also one that is only tried now and then. The token
  /// endpoint has its own budget at Okta, and its own 429 waits.
  [[nodiscard]] std::optional<CredentialId> mint_due(Now now, bool idle_too) const;
  [[nodiscard]] Instant next_mint(Now now, bool idle_too) const;
  void minting(Now now, CredentialId key);
  MintEnd minted(Now now, WallTime asked_wall, CredentialId key, const MintResult& result);
  /// The mint of this service app; nothing for an API key.
  [[nodiscard]] const Mint* mint_of(CredentialId key) const;
  /// Why the key in use has no token; empty if it has one.
  [[nodiscard]] std::string token_trouble(Now now) const;
  [[nodiscard]] AuthReport auth(Instant now) const;

  /// The interval between requests under continuous load, so that the rest of the budget lasts to the
  /// window's end. A burst may spend the first half of it twice as fast.
  [[nodiscard]] Duration pace(Instant now) const;

  void asked(Now now, CredentialId key);
  /// `asked_wall`: our clock when the request was sent.
  Standing answered(Now now, WallTime asked_wall, CredentialId key, const OktaResult& result);
  /// The request was cancelled: it counts as spent, and no answer will come.
  void cancelled();

  /// Okta's clock minus ours; 0 unless they certainly differ (Date has whole seconds).
  [[nodiscard]] std::chrono::milliseconds offset() const { return offset_; }
  [[nodiscard]] WallTime okta_time(WallTime ours) const { return ours + offset_; }
  /// Okta's clock (`wall`) at the last answer of this run whose Date is believed, and when that came; never
  /// ahead of Okta's. If absent, the offset is from an earlier run.
  [[nodiscard]] std::optional<Now> clock() const { return clock_; }
  /// The Date of the last answer, if it is believed.
  [[nodiscard]] std::optional<WallTime> date() const { return date_; }
  /// The end of the last 429 still in force, by Okta's clock as we know it; never too early.
  [[nodiscard]] std::optional<WallTime> quiet_until() const { return quiet_named_; }
  /// Restores what was saved before a restart; ignored once Okta itself has answered.
  void restore(Now now, std::optional<WallTime> quiet_until, std::chrono::milliseconds offset);

  /// Replaces the keys. Those that stay keep their state, and refused ones are tried at once: the
  /// administrator may have fixed them in Okta. New ones count as good.
  void replace_keys(Instant now, const std::vector<CredentialId>& keys,
                    const std::vector<ServiceAppSpec>& service_apps = {});
  [[nodiscard]] bool all_refused() const;
  [[nodiscard]] std::size_t keys() const { return keys_.size(); }
  [[nodiscard]] std::size_t keys_refused() const;

  [[nodiscard]] std::optional<std::int64_t> limit() const { return limit_; }
  [[nodiscard]] std::optional<std::int64_t> remaining() const { return remaining_; }
  [[nodiscard]] std::int64_t spent() const { return spent_; }

 private:
  struct Key {
    CredentialId id;
    bool refused = false;
    int refusals = 0;    ///< In a row.
    int forbidden = 0;   ///< 403s in a row.
    Instant retry_at{};  ///< If every key is refused.
    Instant use_by;      ///< When it must be used at the latest.

    std::optional<Mint> mint{};  ///< For a service app.
    std::string name{};          ///< Also for a service app: its private key, for people.
    std::string trouble{};       ///< Why it has no token.
    int tokens_refused = 0;      ///< By the System Log, since it last accepted one.
    int proofs_refused = 0;

    [[nodiscard]] bool ready(Instant now) const { return !mint || mint->holds(now); }
  };

  [[nodiscard]] const Key* best_key(Instant now) const;
  [[nodiscard]] bool any_ready(Instant now) const;
  [[nodiscard]] Instant mint_at(const Key& key, Instant now, bool idle_too) const;
  [[nodiscard]] std::optional<Standing> judge_token(Now now, WallTime asked_wall, Key& key,
                                                    CredentialComplaint complaint);
  [[nodiscard]] MintEnd refused_token(Now now, Key& key, const TokenRefusal& refusal);
  [[nodiscard]] Urgency urgency_of_outage(Instant now) const;
  void hear_of_mint(Now now, WallTime asked_wall, const Headers& headers);
  [[nodiscard]] Key* find(CredentialId id);
  [[nodiscard]] bool open_for_asking(Instant now) const;
  [[nodiscard]] std::int64_t budget() const;
  [[nodiscard]] bool within_budget(Instant now) const;
  [[nodiscard]] bool window_over(Instant now) const;
  /// What may already count in a window that begins now.
  [[nodiscard]] std::int64_t carried(Instant now) const;
  /// When there may be room again, if there is none now.
  [[nodiscard]] Instant next_room(Instant now) const;
  [[nodiscard]] std::optional<WallTime> believed_date(Now now, std::optional<WallTime> date);
  void learn_clock(Now now, WallTime asked_wall);
  void learn_rate(Now now, const OktaReply& reply);
  void go_quiet(Now now, const OktaReply& reply, const std::optional<Now>& clock_before);
  void refuse(Instant now, Key& key);
  void accept(Key& key);

  std::vector<Key> keys_;
  std::size_t current_ = 0;
  double rate_share_;
  Random random_;

  std::optional<std::int64_t> limit_;
  std::optional<std::int64_t> remaining_;
  std::int64_t spent_ = 0;
  std::int64_t outstanding_ = 0;
  std::vector<Instant> unplaced_;  ///< When answers without a window came, since the last with one.
  std::optional<Instant> window_end_;
  std::optional<WallTime> window_reset_;  ///< Its end as Okta named it; absent for a minute of our own.

  Instant quiet_until_{};
  Instant mint_quiet_until_{};
  std::uint64_t mints_ = 0;
  std::array<std::uint64_t, token_troubles_count> mints_refused_{};
  std::optional<WallTime> quiet_named_;
  bool heard_ = false;  ///< From Okta, in this run.
  int crowded_ = 0;     ///< Concurrency 429s in a row.
  int limited_ = 0;     ///< Other 429s in a row.
  std::chrono::milliseconds offset_{0};
  std::optional<WallTime> date_;
  std::optional<Now> clock_;
  std::optional<Now> doubted_;  ///< A Date that was not believed, the same way, ...
  int doubted_times_ = 0;       ///< ... and how many in a row agreed with it.
};

}  // namespace logzio_okta
