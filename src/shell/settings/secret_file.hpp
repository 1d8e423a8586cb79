// Credentials outside of the file that refers to them: in the environment, or in their own files, as provided
// by systemd (LoadCredential=) and Docker (secrets:).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// `text` with each ${NAME} replaced by that variable. The error names a variable that is not set, or that
/// has a default as in a shell; anything else that looks like a placeholder stays unchanged.
[[nodiscard]] Result<std::string> expand_variables(std::string_view text, const Environment& environment);

/// The first variable that expand_variables() would replace; empty if there is none.
[[nodiscard]] std::string first_variable(std::string_view text);

/// The path of a secret's file: `name` itself if it begins with a slash; else the first that exists in
/// $CREDENTIALS_DIRECTORY, in /run/secrets, or beside `referrer`, the file that names it; the last if none
/// exists.
[[nodiscard]] std::string find_secret_file(const std::string& name, const std::string& referrer,
                                           const Environment& environment);

/// The credential in a file or a variable, without a byte order mark and surrounding white space. An error
/// (never quoting it) if it cannot be a credential: UTF-16, in quotes, a whole line "OKTA_API_KEY=...",
/// "$NAME".
[[nodiscard]] Result<std::string_view> bare_credential(std::string_view bytes);

/// Removes the byte order mark that an editor added; the error says that the text is UTF-16.
[[nodiscard]] Result<std::string_view> without_byte_order_mark(std::string_view text);

/// The file's content without surrounding white space. Adds a warning if every user of the machine can read
/// it. The error names the file and never quotes its content.
[[nodiscard]] Result<Secret> read_secret_file(const std::string& path, std::vector<std::string>& warnings);

}  // namespace logzio_okta
