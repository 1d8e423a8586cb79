#include "logzio_okta/flow/org.hpp"

#include <algorithm>
#include <cmath>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/http/retry_after.hpp"

namespace logzio_okta {
namespace {

// No two clocks differ more, not even if one starts in 1970: such a Date is nonsense.
constexpr auto clock_difference_believed = std::chrono::hours(24 * 365 * 100);

std::optional<WallTime> date_of(const Headers& headers) {
  const auto date = find_header(headers, "Date");
  return date ? parse_http_date(*date) : std::nullopt;
}

}  // namespace

Org::Org(Instant now, const std::vector<CredentialId>& keys, double rate_share, Random random,
         const std::vector<ServiceAppSpec>& service_apps)
    : rate_share_(rate_share), random_(random) {
  replace_keys(now, keys, service_apps);
}

// Granting.

std::optional<CredentialId> Org::grant(Now now) const {
  if (!open_for_asking(now.steady)) return std::nullopt;
  const Key* key = best_key(now.steady);
  return key ? std::optional(key->id) : std::nullopt;
}

Instant Org::next_chance(Now now) const {
  Instant chance = std::max(now.steady, quiet_until_);
  if (!within_budget(chance)) chance = next_room(chance);
  if (!any_ready(now.steady)) return never;  // A token arrives with an answer.
  if (!all_refused()) return chance;
  Instant retry_at = never;
  for (const Key& key : keys_) {
    if (key.ready(now.steady)) retry_at = std::min(retry_at, key.retry_at);
  }
  return std::max(chance, retry_at);
}

std::optional<CredentialId> Org::idle_key(Now now) const {
  if (!open_for_asking(now.steady)) return std::nullopt;
  const auto idle = std::ranges::find_if(
      keys_, [&](const Key& key) { return key.use_by <= now.steady && key.ready(now.steady); });
  return idle != keys_.end() ? std::optional(idle->id) : std::nullopt;
}

// A service app without a token is not used; mint_due() requests one in time.
Instant Org::next_idle_key(Instant now) const {
  Instant due = never;
  for (const Key& key : keys_) {
    if (key.ready(now)) due = std::min(due, key.use_by);
  }
  if (due == never) return never;
  const Instant chance = std::max({due, quiet_until_, now});
  return within_budget(chance) ? chance : next_room(chance);
}

bool Org::open_for_asking(Instant now) const {
  return now >= quiet_until_ && within_budget(now);
}

bool Org::window_over(Instant now) const {
  return !window_end_ || now >= *window_end_;
}

std::int64_t Org::budget() const {
  constexpr std::int64_t limit_believed = 1'000'000;  // More is never spent, and a double can hold it.
  const auto limit =
      static_cast<double>(std::min(limit_.value_or(limits::rate_limit_assumed), limit_believed));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(limit * rate_share_)));
}

bool Org::within_budget(Instant now) const {
  if (window_over(now)) return carried(now) < budget();
  if (spent_ >= budget()) return false;
  return !remaining_ ||
         static_cast<double>(*remaining_) >
             limits::rate_reserve * static_cast<double>(limit_.value_or(limits::rate_limit_assumed));
}

// Requests in flight may count in a window that begins now, and so may answers of the last minute that did
// not name their window.
std::int64_t Org::carried(Instant now) const {
  return outstanding_ + std::ranges::count_if(unplaced_, [&](Instant answered) {
           return answered > now - limits::rate_window;
         });
}

Instant Org::next_room(Instant now) const {
  if (!window_over(now)) return *window_end_;
  const auto first = std::ranges::upper_bound(unplaced_, now - limits::rate_window);
  return (first == unplaced_.end() ? now : *first) + limits::rate_window;
}

Duration Org::pace(Instant now) const {
  const std::int64_t all = budget();
  const std::int64_t left = window_over(now) ? all : std::max<std::int64_t>(1, all - spent_);
  const Duration until_end = window_over(now) ? limits::rate_window : *window_end_ - now;
  const Duration even = until_end / left;
  return std::clamp<Duration>(left > all / 2 ? even / 2 : even, limits::wake_pace_min, limits::rate_window);
}

void Org::asked(Now now, CredentialId id) {
  if (window_over(now.steady)) {
    spent_ = carried(now.steady);
    std::erase_if(unplaced_, [&](Instant answered) { return answered <= now.steady - limits::rate_window; });
    remaining_.reset();
    // The first of them that no longer counts makes room for another.
    window_end_ = (unplaced_.empty() ? now.steady : unplaced_.front()) + limits::rate_window;
    window_reset_.reset();
  }
  ++spent_;
  ++outstanding_;
  if (Key* key = find(id)) key->use_by = now.steady + limits::refused_retry_max;
}

