// EventMaker: LogEvents as Okta sends them (docs/okta.md 2), and troublesome ones.
//
//     EventMaker maker(seed);
//     std::string event = maker.make(published);                        // about 2.3 KB, all fields
//     std::string poison = maker.special(Special::bad_utf8, published);
//
// The same seed and calls give the same bytes on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"

namespace logzio_okta::model {

/// Unusual events. All but the last group are JSON objects and belong in Logz.io.
enum class Special : std::uint8_t {
  no_uuid,
  null_uuid,
  no_published,
  bad_published,   ///< A `published` that is not a date.
  no_message,      ///< `displayMessage` is null.
  pretty_printed,  ///< Line breaks and spaces between the tokens.
  duplicate_keys,  ///< `published` and `eventType` are there twice.
  clashing_keys,   ///< Its own top-level type, message, @timestamp, tenant_name, logzio_okta and token.
  escaped_clash,   ///< Its own `type`, written with an escape.
  long_field,      ///< One string over 32,700 characters: Logz.io flattens it after its 200.
  many_fields,     ///< Over 1000 fields: likewise.
  deep,            ///< Over 10 levels: likewise.
  numbers,         ///< Numbers a re-encoding would change.
  empty_object,    ///< {}
  oversized,       ///< Over 500,000 bytes: delivered reduced, set aside whole.
  bad_utf8,        ///< Not JSON from here on: only ever set aside. Separable, so that neighbours survive.
  bad_literal,     ///< A value that is no JSON.
  raw_newline,     ///< A line break inside a string.
  not_an_object,   ///< A number, a string or an array where an event should be.
};
inline constexpr std::size_t specials_count = 19;

/// All of them, in order.
[[nodiscard]] std::span<const Special> all_specials();
[[nodiscard]] std::string_view name_of(Special special);

/// What becomes of an event under the design's rules.
enum class Fate : std::uint8_t {
  whole,      ///< One line that holds its bytes.
  reduced,    ///< One line that says it is reduced.
  set_aside,  ///< No line.
};
/// Over TCP an event with its own `token` cannot be sent.
[[nodiscard]] Fate fate_of(Special special, bool over_lines = false);

class EventMaker {
 public:
  explicit EventMaker(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::string make(WallTime published);
  [[nodiscard]] std::string special(Special special, WallTime published);
  /// A uuid in the form of version 4.
  [[nodiscard]] std::string uuid();

 private:
  [[nodiscard]] std::string hex(std::size_t digits);
  [[nodiscard]] std::string name_like(std::size_t characters);
  [[nodiscard]] std::string_view pick(std::span<const std::string_view> choices);
  [[nodiscard]] std::string ip_address();
  [[nodiscard]] std::string place();
  [[nodiscard]] std::string build(std::string_view uuid_member, std::string_view published_member,
                                  std::string_view message, std::string_view debug_extra);

  Random random_;
};

}  // namespace logzio_okta::model
