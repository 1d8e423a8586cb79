#include "commands/healthcheck.hpp"

#include <cstdio>

#include "shell/output/printing.hpp"
#include "shell/serve/admin_client.hpp"

namespace logzio_okta {

int healthcheck(Settings settings, const Environment& /*environment*/) {
  if (!settings.options.admin) {
    std::puts("not checked: the admin server is off");
    return 0;
  }
  const auto answer = ask_admin(*settings.options.admin, "/healthz");
  print(stdout, answer ? "alive\n" : answer.error().text + "\n");
  return answer ? 0 : 1;
}

}  // namespace logzio_okta
