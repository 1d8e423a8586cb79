// gzip both ways, bounded, over ISA-L (facts: five times zlib level 1 at the same ratio).
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace logzio_okta {

enum class GzipFault {
  damaged,    ///< Not gzip, cut short, or its checksum is wrong.
  too_large,  ///< Inflated it would exceed the bound; nothing beyond the bound was ever allocated.
};

/// Inflates a whole gzip stream (one or more members, RFC 1952; zeros after the last one are padding) into at
/// most `bytes_max` bytes. `plain` gives its room, so that page after page needs no new memory; after a fault
/// it holds what came before that: exactly `bytes_max` bytes where there would be more.
[[nodiscard]] std::expected<void, GzipFault> gunzip(std::string_view packed, std::size_t bytes_max,
                                                    std::string& plain);
/// Likewise, into a new string.
[[nodiscard]] std::expected<std::string, GzipFault> gunzip(std::string_view packed, std::size_t bytes_max);
/// The bytes of the whole members that `packed` begins with: what comes after them is cut short, damaged or
/// something else. Nothing is kept of what they hold.
[[nodiscard]] std::size_t whole_members(std::string_view packed);
/// One gzip member, ISA-L level 1. Its bytes depend on where memory lies: two runs may pack a text
/// differently.
[[nodiscard]] std::string gzip(std::string_view plain);

}  // namespace logzio_okta
