#include "logzio_okta/flow/place.hpp"

#include "logzio_okta/base/gzip.hpp"

namespace logzio_okta {

std::uint64_t cost_of(const SetAside& item) {
  // Packing a few bytes gains nothing, and there may be many such items.
  constexpr std::size_t packs_from = 512;
  const std::uint64_t charged = bytes_charged(item);
  if (item.bytes.size() < packs_from) return charged;
  return charged - item.bytes.size() + gzip(item.bytes).size();
}

}  // namespace logzio_okta
