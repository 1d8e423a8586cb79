// Columns: converts our values to and from those in the state file.
//
// A damaged or hostile file may have any number: values read are bounded, so that no sum or difference of two
// times overflows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// SQLite's integers are signed; our counters never reach the sign bit.
[[nodiscard]] std::int64_t to_sql(std::uint64_t number);
/// Milliseconds since 1970.
[[nodiscard]] std::int64_t to_sql(WallTime time);
[[nodiscard]] std::optional<std::int64_t> to_sql(std::optional<WallTime> time);

[[nodiscard]] std::uint64_t count_of(std::int64_t number);
[[nodiscard]] std::uint32_t small_count_of(std::int64_t number);
/// Limited to 200 years either way.
[[nodiscard]] std::int64_t bounded_ms(std::int64_t ms);
[[nodiscard]] WallTime time_of(std::int64_t ms);
[[nodiscard]] std::optional<WallTime> time_of(std::optional<std::int64_t> ms);

/// Sixteen bytes per event, both hashes in little-endian order.
[[nodiscard]] std::string pack(const std::vector<EventHash>& events);
/// Ignores an incomplete event at the end.
[[nodiscard]] std::vector<EventHash> unpack(std::string_view packed);

}  // namespace logzio_okta
