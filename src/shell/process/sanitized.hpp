// Whether this is a build with AddressSanitizer, whose leak checker runs last and traces its own process.
#pragma once

namespace logzio_okta {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace logzio_okta
