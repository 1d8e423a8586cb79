#include "logzio_okta/http/link_header.hpp"

#include <utility>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

struct Link {
  std::string_view target;
  std::string relations;  // The first `rel`, separated by white space; RFC 8288 says to ignore further ones.
};

bool names(const Link& link, std::string_view relation) {
  std::string_view rest = ascii::trim(link.relations);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r\n"));
    if (ascii::equal_ignoring_case(word, relation)) return true;
    rest = ascii::trim(rest.substr(word.size()));
  }
  return false;
}

// Parses one header line: `<target>; name=value; name="value", <target>...`
class LinkLine {
 public:
  explicit LinkLine(std::string_view line) : rest_(line) {}

  /// The next readable link; nullopt at the end of the line.
  std::optional<Link> next() {
    while (to_next_link()) {
      const std::optional<std::string_view> target = read_target();
      if (!target) continue;
      const std::string_view behind_target = rest_;
      std::optional<Link> link = read_parameters(*target);
      if (link) return link;
      // An unclosed quote may have swallowed the links after it: look for them again from here.
      rest_ = behind_target;
    }
    return std::nullopt;
  }

 private:
  // To the '<' that begins a link: here, or after a later comma.
  bool to_next_link() {
    for (;;) {
      skip_spaces();
      if (rest_.starts_with('<')) return true;
      const std::size_t comma = rest_.find(',');
      if (comma == std::string_view::npos) return false;
      rest_.remove_prefix(comma + 1);
    }
  }

  std::optional<std::string_view> read_target() {
    rest_.remove_prefix(1);
    const std::size_t end = rest_.find_first_of("<>");
    if (end == std::string_view::npos) {
      rest_ = {};
      return std::nullopt;
    }
    if (rest_[end] == '<') {  // Never closed, and the next link begins here.
      rest_.remove_prefix(end);
      return std::nullopt;
    }
    const std::string_view target = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return target;
  }

  std::optional<Link> read_parameters(std::string_view target) {
    Link link{.target = target, .relations = {}};
    bool related = false;
    for (;;) {
      skip_spaces();
      if (rest_.empty() || take(',')) return link;
      if (!take(';')) return std::nullopt;
      const std::string_view name = read_until(" \t=;,");
      skip_spaces();
      if (!take('=')) continue;  // A parameter without a value, or an empty one as in ";;".
      std::optional<std::string> value = read_value();
      if (!value) return std::nullopt;
      if (!related && ascii::equal_ignoring_case(name, "rel")) {
        related = true;
        link.relations = std::move(*value);
      }
    }
  }

  std::optional<std::string> read_value() {
    skip_spaces();
    if (!take('"')) return std::string(read_until(" \t;,"));
    std::string value;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      value += rest_.front();
      rest_.remove_prefix(1);
    }
    if (!take('"')) return std::nullopt;
    return value;
  }

  std::string_view read_until(std::string_view stops) {
    skip_spaces();
    const std::string_view word = rest_.substr(0, rest_.find_first_of(stops));
    rest_.remove_prefix(word.size());
    return word;
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void skip_spaces() {
    while (!rest_.empty() && ascii::is_space(rest_.front())) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::string> find_link(const Headers& headers, std::string_view relation) {
  for (const Header& header : headers) {
    if (!same_name(header.name, "Link")) continue;
    LinkLine line(header.value);
    while (const std::optional<Link> link = line.next()) {
      if (names(*link, relation)) return std::string(link->target);
    }
  }
  return std::nullopt;
}

}  // namespace logzio_okta
