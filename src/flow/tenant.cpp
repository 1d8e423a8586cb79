#include "logzio_okta/flow/tenant.hpp"

#include <algorithm>

namespace logzio_okta {

void Tenant::opened(Now now, const Opened& opened) {
  if (opened.place) {
    org->restore(now, opened.place->quiet_until, std::chrono::milliseconds(opened.place->okta_offset_ms));
  }
  holder.clear();
  poller.opened(now, opened, began.value_or(now.steady), facts());
  if (opened.place) watch_retention(now);
}

OrgFacts Tenant::facts() const {
  return {.standing = Standing::fine,
          .all_keys_refused = org->all_refused(),
          .quiet_until = org->quiet_until(),
          .offset = org->offset(),
          .clock = org->clock(),
          .date = {}};
}

OrgFacts Tenant::facts_of_answer(Standing standing, CredentialId key) const {
  OrgFacts answer = facts();
  answer.standing = standing;
  answer.date = org->date();
  answer.service_app = org->mint_of(key) != nullptr;
  return answer;
}

void Tenant::learn_reserve(std::size_t wire_bytes, std::size_t events) {
  constexpr std::size_t telling = 20;  // Fewer events compress worse than a page does.
  if (events < telling) return;
  const std::size_t page = wire_bytes / events * limits::page_events_max;
  reserve = std::clamp(page + page / 4, limits::ask_reserve_min, limits::answer_bytes_max);
}

TenantReport Tenant::report(Now now, bool held) const {
  TenantReport report = poller.report(now);
  report.rate_limit = org->limit();
  report.rate_remaining = org->remaining();
  report.rate_spent = static_cast<std::uint64_t>(org->spent());
  report.keys = org->keys();
  report.keys_refused = org->keys_refused();
  report.auth = org->auth(now.steady);
  if (org->clock()) report.clock_ahead = -org->offset();
  report.held_by = holder;
  if (on_standby() || gives_way) {
    report.state = TenantState::standby;
    return report;
  }
  if (std::string trouble = org->token_trouble(now); !trouble.empty()) {
    report.last_error = std::move(trouble);
    if (report.state == TenantState::opening) report.state = TenantState::backing_off;
  }
  if (report.state != TenantState::following && report.state != TenantState::backing_off) return report;
  const Instant chance = org->next_chance(now);
  if (org->all_refused()) {
    report.state = TenantState::refused;
    if (chance == never) report.next_ask.reset();
    if (report.next_ask) report.next_ask = std::max(*report.next_ask, Duration(chance - now.steady));
  } else if (!poller.asking() && (held || poller.held_up(now))) {
    report.state = TenantState::held;
    report.next_ask.reset();
    // Okta is not asked meanwhile, so nothing is known beyond the last answer.
    if (report.last_answer)
      report.behind = std::max<Duration>(report.behind.value_or(0s), now.wall - *report.last_answer);
  } else if (report.next_ask) {
    if (chance == never) {  // Without a token: it is being requested, or was refused.
      if (!report.last_error.empty()) report.state = TenantState::backing_off;
      report.next_ask.reset();
    } else if (chance > now.steady + *report.next_ask) {
      report.state = TenantState::limited;
      report.next_ask = chance - now.steady;
    }
  }
  return report;
}

}  // namespace logzio_okta
