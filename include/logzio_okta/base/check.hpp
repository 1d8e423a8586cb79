// CHECK(condition): stops the program at a bug, in every build. Not for anything the outside world may cause
// (see error.hpp).
#pragma once

namespace logzio_okta {

/// Writes one line naming the place and the broken condition to stderr and aborts. Never returns.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace logzio_okta

// A macro because only a macro can show the text of the condition.
#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::logzio_okta::check_failed(#condition, __FILE__, __LINE__))
