// Finds members of a JSON object without building a document and without validating their values.
#pragma once

#include <string_view>

namespace logzio_okta {

/// Finds the top-level member `key` of `object` (it starts with '{') and gives its value's raw bytes, without
/// surrounding white space. If a key occurs twice, the last one counts. Keys are compared as written: one
/// spelt with escapes is not found. False, with `raw_value` unchanged, if there is none or the object is
/// damaged before the value ends. Linear in the object's size; `raw_value` points into it.
[[nodiscard]] bool find_member(std::string_view object, std::string_view key, std::string_view& raw_value);

/// Whether `object` has the top-level member `name`, which is ASCII, with or without escapes in its key.
[[nodiscard]] bool has_member(std::string_view object, std::string_view name);

}  // namespace logzio_okta
