#include "logzio_okta/flow/unsettled.hpp"

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {

void UnsettledPage::settle(const Settlement& settlement) {
  const std::uint32_t settled = settlement.delivered + settlement.set_aside;
  CHECK(settled <= unsettled);
  unsettled -= settled;
  touched = touched || settled > 0;
  kept.insert(kept.end(), settlement.kept.begin(), settlement.kept.end());
}

void UnsettledPage::follow(const UnsettledPage& last) const {
  CHECK(number > last.number);
}

void check_is_a_copy(const Settlement& settlement) {
  CHECK(settlement.delivered + settlement.set_aside == 0);
}

void count(EventCounts& counts, const Settlement& settlement) {
  counts.delivered += settlement.delivered;
  counts.marked += settlement.marked;
  counts.reduced += settlement.reduced;
  counts.set_aside += settlement.set_aside;
}

}  // namespace logzio_okta
