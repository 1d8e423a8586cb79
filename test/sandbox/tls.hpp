// Server-side TLS contexts for certificates made at run time.
#pragma once

#include "sandbox/stream.hpp"
#include "tools/certificates.hpp"

namespace logzio_okta::sandbox {

/// TLS 1.2 or newer. A peer that leaves without close_notify counts as having ended its side.
[[nodiscard]] TlsContext server_context(const test::Certificate& certificate);

}  // namespace logzio_okta::sandbox
