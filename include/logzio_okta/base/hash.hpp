// Hashes for recognising an event again. Not a defence: anyone able to collide 128 bits on purpose writes the
// log.
#pragma once

#include <cstdint>
#include <string_view>

namespace logzio_okta {

/// XXH3, 64 bit; stable across versions and machines, so it may be stored.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes);

/// How an event is recognised: by its uuid and by its bytes (16 bytes per event).
struct EventHash {
  std::uint64_t uuid = 0;  ///< Hash of the uuid's text; 0 when the event has none.
  std::uint64_t bytes = 0;

  [[nodiscard]] static EventHash of(std::string_view uuid, std::string_view bytes) {
    return {.uuid = uuid.empty() ? 0 : hash64(uuid), .bytes = hash64(bytes)};
  }
  friend bool operator==(const EventHash&, const EventHash&) = default;
};

}  // namespace logzio_okta
