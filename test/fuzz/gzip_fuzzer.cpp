// gzip: what is packed comes back; what is damaged, cut or too large is refused and never overruns its bound.
#include <string>

#include "logzio_okta/base/gzip.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool raw = input.flag();
  const std::size_t bound = input.below(65'536);
  if (raw) {
    const std::string_view packed = input.rest();
    const auto plain = gunzip(packed, bound);
    if (plain) CHECK(plain->size() <= bound);
    // A stream that was whole under one bound is whole, and the same, under a larger one.
    if (plain) CHECK(gunzip(packed, bound + 1) == plain);
    return 0;
  }
  const std::size_t cut = input.below(65'536);
  const std::size_t flipped = input.below(65'536);
  const std::string_view plain = input.rest();
  const std::string packed = gzip(plain);
  CHECK(gunzip(packed, plain.size()) == plain);
  CHECK(gunzip(packed + packed, 2 * plain.size()) == std::string(plain) + std::string(plain));
  if (!plain.empty()) CHECK(gunzip(packed, plain.size() - 1) == std::unexpected(GzipFault::too_large));
  CHECK(!gunzip(std::string_view(packed).substr(0, cut % packed.size()), plain.size()));
  std::string damaged = packed;
  damaged[flipped % packed.size()] ^= static_cast<char>(1U << (flipped % 8));
  // The header holds fields nobody checks; the content never changes unnoticed.
  const auto read = gunzip(damaged, plain.size());
  CHECK(!read || *read == plain);
  return 0;
}
