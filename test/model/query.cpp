#include "model/query.hpp"

#include <charconv>
#include <cstdint>

namespace logzio_okta::model {
namespace {

std::string percent_decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const std::string_view digits = text.substr(i + 1 <= text.size() ? i + 1 : i, 2);
    const bool escape = text[i] == '%' && digits.size() == 2 &&
                        std::from_chars(digits.data(), digits.data() + 2, code, 16).ptr == digits.data() + 2;
    plain += escape ? static_cast<char>(static_cast<std::uint8_t>(code)) : text[i];
    if (escape) i += 2;
  }
  return plain;
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").contains(c);
}

}  // namespace

Parameters parameters_of(std::string_view target) {
  Parameters parameters;
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return parameters;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string_view value = equals < one.size() ? one.substr(equals + 1) : std::string_view();
    parameters.emplace_back(percent_decode(one.substr(0, equals)), percent_decode(value));
  }
  return parameters;
}

std::optional<std::string_view> find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (unreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      encoded += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return encoded;
}

}  // namespace logzio_okta::model
