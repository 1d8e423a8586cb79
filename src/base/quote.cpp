#include "logzio_okta/base/quote.hpp"

#include <algorithm>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view struck_out = "[redacted]";

bool is_separator(char c) {
  return c == '-' || c == '_';
}

/// Whether it is a name that a person chose; one random string in many millions would pass.
bool reads_as_words(std::string_view run) {
  const bool lower = std::ranges::any_of(run, [](char c) { return c >= 'a' && c <= 'z'; });
  const bool upper = std::ranges::any_of(run, [](char c) { return c >= 'A' && c <= 'Z'; });
  return std::ranges::any_of(run, is_separator) && lower != upper && !run.starts_with("00");
}

/// The size of the PEM private key at the start of `text`; 0 if there is none. A key that is cut off extends
/// to the end.
std::size_t pem_key_size(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN ";
  constexpr std::string_view end = "-----END ";
  constexpr std::string_view dashes = "-----";
  if (!text.starts_with(begin)) return 0;
  const std::size_t name_end = text.find(dashes, begin.size());
  if (!text.substr(0, name_end).contains("PRIVATE KEY")) return 0;
  const std::size_t last_line = text.find(end, begin.size());
  if (last_line == std::string_view::npos) return text.size();
  const std::size_t last_dashes = text.find(dashes, last_line + end.size());
  return last_dashes == std::string_view::npos ? text.size() : last_dashes + dashes.size();
}

}  // namespace

bool may_stand_in_credential(char c) {
  return ascii::is_letter(c) || ascii::is_digit(c) || is_separator(c);
}

std::string without_credentials(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    if (const std::size_t pem = pem_key_size(text); pem > 0) {
      shown += struck_out;
      text.remove_prefix(pem);
      continue;
    }
    const auto* const run_end = std::ranges::find_if_not(text, may_stand_in_credential);
    const auto run_size = std::max<std::size_t>(1, static_cast<std::size_t>(run_end - text.begin()));
    const std::string_view run = text.substr(0, run_size);
    shown += run.size() < credential_bytes_min || reads_as_words(run) ? run : struck_out;
    text.remove_prefix(run_size);
  }
  return shown;
}

std::string quotable(std::string_view text) {
  return printable(without_credentials(text));
}

bool is_quoted(std::string_view text) {
  text = ascii::trim(text);
  return text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'');
}

}  // namespace logzio_okta
