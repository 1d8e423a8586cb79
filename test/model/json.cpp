#include "model/json.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace logzio_okta::model {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// The offset after the closing quote of the string that starts at `at`, or npos.
std::size_t behind_string(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

/// The offset after the value that starts at `at`: at a ',' or a closing bracket of the level around it.
std::size_t behind_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      i = behind_string(text, i);
      if (i == std::string_view::npos) return i;
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) return i;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++i;
  }
  return std::string_view::npos;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Escapes of ASCII characters are resolved, since a key may hide in them; others stay as written.
std::string unescaped(std::string_view inside) {
  std::string plain;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\' || i + 1 == inside.size()) {
      plain += inside[i];
      continue;
    }
    const char escape = inside[++i];
    unsigned code = 0;
    const std::string_view digits = inside.substr(i + 1, 4);
    if (escape == 'u' && digits.size() == 4 &&
        std::from_chars(digits.data(), digits.data() + 4, code, 16).ptr == digits.data() + 4 && code < 0x80) {
      plain += static_cast<char>(code);
      i += 4;
    } else if (escape == '"' || escape == '\\' || escape == '/') {
      plain += escape;
    } else {
      plain += {'\\', escape};
    }
  }
  return plain;
}

}  // namespace

std::optional<std::string_view> Object::value(std::string_view key) const {
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    if (member->key == key) return member->value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Object::text(std::string_view key) const {
  const auto found = value(key);
  if (!found || found->size() < 2 || found->front() != '"') return std::nullopt;
  return found->substr(1, found->size() - 2);
}

std::optional<Object> read_object(std::string_view text) {
  Object object;
  std::size_t at = skip_space(text, 0);
  if (at == text.size() || text[at] != '{') return std::nullopt;
  object.end = ++at;
  if (const std::size_t close = skip_space(text, at); close < text.size() && text[close] == '}') {
    return skip_space(text, close + 1) == text.size() ? std::optional(object) : std::nullopt;
  }
  while (true) {
    Member member{.key = {}, .value = {}, .begin = at};
    at = skip_space(text, at);
    if (at >= text.size() || text[at] != '"') return std::nullopt;
    const std::size_t key_end = behind_string(text, at);
    if (key_end == std::string_view::npos) return std::nullopt;
    member.key = unescaped(text.substr(at + 1, key_end - at - 2));
    at = skip_space(text, key_end);
    if (at >= text.size() || text[at] != ':') return std::nullopt;
    const std::size_t value_end = behind_value(text, at + 1);
    if (value_end == std::string_view::npos || text[value_end] == ']') return std::nullopt;
    member.value = trimmed(text.substr(at + 1, value_end - at - 1));
    object.members.push_back(std::move(member));
    object.end = value_end;
    at = value_end + 1;
    if (text[value_end] == '}') break;
  }
  return skip_space(text, at) == text.size() ? std::optional(std::move(object)) : std::nullopt;
}

Shape shape_of(std::string_view json) {
  Shape shape;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '{' || c == '[') shape.depth = std::max(shape.depth, ++depth);
    if ((c == '}' || c == ']') && depth > 0) --depth;
    if (c == ':') ++shape.fields;
    if (c != '"') continue;
    std::size_t chars = 0;
    for (++i; i < json.size() && json[i] != '"'; ++i) {
      if (json[i] == '\\') i += i + 1 < json.size() && json[i + 1] == 'u' ? 5U : 1U;
      const bool continuation = i < json.size() && (static_cast<std::uint8_t>(json[i]) & 0xC0U) == 0x80U;
      if (!continuation) ++chars;
    }
    shape.string_chars = std::max(shape.string_chars, chars);
  }
  return shape;
}

std::string quoted(std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      json += {'\\', c};
    } else if (c == '\n') {
      json += "\\n";
    } else if (byte < 0x20) {
      json += "\\u00";
      json += {digits[byte >> 4U], digits[byte & 15U]};
    } else {
      json += c;
    }
  }
  return json + '"';
}

}  // namespace logzio_okta::model
