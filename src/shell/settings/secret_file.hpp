// Credentials that are not in the file that names them, but in the environment, or in files of their own as
// systemd (LoadCredential=) and Docker (secrets:) hand them out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"

#include "shell/os/environment.hpp"

namespace logzio_okta {

/// `text` with each ${NAME} replaced by that variable. The error names a variable that is not set, or that
/// has a default as in a shell; whatever else looks like a placeholder stays as it is.
[[nodiscard]] Result<std::string> expand_variables(std::string_view text, const Environment& environment);

/// The name of the first variable that expand_variables() would put in; empty if there is none.
[[nodiscard]] std::string first_variable(std::string_view text);

/// Where a secret's file is: `name` itself if it is a path with a slash in front; else the first that exists
/// in $CREDENTIALS_DIRECTORY, in /run/secrets, or beside `referrer`, the file that names it; the last if none
/// does.
[[nodiscard]] std::string find_secret_file(const std::string& name, const std::string& referrer,
                                           const Environment& environment);

/// What a person meant by the content of a file or a variable: without a byte order mark and the white space
/// around it. An error (never quoting it) for what no credential is: UTF-16, in quotes, a whole line
/// "OKTA_API_KEY=...", "$NAME".
[[nodiscard]] Result<std::string_view> bare_credential(std::string_view bytes);

/// What an editor put in front is taken off; the error says that it is UTF-16.
[[nodiscard]] Result<std::string_view> without_byte_order_mark(std::string_view text);

/// Whether the same quote is at both ends, as docker's --env-file keeps them.
[[nodiscard]] bool is_quoted(std::string_view text);

/// What is in the file without white space around it. Adds a warning when every user of the machine can read
/// it. The error names the file and never quotes what is in it.
[[nodiscard]] Result<Secret> read_secret_file(const std::string& path, std::vector<std::string>& warnings);

}  // namespace logzio_okta
