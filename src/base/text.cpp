#include "logzio_okta/base/text.hpp"

#include <algorithm>
#include <charconv>

#include "logzio_okta/base/quote.hpp"

namespace logzio_okta {
namespace {

/// Whether a three-byte character changes how others are shown: direction embeddings, overrides and isolates,
/// and the line and paragraph separators.
bool rules_others(unsigned char first, unsigned char second, unsigned char third) {
  if (first != 0xe2) return false;
  return (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
         (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

/// The length of the well-formed, harmless UTF-8 character at the start of `text`; 0 for a control character,
/// invalid bytes or an empty text.
std::size_t harmless_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool control =
      (first == 0xc2 && second < 0xa0) || (size == 3 && rules_others(first, second, byte(2)));
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return control || overlong || no_character ? 0 : size;
}

}  // namespace

namespace ascii {

std::string lower(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) { return lower(c); });
  return lowered;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::string quote(std::string_view text) {
  return '"' + printable(without_credentials(text), limits::quoted_bytes_max) + '"';
}

}  // namespace ascii

std::string describe_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t step = limits::KiB;
  constexpr std::uint64_t few = 10;
  if (bytes < step) return counted(bytes, "byte");
  std::uint64_t unit = step;
  std::string_view name = " KiB";
  for (const std::string_view larger : {" MiB", " GiB"}) {
    if (bytes / unit < step) break;
    unit *= step;
    name = larger;
  }
  std::string text = std::to_string(bytes / unit);
  if (bytes / unit < few) text += "." + std::to_string(bytes % unit * few / unit);
  return text + std::string(name);
}

std::string counted(std::uint64_t number, std::string_view noun, std::string_view plural) {
  const std::string count = std::to_string(number) + " ";
  if (number == 1) return count + std::string(noun);
  return count + (plural.empty() ? std::string(noun) + "s" : std::string(plural));
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view cut_mark = "...";
  const bool cut = text.size() > bytes_max;
  if (cut) text = text.substr(0, bytes_max - std::min(bytes_max, cut_mark.size()));
  std::string shown(text);
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  if (cut) shown += cut_mark;
  return shown;
}

std::string harmless(std::string_view text, std::string_view kept) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = harmless_character(text);
    if (size > 0) {
      shown += text.substr(0, size);
    } else if (kept.contains(text.front())) {
      shown += text.front();
    } else if (text.front() == '\n') {
      shown += "\\n";
    } else {
      const auto byte = static_cast<unsigned char>(text.front());
      ((shown += "\\x") += digits[byte >> 4U]) += digits[byte & 0xfU];
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return shown;
}

}  // namespace logzio_okta
