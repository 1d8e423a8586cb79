// Printing: the output of commands on standard output and standard error.
//
// Much of it is foreign: events, answers, file names, a page from whatever listens on the admin server's
// port. A pipe or a file gets the bytes unchanged, because they were asked for. On a terminal, control
// sequences (escapes, C1 controls, marks that change the text direction) are shown as escapes instead.
#pragma once

#include <cstdio>
#include <string_view>

namespace logzio_okta {

/// Writes all of the text; line feeds and tabs are kept on a terminal too. False, with errno, if it cannot be
/// written.
bool print(std::FILE* out, std::string_view text);

/// Writes "logzio-okta: text" to standard error, without credentials (quote.hpp); returns `code`, the
/// command's exit code.
int refuse(int code, std::string_view text);

}  // namespace logzio_okta
