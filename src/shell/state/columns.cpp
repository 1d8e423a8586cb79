#include "shell/state/columns.hpp"

#include <algorithm>
#include <chrono>

namespace logzio_okta {
namespace {

constexpr std::chrono::milliseconds span_max = std::chrono::years(200);
constexpr std::size_t event_bytes = 16;

void append_little_endian(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(number >> shift & 0xffU));
}

std::uint64_t read_little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (unsigned at = 0; at < 8; ++at) {
    number |= std::uint64_t{static_cast<unsigned char>(bytes[at])} << (8 * at);
  }
  return number;
}

}  // namespace

std::int64_t to_sql(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}
std::int64_t to_sql(WallTime time) {
  return time.time_since_epoch().count();
}
std::optional<std::int64_t> to_sql(std::optional<WallTime> time) {
  return time ? std::optional(to_sql(*time)) : std::nullopt;
}

std::uint64_t count_of(std::int64_t number) {
  return static_cast<std::uint64_t>(number);
}
std::uint32_t small_count_of(std::int64_t number) {
  return static_cast<std::uint32_t>(number);
}
std::int64_t bounded_ms(std::int64_t ms) {
  return std::clamp(ms, -span_max.count(), span_max.count());
}
WallTime time_of(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(bounded_ms(ms)));
}
std::optional<WallTime> time_of(std::optional<std::int64_t> ms) {
  return ms ? std::optional(time_of(*ms)) : std::nullopt;
}

std::string pack(const std::vector<EventHash>& events) {
  std::string packed;
  packed.reserve(events.size() * event_bytes);
  for (const EventHash& event : events) {
    append_little_endian(packed, event.uuid);
    append_little_endian(packed, event.bytes);
  }
  return packed;
}

std::vector<EventHash> unpack(std::string_view packed) {
  std::vector<EventHash> events;
  events.reserve(packed.size() / event_bytes);
  for (; packed.size() >= event_bytes; packed.remove_prefix(event_bytes)) {
    events.push_back({.uuid = read_little_endian(packed), .bytes = read_little_endian(packed.substr(8))});
  }
  return events;
}

}  // namespace logzio_okta
