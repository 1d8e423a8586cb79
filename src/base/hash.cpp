#include "logzio_okta/base/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace logzio_okta {

std::uint64_t hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace logzio_okta
