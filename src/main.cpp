// logzio-okta: reads the System Log of Okta tenants and delivers every event to Logz.io.
#include <cstdio>
#include <utility>

#include "commands/run.hpp"
#include "shell/clock.hpp"
#include "shell/help.hpp"
#include "shell/settings.hpp"

int main(int argc, char** argv) {
  using namespace logzio_okta;
  const Environment environment = Environment::of_process();
  auto settings = read_settings(argc, argv, environment, wall_now());
  if (!settings) {
    std::fprintf(stderr, "logzio-okta: %s\n", settings.error().text.c_str());
    return settings.error().exit_code;
  }
  switch (settings->command) {
    case Command::help:
      std::fputs(help_text().c_str(), stdout);
      return 0;
    case Command::version:
      std::fputs(version_text().c_str(), stdout);
      return 0;
    case Command::run:
      return run(std::move(*settings), environment);
  }
}
