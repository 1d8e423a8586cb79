// base64url without padding (RFC 4648 section 5), as JWTs and JWKs have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace logzio_okta {

[[nodiscard]] std::string base64url(std::string_view bytes);
/// Strictly: no padding, no white space, no bits left over. nullopt for anything else.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);
/// As people and PEM files have it: either alphabet, with or without padding, white space anywhere. What is
/// decoded may be a private key: the string never grows beyond what it reserves first, so that no copy is
/// left behind. nullopt for anything else.
[[nodiscard]] std::optional<std::string> decode_any_base64(std::string_view text);

}  // namespace logzio_okta
