#include "logzio_okta/okta/quote.hpp"

#include <algorithm>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {

bool may_stand_in_key(char c) {
  return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_';
}

std::string without_keys(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto* const run_end = std::ranges::find_if_not(text, may_stand_in_key);
    const auto run_size = std::max<std::size_t>(1, static_cast<std::size_t>(run_end - text.begin()));
    shown += run_size < key_like_bytes_min ? text.substr(0, run_size) : "[redacted]";
    text.remove_prefix(run_size);
  }
  return shown;
}

}  // namespace logzio_okta
