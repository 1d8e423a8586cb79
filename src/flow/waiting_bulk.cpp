#include "logzio_okta/flow/waiting_bulk.hpp"

#include "logzio_okta/flow/bulk_parts.hpp"

namespace logzio_okta {

void WaitingBulk::count_refusal(const verdict::Retry& retry, std::uint64_t passed) {
  // Too many requests: never about the content of this one.
  if (!retry.answered || retry.status == 429) {
    refusals = 0;
    return;
  }
  if (retry.status != last_status) {
    refusals = 0;
    passed_before = passed;
  }
  last_status = retry.status;
  ++refusals;
}

bool WaitingBulk::is_to_blame(const verdict::Retry& retry, std::uint64_t passed) const {
  constexpr int refusals_believed = 2;  // Held against a suspect although no other bulk passes.
  constexpr int overloaded = 503;
  // No answer, or one that is never about the bulk.
  if (refusals == 0 || retry.status == overloaded) return false;
  if (refusals > 1 && passed > passed_at_refusal) return true;
  return suspected && refusals <= refusals_believed;
}

bool WaitingBulk::is_culprit(std::uint64_t passed) const {
  if (passed <= passed_before) return false;
  if (refused_enough()) return true;
  if (!suspected || bulk.lines.size() == 1) return false;
  const bool piece = refusals_until_halved < limits::refusals_until_halved;
  return refusals >= (piece ? 1 : limits::refusals_until_halved_beside_others);
}

std::pair<WaitingBulk, WaitingBulk> WaitingBulk::halve(std::uint64_t passed) const {
  const auto half_of = [&](Bulk&& part) {
    // Parts of a suspected bulk need less proof, until a single line is to be set aside.
    const bool single = part.lines.size() == 1;
    WaitingBulk half{.bulk = std::move(part)};
    half.refusals_until_halved = single || refusals == 0 ? limits::refusals_until_halved : 2;
    // The other half counts as another bulk, whichever is tried first.
    half.passed_before = passed;
    half.last_status = last_status;
    half.suspected = suspected;
    half.perhaps_taken = perhaps_taken;
    half.marked = marked;
    half.urgent = urgent;
    return half;
  };
  auto [first, second] = halved(bulk);
  return {half_of(std::move(first)), half_of(std::move(second))};
}

}  // namespace logzio_okta
