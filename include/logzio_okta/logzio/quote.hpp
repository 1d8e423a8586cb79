// Quoting foreign text where a shipping token may be in it: a proxy's error page repeats the URL it could not
// reach, and a token may be pasted where a host belongs.
#pragma once

#include <string>
#include <string_view>

namespace logzio_okta {

/// `text` made fit for a log line (printable, bounded), with every run of 32 or more letters, the form of a
/// shipping token (logzio.md section 6), replaced by "[redacted]".
[[nodiscard]] std::string quotable(std::string_view text);

}  // namespace logzio_okta
