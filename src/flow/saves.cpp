#include "logzio_okta/flow/saves.hpp"

#include <algorithm>

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {

Save Saves::next(const Place& place, std::uint32_t counts) {
  waiting_.emplace_back(++made_, counts);
  counts_ += counts;
  return {.stream = stream_, .number = made_, .place = place};
}

void Saves::saved(std::uint64_t number) {
  CHECK(number <= made_);
  done_ = std::max(done_, number);
  for (; !waiting_.empty() && waiting_.front().first <= number; waiting_.pop_front())
    counts_ -= waiting_.front().second;
  CHECK(!waiting_.empty() || counts_ == 0);
}

}  // namespace logzio_okta