void Org::cancelled() {
  CHECK(outstanding_ > 0);
  --outstanding_;
}

// Answers.

Standing Org::answered(Now now, WallTime asked_wall, CredentialId id, const OktaResult& result) {
  CHECK(outstanding_ > 0);
  --outstanding_;
  unplaced_.push_back(now.steady);
  date_.reset();
  if (!result) return Standing::fine;
  const OktaReply& reply = *result;
  const int status = reply.status();
  const std::optional<Now> clock_before = clock_;
  Key* key = find(id);
  const CredentialComplaint complaint = complaint_of(reply.answer);
  // A gateway that asks for its own token says the same to an API key.
  const bool complains = complaint != CredentialComplaint::none;
  const bool of_okta = reply.of_okta || (complains && key && key->mint);
  if (of_okta) {
    heard_ = true;
    date_ = believed_date(now, reply.date);
    learn_clock(now, asked_wall);
  }
  if (status == 429 && reply.rate.concurrency()) {
    const Duration pause =
        backoff(limits::concurrency_pause_base, limits::concurrency_pause_max, crowded_++, random_);
    quiet_until_ = std::max(quiet_until_, now.steady + pause);
    return Standing::crowded;
  }
  if (of_okta) learn_rate(now, reply);
  if (status == 429) {  // From any sender: a proxy's limit is as good a reason to wait.
    go_quiet(now, reply, clock_before);
    return Standing::limited;
  }
  if (!of_okta) return status == 200 ? Standing::fine : Standing::foreign;
  if (key && key->mint) {
    const bool refused = complaint == CredentialComplaint::none && status == 401;
    if (const auto standing =
            judge_token(now, asked_wall, *key, refused ? CredentialComplaint::token : complaint)) {
      return *standing;
    }
  }
  // Whatever the status, such an answer is about who asks, not about the question.
  if (status == 401 || (complains && complaint != CredentialComplaint::scope)) {
    if (key) refuse(now.steady, *key);
    return Standing::unauthorized;
  }
  if (status == 403 || complains) {
    if (key && (key->refused || ++key->forbidden >= limits::forbidden_until_refused))
      refuse(now.steady, *key);
    return Standing::forbidden;
  }
  if (status == 200) {
    crowded_ = 0;
    limited_ = 0;
    if (now.steady >= quiet_until_) quiet_named_.reset();
    if (key) accept(*key);
  }
  return Standing::fine;
}

// Our own clock may have been set since, so either it or the elapsed time may confirm a Date.
std::optional<WallTime> Org::believed_date(Now now, std::optional<WallTime> date) {
  if (!date || std::chrono::abs(*date - now.wall) > clock_difference_believed) return std::nullopt;
  const auto near = [&](WallTime moment) {
    return std::chrono::abs(*date - moment) <= to_ms(limits::date_jump_max);
  };
  const auto goes_on_from = [&](const Now& clock) {
    return near(clock.wall + to_ms(now.steady - clock.steady));
  };
  if (clock_ && !near(okta_time(now.wall)) && !goes_on_from(*clock_)) {
    doubted_times_ = doubted_ && goes_on_from(*doubted_) ? doubted_times_ + 1 : 1;
    doubted_ = Now{.steady = now.steady, .wall = *date};
    if (doubted_times_ < limits::dates_until_believed) return std::nullopt;
  }
  doubted_.reset();
  clock_ = Now{.steady = now.steady, .wall = *date};
  return date;
}

// Date is cut to a whole second, so Okta's clock at the answer was in [Date, Date + 1 s); ours was between
// the request and now. If the two ranges overlap, the clocks count as equal; otherwise we take the bound that
// errs toward marking one event too many. An earlier offset that this answer does not contradict is kept: an
// answer that came sooner was more precise.
void Org::learn_clock(Now now, WallTime asked_wall) {
  if (!date_) return;
  const auto low = *date_ - now.wall;
  const auto high = *date_ + 1s - asked_wall;
  if (low <= offset_ && offset_ <= high) return;
  offset_ = (low <= 0s && high >= 0s) ? 0ms : std::chrono::duration_cast<std::chrono::milliseconds>(high);
}

