// The naive implementation: what one would write in an afternoon, as a separate process against the same
// server.
#pragma once

#include <cstddef>
#include <optional>

#include "bench/pages.hpp"

namespace logzio_okta::bench {

/// libcurl fetches over TLS and decodes, RapidJSON builds a document, four members are added, it is written
/// again, packed at zlib's default level and posted over TLS; nothing is saved. Microseconds of CPU an event,
/// user and system; nothing where document.h does not compile (Clang 19).
[[nodiscard]] std::optional<double> naive_us(const Pages& pages, std::size_t pages_measured);

}  // namespace logzio_okta::bench
