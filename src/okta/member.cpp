#include "logzio_okta/okta/member.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace logzio_okta {
namespace {

constexpr std::string_view white_space = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

/// The character that an escape in a key means, if it is ASCII; removes the escape from `key`, whose
/// backslash is already removed.
char take_escape(std::string_view& key) {
  constexpr char other = '\x7f';  // In no name.
  const char kind = key.front();
  key.remove_prefix(1);
  if (kind != 'u') return kind == '"' || kind == '\\' || kind == '/' ? kind : other;
  unsigned code = 0;
  const std::size_t digits = std::min<std::size_t>(key.size(), 4);
  const auto [end, error] = std::from_chars(key.data(), key.data() + digits, code, 16);
  const bool whole = error == std::errc() && end == key.data() + digits && digits == 4;
  key.remove_prefix(digits);
  return whole && code < static_cast<unsigned>(other) ? static_cast<char>(code) : other;
}

bool is_spelt(std::string_view key, std::string_view name) {
  for (; !key.empty() && !name.empty(); name.remove_prefix(1)) {
    char c = key.front();
    key.remove_prefix(1);
    if (c == '\\' && !key.empty()) c = take_escape(key);
    if (c != name.front()) return false;
  }
  return key.empty() && name.empty();
}

/// Iterates over the members of one object, each up to the comma or brace that ends it.
class MemberWalk {
 public:
  explicit MemberWalk(std::string_view object) : object_(object) {}

  /// False at the end of the object, or if it is damaged.
  bool next() {
    if (at_ >= object_.size() || object_[at_] == '}') return false;
    ++at_;  // The opening brace, or the comma after the last member.
    at_ = object_.find_first_not_of(white_space, at_);
    if (at_ == std::string_view::npos || object_[at_] != '"') return false;
    const std::size_t key_at = at_;
    if (!skip_string()) return false;
    key = object_.substr(key_at + 1, at_ - key_at - 2);
    at_ = object_.find_first_not_of(white_space, at_);
    if (at_ == std::string_view::npos || object_[at_] != ':') return false;
    const std::size_t value_at = ++at_;
    if (!skip_value()) return false;
    value = trimmed(object_.substr(value_at, at_ - value_at));
    return true;
  }

  std::string_view key;
  std::string_view value;

 private:
  /// From an opening quote to after the closing one.
  bool skip_string() {
    for (++at_; at_ < object_.size(); ++at_) {
      if (object_[at_] == '"') return ++at_, true;
      if (object_[at_] == '\\') ++at_;
    }
    return false;
  }

  /// To the comma or brace of our own level.
  bool skip_value() {
    for (int depth = 0; at_ < object_.size();) {
      switch (object_[at_]) {
        case '"':
          if (!skip_string()) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (depth == 0) return object_[at_] == '}';
          --depth;
          break;
        case ',':
          if (depth == 0) return true;
          break;
        default:
          break;
      }
      ++at_;
    }
    return false;
  }

  std::string_view object_;
  std::size_t at_ = 0;
};

}  // namespace

bool find_member(std::string_view object, std::string_view key, std::string_view& raw_value) {
  if (object.empty() || object.front() != '{') return false;
  bool found = false;
  for (MemberWalk walk(object); walk.next();) {
    if (walk.key != key) continue;
    raw_value = walk.value;
    found = true;
  }
  return found;
}

bool has_member(std::string_view object, std::string_view name) {
  if (object.empty() || object.front() != '{') return false;
  for (MemberWalk walk(object); walk.next();) {
    if (is_spelt(walk.key, name)) return true;
  }
  return false;
}

}  // namespace logzio_okta