void Org::learn_rate(Now now, const OktaReply& reply) {
  const RateLimit& rate = reply.rate;
  if (rate.limit) limit_ = rate.limit;
  if (!rate.reset) {
    if (rate.remaining) remaining_ = rate.remaining;
    return;
  }
  // In milliseconds: a moment centuries away overflows nanoseconds. By the answer's own Date, which only has
  // to match the reset beside it.
  const auto ahead = *rate.reset - reply.date.value_or(okta_time(now.wall)) + 1s;
  if (ahead <= 0s || ahead > to_ms(limits::rate_wait_max)) return;  // Nonsense.
  constexpr auto jitter = 2s;  // Between answers about one window: each rounds its end.
  if (window_reset_ && *rate.reset < *window_reset_ - jitter) {  // From a window that has ended.
    unplaced_.pop_back();
    return;
  }
  const bool same = window_reset_ && *rate.reset <= *window_reset_ + jitter;
  // Okta began a new window with this request, or with one whose answer did not say: this request is still
  // unplaced too.
  if (window_reset_ && !same) spent_ = outstanding_ + std::ssize(unplaced_);
  unplaced_.clear();
  // A late answer places the same end too late.
  const Instant end = now.steady + ahead;
  window_end_ = same ? std::min(*window_end_, end) : end;
  window_reset_ = rate.reset;
  remaining_ = rate.remaining;
}

void Org::go_quiet(Now now, const OktaReply& reply, const std::optional<Now>& clock_before) {
  const RateLimit& rate = reply.rate;
  // The answer's own Date matches the reset beside it. If it is not believed, or differs from what the last
  // answers suggest, the longer wait counts.
  const WallTime ours = okta_time(now.wall);
  const WallTime date = reply.date.value_or(ours);
  const WallTime expected =
      clock_before ? clock_before->wall + to_ms(now.steady - clock_before->steady) : date;
  const bool unexpected = std::chrono::abs(date - expected) > to_ms(limits::clock_off_max);
  const auto named = retry_after(reply.answer.headers, date);
  Duration wait = named.value_or(limits::rate_wait_default);
  if (rate.reset) {
    Duration until_reset = Duration::min();
    for (const WallTime clock : {date, date_ ? date : ours, unexpected ? expected : date}) {
      const auto left = *rate.reset - clock + 1s;  // Whole seconds on both sides: one more to be past it.
      if (left <= to_ms(limits::rate_wait_max))
        until_reset = std::max<Duration>(until_reset, std::max(left, to_ms(0s)));
    }
    if (until_reset >= 0s) wait = std::max(until_reset, Duration(named.value_or(0s)));
  }
  // Resets that are already past, again and again, must not make us ask every second.
  wait = std::max(wait, doubled(1s, limits::rate_wait_default, limited_++));
  // Another request, or another key's, may have got a later reset while this one was in flight.
  if (quiet_named_ && now.steady + wait <= quiet_until_) return;
  quiet_until_ = std::max(quiet_until_, now.steady + wait);
  // Not from this Date alone: a slow answer may have shown a clock that runs ahead, and a restart knows no
  // other.
  quiet_named_ = std::max(date_.value_or(okta_time(now.wall)), okta_time(now.wall)) + to_ms(wait);
}

void Org::restore(Now now, std::optional<WallTime> quiet_until, std::chrono::milliseconds offset) {
  if (heard_) return;
  if (!clock_) offset_ = offset;  // The token endpoint may have shown it.
  if (!quiet_until) return;
  const auto left = *quiet_until - okta_time(now.wall) + to_ms(limits::rate_wait_restored);
  const auto wait = std::min(left, to_ms(limits::rate_wait_max));
  if (wait <= 0s) return;
  quiet_until_ = std::max(quiet_until_, now.steady + wait);
  quiet_named_ = quiet_until;
}

// Keys.

void Org::replace_keys(Instant now, const std::vector<CredentialId>& ids,
                       const std::vector<ServiceAppSpec>& service_apps) {
  CHECK(!ids.empty());
  const CredentialId current = keys_.empty() ? CredentialId{} : keys_[current_].id;
  std::vector<Key> keys;
  for (const CredentialId id : ids) {
    const Key* known = find(id);
    Key& key = keys.emplace_back(known ? *known : Key{.id = id, .use_by = now + limits::key_first_use});
    if (key.refused) key.retry_at = key.use_by = now;
    const auto app = std::ranges::find(service_apps, id, &ServiceAppSpec::id);
    if (app == service_apps.end()) continue;
    if (!key.mint) key.mint.emplace();
    key.name = app->key;
    if (!key.mint->holds(now)) key.mint->wait_until(now);
  }
  keys_ = std::move(keys);
  const auto kept = std::ranges::find(keys_, current, &Key::id);
  current_ = kept != keys_.end() ? static_cast<std::size_t>(kept - keys_.begin()) : 0;
}

