// Quotes foreign text that may contain a credential: a proxy's error page repeats the URL it could not reach,
// a gateway's error the header it rejected, and people paste a key where a domain, a file name or a level
// belongs.
//
//     return fail(ascii::quote(text) + " is not a level");         // One value, in quotation marks.
//     retry.text += " (\"" + quotable(answer.body) + "\")";        // Part of a foreign answer.
//     log.write(level, tenant, without_credentials(text), now);    // Everything logged: the last check.
//
// All of them redact the same text, and redact before they cut: half a credential at the cut would no longer
// look like one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace logzio_okta {

/// The shortest possible credential. An API key has 42 letters, digits, '-' and '_' (docs/okta.md 5), a
/// shipping token 32 letters (docs/logzio.md 6); shorter runs are words and ids.
inline constexpr std::size_t credential_bytes_min = 30;
[[nodiscard]] bool may_stand_in_credential(char c);

/// `text` with every run that could be a credential, and every private key in PEM form, replaced by
/// "[redacted]". A run of words ("logzio-okta-production-tenants", "A_LONG_NAME_OF_A_VARIABLE_IN_CAPITALS")
/// is kept, because the error is about it: it has separators, is in one case throughout, and does not begin
/// with the "00" of Okta's keys.
[[nodiscard]] std::string without_credentials(std::string_view text);

/// The same, made fit for a log line: printable, and cut at limits::error_text_bytes_max.
[[nodiscard]] std::string quotable(std::string_view text);

/// Whether it has the same quote at both ends, as docker's --env-file keeps them.
[[nodiscard]] bool is_quoted(std::string_view text);

}  // namespace logzio_okta
