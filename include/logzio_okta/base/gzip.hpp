// Bounded gzip compression and decompression by ISA-L (five times as fast as zlib level 1 at the same ratio).
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace logzio_okta {

enum class GzipFault {
  damaged,    ///< Not gzip, cut short, or its checksum is wrong.
  too_large,  ///< It would inflate beyond the bound; nothing beyond the bound was ever allocated.
};

/// Inflates a whole gzip stream (one or more members, RFC 1952; zeros after the last one are padding) into at
/// most `bytes_max` bytes. `plain` keeps its capacity, so that successive pages need no new memory. After a
/// fault it holds the bytes before the fault: exactly `bytes_max` of them if there would be more.
[[nodiscard]] std::expected<void, GzipFault> gunzip(std::string_view packed, std::size_t bytes_max,
                                                    std::string& plain);
/// The same, into a new string.
[[nodiscard]] std::expected<std::string, GzipFault> gunzip(std::string_view packed, std::size_t bytes_max);
/// The total size of the complete members at the start of `packed`; whatever follows is cut short, damaged or
/// not gzip. Their contents are not kept.
[[nodiscard]] std::size_t whole_members(std::string_view packed);
/// One gzip member, ISA-L level 1. Its bytes depend on memory addresses: two runs may pack a text
/// differently.
[[nodiscard]] std::string gzip(std::string_view plain);

}  // namespace logzio_okta