Org::Key* Org::find(CredentialId id) {
  const auto found = std::ranges::find(keys_, id, &Key::id);
  return found != keys_.end() ? &*found : nullptr;
}

const Org::Key* Org::best_key(Instant now) const {
  const auto usable = [&](const Key& key) { return !key.refused && key.ready(now); };
  if (usable(keys_[current_])) return &keys_[current_];
  const auto good = std::ranges::find_if(keys_, usable);
  if (good != keys_.end()) return &*good;
  if (!all_refused()) return nullptr;
  const Key* next = nullptr;
  for (const Key& key : keys_) {
    if (key.ready(now) && (next == nullptr || key.retry_at < next->retry_at)) next = &key;
  }
  return next != nullptr && next->retry_at <= now ? next : nullptr;
}

// Among the keys that are not refused, unless all are.
bool Org::any_ready(Instant now) const {
  const bool all = all_refused();
  return std::ranges::any_of(keys_, [&](const Key& key) { return (all || !key.refused) && key.ready(now); });
}

void Org::refuse(Instant now, Key& key) {
  key.refused = true;
  key.forbidden = 0;
  key.retry_at = now + doubled(limits::refused_retry_base, limits::refused_retry_max, key.refusals++);
  key.tokens_refused = key.proofs_refused = 0;
  if (key.mint) key.mint->forget();
  const auto good = std::ranges::find(keys_, false, &Key::refused);
  if (keys_[current_].refused && good != keys_.end())
    current_ = static_cast<std::size_t>(good - keys_.begin());
}

void Org::accept(Key& key) {
  key.refused = false;
  key.refusals = 0;
  key.forbidden = 0;
  key.tokens_refused = key.proofs_refused = 0;
  if (keys_[current_].refused) current_ = static_cast<std::size_t>(&key - keys_.data());
}

// ---- Tokens

std::optional<CredentialId> Org::mint_due(Now now, bool idle_too) const {
  const auto due = std::ranges::find_if(
      keys_, [&](const Key& key) { return mint_at(key, now.steady, idle_too) <= now.steady; });
  return due != keys_.end() ? std::optional(due->id) : std::nullopt;
}

Instant Org::next_mint(Now now, bool idle_too) const {
  Instant next = never;
  for (const Key& key : keys_) next = std::min(next, mint_at(key, now.steady, idle_too));
  return next;
}

// When to request a token for it; never if none is needed.
Instant Org::mint_at(const Key& key, Instant now, bool idle_too) const {
  if (!key.mint || key.mint->under_way()) return never;
  const Key& current = keys_[current_];
  const bool stands_in = current.mint && current.mint->failures() > 0 && !any_ready(now);
  Instant needed = never;
  if (!key.refused && (&key == &current || stands_in)) needed = now;
  if (key.refused && all_refused()) needed = std::min(needed, key.retry_at);
  if (idle_too && !key.mint->holds(now)) needed = std::min(needed, key.use_by);
  return needed == never ? never : std::max({needed, key.mint->due(), mint_quiet_until_});
}

void Org::minting(Now now, CredentialId id) {
  Key* key = find(id);
  CHECK(key != nullptr && key->mint);
  key->mint->asked(now.steady);
}

MintEnd Org::minted(Now now, WallTime asked_wall, CredentialId id, const MintResult& result) {
  Key* key = find(id);
  if (key == nullptr || !key->mint || !key->mint->under_way()) return {};  // It is no longer in the file.
  if (const auto* granted = std::get_if<TokenGranted>(&result)) {
    hear_of_mint(now, asked_wall, granted->headers);
    key->mint->granted(now.steady, granted->facts, random_);
    key->trouble.clear();
    ++mints_;
    // It works for the token endpoint; the System Log decides.
    if (key->refused) key->retry_at = now.steady;
    return {};
  }
  if (const auto* error = std::get_if<TransportError>(&result)) {
    key->trouble = "no access token: " + with_cure(*error);
    ++mints_refused_[static_cast<std::size_t>(TokenTrouble::outage)];
    return {.next = key->mint->refused(now.steady, TokenTrouble::outage, random_),
            .trouble = TokenTrouble::outage,
            .text = key->trouble,
            .urgency = urgency_of(*error) == Urgency::now ? Urgency::now : urgency_of_outage(now.steady)};
  }
  const auto& refusal = std::get<TokenRefusal>(result);
  if (refusal.of_okta) hear_of_mint(now, asked_wall, refusal.headers);
  return refused_token(now, *key, refusal);
}

