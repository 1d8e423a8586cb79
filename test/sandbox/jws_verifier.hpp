// Whether a JWS was signed by the private half of a JWK: by OpenSSL's own primitives, independent of the code
// that signs, and as strict as Okta (docs/okta.md 5.2).
#pragma once

#include <string>
#include <string_view>

namespace logzio_okta::sandbox {

/// `algorithm`: RS256, RS384, RS512 with RSA, ES256, ES384, ES512 with the curve that belongs to it.
/// `public_jwk`: an object with exactly the key's numbers. `signature`: decoded.
[[nodiscard]] bool verifies(std::string_view algorithm, std::string_view public_jwk, std::string_view input,
                            std::string_view signature);
/// SHA-256, 32 bytes.
[[nodiscard]] std::string sha256_of(std::string_view bytes);

}  // namespace logzio_okta::sandbox
