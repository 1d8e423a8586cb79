// Quoting foreign text where an API key may be in it: a gateway's error may repeat the header it did not
// like, and a key gets pasted where a domain belongs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace logzio_okta {

/// What an API key consists of (okta.md section 5): 42 letters, digits, '-' and '_'. Shorter runs are words.
inline constexpr std::size_t key_like_bytes_min = 30;
[[nodiscard]] bool may_stand_in_key(char c);

/// `text` with every run that could be a key replaced by "[redacted]".
[[nodiscard]] std::string without_keys(std::string_view text);

}  // namespace logzio_okta
