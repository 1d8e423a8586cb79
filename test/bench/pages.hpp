// Pages: ready-made answers from Okta for the bench, and how to recognize each of their events.
//
// Making and packing them takes longer than carrying them does, so it is done once, before anything is
// measured. All orgs of a run serve the same pool: an event is identified by its tenant and its uuid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logzio_okta::bench {

inline constexpr std::size_t page_events = 1000;

/// Where an event is in the pool, and its bytes after the opening brace.
struct KnownEvent {
  std::uint64_t uuid_hash = 0;
  std::uint64_t rest_hash = 0;
  std::uint32_t rest_bytes = 0;
  std::uint32_t ordinal = 0;
};

class Pages {
 public:
  /// `count` pages of 1000 events of about 2.3 KB, packed as a web server does by default (zlib level 6).
  explicit Pages(std::size_t count);

  [[nodiscard]] std::size_t events() const { return packed_.size() * page_events; }
  [[nodiscard]] std::size_t plain_bytes() const { return plain_bytes_; }
  [[nodiscard]] const std::vector<std::string>& packed() const { return packed_; }
  /// `count` events from `first` on, wrapping round at the end: a page that is not ready-made, packed
  /// quickly.
  [[nodiscard]] std::string pack(std::size_t first, std::size_t count) const;
  /// The event of this line, if the line ends with exactly its bytes.
  [[nodiscard]] std::optional<std::size_t> ordinal_of(std::string_view line) const;

 private:
  std::vector<std::string> events_;  // Kept for pages that are not ready-made.
  std::vector<std::string> packed_;
  std::vector<KnownEvent> known_;  // By uuid_hash.
  std::size_t plain_bytes_ = 0;
};

/// gzip by zlib, for what the world around the daemon does.
[[nodiscard]] std::string zlib_gzip(std::string_view plain, int level);

}  // namespace logzio_okta::bench
