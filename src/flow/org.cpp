#include "logzio_okta/flow/org.hpp"

#include <algorithm>
#include <cmath>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/http/retry_after.hpp"

namespace logzio_okta {
namespace {

// Further apart no two clocks are, not even one that begins in 1970: such a Date is nonsense.
constexpr auto clock_difference_believed = std::chrono::hours(24 * 365 * 100);

}  // namespace

Org::Org(Instant now, const std::vector<CredentialId>& keys, double rate_share, Random random)
    : rate_share_(rate_share), random_(random) {
  replace_keys(now, keys);
}

// Granting.

std::optional<CredentialId> Org::grant(Now now) const {
  if (!open_for_asking(now.steady)) return std::nullopt;
  const Key* key = best_key(now.steady);
  return key ? std::optional(key->id) : std::nullopt;
}

Instant Org::next_chance(Now now) const {
  Instant chance = std::max(now.steady, quiet_until_);
  if (!within_budget(chance)) chance = std::max(chance, *window_end_);
  if (all_refused()) chance = std::max(chance, std::ranges::min(keys_, {}, &Key::retry_at).retry_at);
  return chance;
}

std::optional<CredentialId> Org::idle_key(Now now) const {
  if (!open_for_asking(now.steady)) return std::nullopt;
  const auto idle = std::ranges::find_if(keys_, [&](const Key& key) { return key.use_by <= now.steady; });
  return idle != keys_.end() ? std::optional(idle->id) : std::nullopt;
}

Instant Org::next_idle_key() const {
  const Instant due = std::ranges::min(keys_, {}, &Key::use_by).use_by;
  return within_budget(std::max(due, quiet_until_)) ? std::max(due, quiet_until_)
                                                    : std::max({due, quiet_until_, *window_end_});
}

bool Org::open_for_asking(Instant now) const {
  return now >= quiet_until_ && within_budget(now);
}

bool Org::window_over(Instant now) const {
  return !window_end_ || now >= *window_end_;
}

std::int64_t Org::budget() const {
  constexpr std::int64_t limit_believed = 1'000'000;  // More is never spent, and a double holds it.
  const auto limit =
      static_cast<double>(std::min(limit_.value_or(limits::rate_limit_assumed), limit_believed));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(limit * rate_share_)));
}

