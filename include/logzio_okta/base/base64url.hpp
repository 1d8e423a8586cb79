// base64url without padding (RFC 4648 section 5), as used in JWTs and JWKs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace logzio_okta {

[[nodiscard]] std::string base64url(std::string_view bytes);
/// Strictly: no padding, no white space, no bits left over. nullopt for anything else.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);
/// As people and PEM files write it: either alphabet, with or without padding, white space anywhere. The
/// result may be a private key, so the string never grows beyond what it reserves first and leaves no copy
/// behind. nullopt for anything else.
[[nodiscard]] std::optional<std::string> decode_any_base64(std::string_view text);

}  // namespace logzio_okta
