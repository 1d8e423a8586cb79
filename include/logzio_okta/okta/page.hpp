// The cutter: finds the events in a page of the System Log without building a document.
//
// A page is a JSON array of events (docs/okta.md 1.3). One scan follows quotes, escapes and brackets, gives
// every element as a slice of the page's own bytes, and notes what the event line needs: uuid, published,
// displayMessage, and which of our own key names the event already uses at its top level. It does not
// validate the JSON inside an event: one bad byte must not block a tenant. The listener decides (or, in tests
// and after its 400, a strict parser).
//
//     PageCutter cutter;
//     if (!cutter.cut(body)) return;  // Not an array, or cut short: nothing of it may be used.
//     for (const EventSlice& event : cutter.events()) take(event);
//
// Slices point into `body`, which must outlive them. A cutter may be reused and keeps its memory, up to what
// a page needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// Top-level key names that our splice would use (compared after unescaping).
enum class OwnKey : std::uint8_t { type, tenant_name, timestamp, message, logzio_okta, token };
inline constexpr std::size_t own_keys_count = 6;

/// A set of OwnKey.
class OwnKeys {
 public:
  void add(OwnKey key) { bits_ = static_cast<std::uint8_t>(bits_ | (1U << static_cast<unsigned>(key))); }
  [[nodiscard]] bool has(OwnKey key) const { return (bits_ & (1U << static_cast<unsigned>(key))) != 0; }

 private:
  std::uint8_t bits_ = 0;
};

/// A filter of the names at an object's top level: "no" is certain, "perhaps" must be checked.
class TopKeys {
 public:
  void add(std::string_view key) { bits_ |= bit_of(key); }
  void add_unknown() { bits_ = ~std::uint64_t{0}; }
  [[nodiscard]] bool may_have(std::string_view key) const { return (bits_ & bit_of(key)) != 0; }
  [[nodiscard]] bool may_share_one_with(const TopKeys& others) const { return (bits_ & others.bits_) != 0; }
  friend bool operator==(const TopKeys&, const TopKeys&) = default;

 private:
  // First byte, last byte and length distinguish most names at almost no cost.
  [[nodiscard]] static constexpr std::uint64_t bit_of(std::string_view key) {
    if (key.empty()) return 1;
    const auto first = static_cast<unsigned char>(key.front());
    const auto last = static_cast<unsigned char>(key.back());
    return std::uint64_t{1} << ((first + 7U * last + 13U * key.size()) % 64U);
  }

  std::uint64_t bits_ = 0;
};

/// If it is not an object, only `bytes`, `hash`, the newlines and `will_be_flattened` are filled in.
struct EventSlice {
  std::string_view bytes;  ///< The element exactly as Okta sent it, without surrounding white space.
  std::string_view uuid;   ///< Inside the quotes, unparsed; empty if absent, null or not a string.
  /// The same. If a key occurs twice, the last one counts, as in most parsers.
  std::string_view published;
  std::string_view display_message;      ///< With its quotes; empty if absent or not a string.
  std::optional<WallTime> published_at;  ///< `published`, if it is a date.
  OwnKeys own_keys;
  TopKeys top_keys;
  bool object = false;           ///< It starts with '{', and its closing bracket is its last byte.
  bool newline_between = false;  ///< A CR or LF outside of strings (pretty-printed).
  /// A raw CR or LF inside a string: not JSON, and it would break a line in two.
  bool newline_inside = false;
  bool will_be_flattened = false;  ///< Over one of the limits Logz.io applies after its 200 (limits.hpp).
  /// Computed while the bytes are still in the processor's cache: three times as fast as later.
  EventHash hash;
};

class PageCutter {
 public:
  /// False if the bytes are not one complete JSON array as far as quotes and brackets tell (a byte order mark
  /// and white space around it are allowed). An empty array gives no events. It stops at the first element
  /// beyond `elements_max`, at no extra cost: this is false as well, with too_many() set.
  [[nodiscard]] bool cut(std::string_view body, std::size_t elements_max = limits::elements_max);
  /// The last cut() failed because of too many elements.
  [[nodiscard]] bool too_many() const { return too_many_; }
  /// Cuts a single event, as in one of our lines. False, with `event` unchanged, if it is not one element
  /// whose quotes and brackets close.
  [[nodiscard]] static bool cut_one(std::string_view bytes, EventSlice& event);
  /// Whether a page that continues after these bytes begins with an object that has a uuid or a date, and no
  /// second element begins in them.
  [[nodiscard]] static bool begins_with_one_event(std::string_view beginning);
  [[nodiscard]] const std::vector<EventSlice>& events() const { return events_; }

 private:
  std::vector<EventSlice> events_;
  bool too_many_ = false;
};

/// The strict check: complete JSON of any depth, valid UTF-8, an object. Slow (RapidJSON's iterative Reader).
/// A number too large for a double (1e999) is refused as well: JSON allows it, but few readers accept it.
[[nodiscard]] bool is_strict_json_object(std::string_view text);

}  // namespace logzio_okta