bool Org::within_budget(Instant now) const {
  if (window_over(now)) return true;
  if (spent_ >= budget()) return false;
  return !remaining_ ||
         static_cast<double>(*remaining_) >
             limits::rate_reserve * static_cast<double>(limit_.value_or(limits::rate_limit_assumed));
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
    // What is on its way may be counted in the new window, and so may answers that did not tell theirs, unless
    // the old one ended long ago.
    const bool next_one = window_end_ && now.steady < *window_end_ + limits::rate_window;
    spent_ = outstanding_ + (window_reset_ && next_one ? unplaced_ : 0);
    unplaced_ = 0;
    remaining_.reset();
    window_end_ = now.steady + limits::rate_window;
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

// What an answer says.

Standing Org::answered(Now now, WallTime asked_wall, CredentialId id, const OktaResult& result) {
  CHECK(outstanding_ > 0);
  --outstanding_;
  ++unplaced_;
  date_.reset();
  if (!result) return Standing::fine;
  const OktaReply& reply = *result;
  const int status = reply.status();
  const std::optional<Now> clock_before = clock_;
  if (reply.of_okta) {
    heard_ = true;
    date_ = believed_date(now, reply);
    learn_clock(now, asked_wall);
  }
  if (status == 429 && reply.rate.concurrency()) {
    const Duration pause =
        backoff(limits::concurrency_pause_base, limits::concurrency_pause_max, crowded_++, random_);
    quiet_until_ = std::max(quiet_until_, now.steady + pause);
    return Standing::crowded;
  }
  if (reply.of_okta) learn_rate(now, reply);
  if (status == 429) {  // Whoever says it: a proxy's limit is as good a reason to be quiet.
    go_quiet(now, reply, clock_before);
    return Standing::limited;
  }
  if (!reply.of_okta) return status == 200 ? Standing::fine : Standing::foreign;
  Key* key = find(id);
  if (status == 401) {
    if (key) refuse(now.steady, *key);
    return Standing::unauthorized;
  }
  if (status == 403) {
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

// Our own clock may have been set since, so that either it or the time that has passed may vouch for a Date.
std::optional<WallTime> Org::believed_date(Now now, const OktaReply& reply) {
  const auto date = reply.date;
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

// Date is cut to a whole second, so Okta's clock at the answer lay in [Date, Date + 1 s); ours between asking
// and now. Where the two ranges meet we call the clocks equal; otherwise we take the end that marks an event
// too many rather than one too few. What this answer does not contradict is kept: one that came sooner knew
// better.
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
  // In milliseconds: a moment centuries away has no place in nanoseconds. By the answer's own Date, which
  // only has to fit the moment beside it.
  const auto ahead = *rate.reset - reply.date.value_or(okta_time(now.wall)) + 1s;
  if (ahead <= 0s || ahead > to_ms(limits::rate_wait_max)) return;  // Nonsense.
  constexpr auto jitter = 2s;  // Of one window's end, rounded anew in each answer.
  if (window_reset_ && *rate.reset < *window_reset_ - jitter) {  // From a window that is over.
    --unplaced_;
    return;
  }
  const bool same = window_reset_ && *rate.reset <= *window_reset_ + jitter;
  // Okta has begun a new window with this request, or with one whose answer did not tell: unplaced, as yet,
  // is this one too.
  if (window_reset_ && !same) spent_ = outstanding_ + unplaced_;
  unplaced_ = 0;
  // An answer that took long to arrive puts the same end too late.
  const Instant end = now.steady + ahead;
  window_end_ = same ? std::min(*window_end_, end) : end;
  window_reset_ = rate.reset;
  remaining_ = rate.remaining;
}

void Org::go_quiet(Now now, const OktaReply& reply, const std::optional<Now>& clock_before) {
  const RateLimit& rate = reply.rate;
  // The answer's own Date fits the moments beside it. Where it is not believed, or is not what the last
  // answers led to expect, whichever wait is longer counts.
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
  // A moment that is already past, again and again, must not make us knock every second.
  wait = std::max(wait, doubled(1s, limits::rate_wait_default, limited_++));
  // Another request, or another key's, may have been told of a later moment while this one was on its way.
  if (quiet_named_ && now.steady + wait <= quiet_until_) return;
  quiet_until_ = std::max(quiet_until_, now.steady + wait);
  // Not from Date on: a slow answer has told us a clock that runs ahead, and a restart knows no other.
  quiet_named_ = std::max(date_.value_or(okta_time(now.wall)), okta_time(now.wall)) + to_ms(wait);
}

void Org::restore(Now now, std::optional<WallTime> quiet_until, std::chrono::milliseconds offset) {
  if (heard_) return;
  offset_ = offset;
  if (!quiet_until) return;
  const auto left = *quiet_until - okta_time(now.wall) + to_ms(limits::rate_wait_restored);
  const auto wait = std::min(left, to_ms(limits::rate_wait_max));
  if (wait <= 0s) return;
  quiet_until_ = std::max(quiet_until_, now.steady + wait);
  quiet_named_ = quiet_until;
}

// Keys.

void Org::replace_keys(Instant now, const std::vector<CredentialId>& ids) {
  CHECK(!ids.empty());
  const auto current = keys_.empty() ? std::nullopt : std::optional(keys_[current_].id);
  std::vector<Key> keys;
  for (const CredentialId id : ids) {
    const Key* known = find(id);
    Key& key = keys.emplace_back(known ? *known : Key{.id = id, .use_by = now + limits::key_first_use});
    if (key.refused) key.retry_at = key.use_by = now;
  }
  keys_ = std::move(keys);
  const auto kept =
      std::ranges::find_if(keys_, [&](const Key& key) { return current && key.id == *current; });
  current_ = kept != keys_.end() ? static_cast<std::size_t>(kept - keys_.begin()) : 0;
}

Org::Key* Org::find(CredentialId id) {
  const auto found = std::ranges::find(keys_, id, &Key::id);
  return found != keys_.end() ? &*found : nullptr;
}

const Org::Key* Org::best_key(Instant now) const {
  if (!keys_[current_].refused) return &keys_[current_];
  const auto good = std::ranges::find(keys_, false, &Key::refused);
  if (good != keys_.end()) return &*good;
  const auto next = std::ranges::min_element(keys_, {}, &Key::retry_at);
  return next->retry_at <= now ? &*next : nullptr;
}

void Org::refuse(Instant now, Key& key) {
  key.refused = true;
  key.forbidden = 0;
  key.retry_at = now + doubled(limits::refused_retry_base, limits::refused_retry_max, key.refusals++);
  const auto good = std::ranges::find(keys_, false, &Key::refused);
  if (keys_[current_].refused && good != keys_.end())
    current_ = static_cast<std::size_t>(good - keys_.begin());
}

void Org::accept(Key& key) {
  key.refused = false;
  key.refusals = 0;
  key.forbidden = 0;
  if (keys_[current_].refused) current_ = static_cast<std::size_t>(&key - keys_.data());
}

bool Org::all_refused() const {
  return std::ranges::all_of(keys_, &Key::refused);
}

std::size_t Org::keys_refused() const {
  return static_cast<std::size_t>(std::ranges::count(keys_, true, &Key::refused));
}

}  // namespace logzio_okta
