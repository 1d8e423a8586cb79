// Text: locale-independent ASCII functions for the parsers, and safe display of foreign text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

namespace ascii {

[[nodiscard]] constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/// Space, tab, CR or LF: the white space of JSON, of header lines and of what people paste.
[[nodiscard]] constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
/// Visible ASCII: all that a URL may consist of.
[[nodiscard]] constexpr bool is_visible(char c) {
  return c > ' ' && c <= '~';
}
[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
/// Without white space at either end; a view into `text`.
[[nodiscard]] std::string_view trim(std::string_view text);
/// Digits and nothing else; nullopt also for a number of more than 64 bits.
[[nodiscard]] std::optional<std::uint64_t> whole_number(std::string_view text);
/// `text` in quotation marks, fit for an error: without credentials (quote.hpp), printable, cut short.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace ascii

/// "1 event", "2 events"; `plural` if it is not the noun with an s.
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun, std::string_view plural = {});

/// "512 bytes", "3.4 KiB", "12 MiB": for people, in two digits at least.
[[nodiscard]] std::string describe_bytes(std::uint64_t bytes);

/// Foreign text made fit for a log line: every control and non-ASCII byte becomes '?', and text longer than
/// `bytes_max` is cut there and ends in "...".
[[nodiscard]] std::string printable(std::string_view text,
                                    std::size_t bytes_max = limits::error_text_bytes_max);

/// Foreign text made fit for a terminal or a log without loss: control characters (C0 and C1), marks that
/// change the text direction, and invalid UTF-8 become escapes: "\\x1b", a line feed "\\n". Characters in
/// `kept` stay unchanged.
[[nodiscard]] std::string harmless(std::string_view text, std::string_view kept = {});

}  // namespace logzio_okta
