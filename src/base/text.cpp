#include "logzio_okta/base/text.hpp"

#include <algorithm>
#include <charconv>

namespace logzio_okta {
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
  return '"' + printable(text, limits::quoted_bytes_max) + '"';
}

}  // namespace ascii

std::string counted(std::uint64_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
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

}  // namespace logzio_okta
