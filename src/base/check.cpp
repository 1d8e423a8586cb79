#include "logzio_okta/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace logzio_okta {

void check_failed(const char* condition, const char* file, int line) {
  // Nothing here may allocate or throw: the program's own state is broken.
  static_cast<void>(std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition));
  std::abort();
}

}  // namespace logzio_okta
