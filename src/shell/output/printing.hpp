// Printing: what a person's command says on standard output and standard error.
//
// Much of it is foreign: events, answers, names of files, a page of whoever has the admin server's port. Into
// a pipe or a file its bytes go as they are, for they are what was asked for. On a terminal what would
// command it (escapes, C1 controls, marks that turn the direction of text) is shown instead.
#pragma once

#include <cstdio>
#include <string_view>

namespace logzio_okta {

/// Writes all of the text; line feeds and tabs are its own on a terminal too. False, with errno, if it cannot
/// be written.
bool print(std::FILE* out, std::string_view text);

/// "logzio-okta: text" on standard error, without credentials (quote.hpp); returns `code`, for the command to
/// end with.
int refuse(int code, std::string_view text);

}  // namespace logzio_okta
