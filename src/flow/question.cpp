#include "logzio_okta/flow/question.hpp"

#include <algorithm>
#include <array>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

/// The page size to try after five failures with this one; after the smallest, the largest again.
std::uint32_t next_smaller(std::uint32_t limit) {
  constexpr std::array<std::uint32_t, 4> rungs = {500, 100, 10, 1};
  const auto rung = std::ranges::find_if(rungs, [&](std::uint32_t each) { return each < limit; });
  return rung != rungs.end() ? *rung : Question::full_limit;
}

}  // namespace

void Question::open(Instant now, std::uint32_t limit) {
  limit_ = limit;
  if (!full_pages()) trial_at_ = now + limits::page_size_trial_base;
}

Question::Asked Question::next(const std::string& link, std::uint32_t limit, WallTime since) const {
  Asked asked{.target = {}, .limit = limit_of_next(limit), .own = own_ || link.empty()};
  asked.target = own_ ? *own_ : link.empty() ? first_target(since, asked.limit, query_) : link;
  return asked;
}

void Question::ask_from(WallTime since, std::uint32_t limit) {
  limit_ = limit;  // The place adopts it with the first page under the new question.
  own_ = first_target(since, limit, query_);
}

void Question::answered() {
  own_.reset();
  refused_ = false;
}

std::optional<std::uint32_t> Question::stuck(Instant now, bool at_once) {
  stuck_ = at_once ? limits::failures_until_recovery : stuck_ + 1;
  if (stuck_ < limits::failures_until_recovery) return std::nullopt;
  if (trial_) {
    trial_at_ = now + doubled(limits::page_size_trial_base, limits::page_size_trial_max, failed_trials_++);
  }
  const std::uint32_t limit = trial_ ? trial_->fall_back : next_smaller(limit_);
  trial_.reset();
  return limit;
}

std::optional<std::uint32_t> Question::try_full_pages(Instant now, const Reach& reach) {
  if (own_) return std::nullopt;
  if (full_pages()) {
    if (trial_ && !reach.at_tail && reach.watermark < trial_->until) return std::nullopt;
    trial_.reset();
    trial_at_ = Instant{};
    failed_trials_ = 0;
    return std::nullopt;
  }
  const bool past_the_trouble = !reach.restore_limit || reach.watermark >= reach.restore_limit;
  if (!past_the_trouble && now < trial_at_) return std::nullopt;
  if (!past_the_trouble) trial_ = Trial{.fall_back = limit_, .until = *reach.restore_limit};
  return full_limit;
}

bool Question::unreadable_alone(Instant now, const Asked& asked, std::string_view body, bool leads_on) {
  if (asked.limit != 1) return false;
  const std::uint64_t hash = hash64(asked.target) ^ hash64(body);
  if (unreadable_.hash != hash) unreadable_ = {.hash = hash, .times = 0, .since = now};
  ++unreadable_.times;
  return leads_on;
}

bool Question::unreadable_for_good(Instant now, std::string_view body, BodyFault fault) const {
  if (unreadable_.times < limits::failures_until_recovery) return false;
  if (now - unreadable_.since >= limits::unreadable_patience) return true;
  return fault == BodyFault::too_large && PageCutter::begins_with_one_event(body);
}

void Question::pass_unreadable(Instant now) {
  trial_at_ = now + limits::page_size_trial_max;
  unreadable_ = {};
}

}  // namespace logzio_okta
