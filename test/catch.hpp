// The only include of Catch2, so that version 3 can replace Debian 12's 2.13 in one place.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace logzio_okta::test {

/// Why cases could not run on this machine. If nothing else went wrong, the program exits with 77, which
/// ctest reports as skipped.
void skip(const char* why);

}  // namespace logzio_okta::test
