// Members of a JSON object, found without building anything and without judging what is inside them.
#pragma once

#include <string_view>

namespace logzio_okta {

/// Finds the top-level member `key` of `object` (it starts with '{') and gives its value's raw bytes, without
/// white space around them. If a key is there twice, the last one counts. Keys are compared as they are
/// written: one spelt with escapes is not found. False, and `raw_value` untouched, if there is none or the
/// object is damaged before the value ends. Linear in the object's size; `raw_value` points into it.
[[nodiscard]] bool find_member(std::string_view object, std::string_view key, std::string_view& raw_value);

/// Whether `object` has the top-level member `name`, which is ASCII, however its key is spelt.
[[nodiscard]] bool has_member(std::string_view object, std::string_view name);

}  // namespace logzio_okta
