// logzio-okta: reads the System Log of Okta tenants and delivers every event to Logz.io.
#include <utility>

#include "commands/table.hpp"
#include "shell/os/clock.hpp"
#include "shell/output/printing.hpp"
#include "shell/settings/settings.hpp"

int main(int argc, char** argv) {
  using namespace logzio_okta;
  const Environment environment = Environment::of_process();
  auto settings = read_settings(argc, argv, environment, wall_now(), command_table());
  if (!settings) {
    for (const std::string& problem : settings.error().problems) {
      refuse(settings.error().exit_code, problem);
    }
    return settings.error().exit_code;
  }
  const auto perform = settings->command->perform;
  return perform(std::move(*settings), environment);
}