MintEnd Org::refused_token(Now now, Key& key, const TokenRefusal& refusal) {
  const TokenTrouble trouble = trouble_of(refusal);
  ++mints_refused_[static_cast<std::size_t>(trouble)];
  MintEnd end{.next = key.mint->refused(now.steady, trouble, random_), .trouble = trouble};
  const std::string cure = cure_of(refusal, key.name);
  const bool outage = trouble == TokenTrouble::outage || trouble == TokenTrouble::limited;
  const bool in_between = !refusal.of_okta && refusal.status < 500;
  end.text = (in_between ? "a proxy or firewall answers in Okta's place, so there is no access token ("
              : outage   ? "Okta's token endpoint is unavailable ("
                         : "Okta refuses to issue an access token (") +
             describe(refusal) + ")" + (cure.empty() ? "" : "; " + cure);
  if (end.next != Mint::Next::again) key.trouble = end.text;
  if (trouble == TokenTrouble::limited) {
    const auto date = date_of(refusal.headers).value_or(okta_time(now.wall));
    const auto reset = read_rate_limit(refusal.headers).reset;
    Duration wait = retry_after(refusal.headers, date).value_or(limits::rate_wait_default);
    if (reset && *reset > date && *reset - date <= to_ms(limits::rate_wait_max))
      wait = std::max<Duration>(wait, *reset - date + 1s);
    mint_quiet_until_ = std::max(mint_quiet_until_, now.steady + wait);
  }
  end.urgency = end.next == Mint::Next::refused ? Urgency::now : urgency_of_outage(now.steady);
  if (end.next != Mint::Next::refused) return end;
  key.use_by = now.steady + limits::refused_retry_max;
  const auto others = std::ranges::count(keys_, false, &Key::refused) - (key.refused ? 0 : 1);
  if (key.mint->holds(now.steady) && others == 0) {  // Its current token is the best there is.
    key.mint->wait_until(now.steady + limits::refused_retry_base);
  } else {
    refuse(now.steady, key);
  }
  return end;
}

/// While a token or another key can be used, nobody has to act.
Urgency Org::urgency_of_outage(Instant now) const {
  return any_ready(now) ? Urgency::waits : Urgency::lasting;
}

void Org::hear_of_mint(Now now, WallTime asked_wall, const Headers& headers) {
  date_ = believed_date(now, date_of(headers));
  learn_clock(now, asked_wall);
}

const Mint* Org::mint_of(CredentialId id) const {
  const auto found = std::ranges::find(keys_, id, &Key::id);
  return found != keys_.end() && found->mint ? &*found->mint : nullptr;
}

AuthReport Org::auth(Instant now) const {
  AuthReport report{.mints = mints_, .mints_refused = mints_refused_};
  const auto& mint = keys_[current_].mint;
  report.service_app = mint.has_value();
  report.dpop = mint && mint->scheme() == TokenScheme::dpop;
  if (mint && mint->holds(now)) report.token_left = *mint->held_until() - now;
  return report;
}

std::string Org::token_trouble(Now now) const {
  return keys_[current_].ready(now.steady) ? std::string() : keys_[current_].trouble;
}

// The System Log's objection to a token or its proof; nothing if there is none.
std::optional<Standing> Org::judge_token(Now now, WallTime asked_wall, Key& key,
                                         CredentialComplaint complaint) {
  switch (complaint) {
    case CredentialComplaint::none:
    case CredentialComplaint::scope:
      return std::nullopt;
    case CredentialComplaint::proof_used:
    case CredentialComplaint::proof_clock:
    case CredentialComplaint::proof_nonce:
    case CredentialComplaint::proof:
      if (++key.proofs_refused <= limits::proofs_refused_max) return Standing::unproved;
      break;
    case CredentialComplaint::proof_algorithm:
      if (!key.mint->use_rsa()) break;
      key.mint->forget();
      return Standing::renewing;
    case CredentialComplaint::token:
      break;
  }
  // The request may have used the previous token.
  const Instant asked = now.steady - Duration(now.wall - asked_wall);
  const auto since = key.mint->held_since();
  if (!since || asked < *since) return Standing::renewing;
  if (key.tokens_refused++ > 0) {
    refuse(now.steady, key);
    key.use_by = now.steady + limits::refused_retry_max;
    return Standing::unauthorized;
  }
  key.mint->forget();
  key.proofs_refused = 0;
  return Standing::renewing;
}

bool Org::all_refused() const {
  return std::ranges::all_of(keys_, &Key::refused);
}

std::size_t Org::keys_refused() const {
  return static_cast<std::size_t>(std::ranges::count(keys_, true, &Key::refused));
}

}  // namespace logzio_okta
