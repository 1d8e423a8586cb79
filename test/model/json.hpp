// The little JSON the models need: the top level of an object, its shape, and a quoted string.
//
// Naive on purpose and shared with nothing under test, so that a mistake of the daemon's cutter is not
// repeated by its judge. The strict judge in okta/page.hpp decides whether text is JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logzio_okta::model {

struct Member {
  std::string key;         ///< Unescaped.
  std::string_view value;  ///< As written, without white space around it; a string with its quotes.
  std::size_t begin = 0;   ///< Offset of the byte after the preceding '{' or ','.
};

struct Object {
  std::vector<Member> members;
  std::size_t end = 0;  ///< Offset of the byte after the last member (or after the '{' of an empty object).

  /// The value of the last member of that name, as most parsers return it.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view key) const;
  /// Likewise, but only a string, without its quotes and with its escapes.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view key) const;
};

/// The top level of an object, as far as quotes and brackets tell; nullopt if the text is not one.
[[nodiscard]] std::optional<Object> read_object(std::string_view text);

/// What Logz.io measures after its 200 (docs/logzio.md 3).
struct Shape {
  std::size_t depth = 0;         ///< Levels of objects and arrays; a flat object has 1.
  std::size_t fields = 0;        ///< Keys at all levels.
  std::size_t string_chars = 0;  ///< The longest string's code points; an escape counts as one.
};
[[nodiscard]] Shape shape_of(std::string_view json);

/// The text as a JSON string, with its quotes. Non-ASCII bytes stay as they are.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace logzio_okta::model
