#define CATCH_CONFIG_RUNNER
#include <iostream>

#include "catch.hpp"

namespace {
bool skipped = false;
}  // namespace

void logzio_okta::test::skip(const char* why) {
  skipped = true;
  std::cout << "skipped: " << Catch::getResultCapture().getCurrentTestName() << ": " << why << '\n';
}

int main(int count, char** arguments) {
  constexpr int all_but_skipped = 77;
  const int failed = Catch::Session().run(count, arguments);
  return failed == 0 && skipped ? all_but_skipped : failed;
}
