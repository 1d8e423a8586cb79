#include "commands/help.hpp"

#include <cstdio>

#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/quote.hpp"

#include "commands/table.hpp"
#include "shell/output/printing.hpp"
#include "shell/settings/help.hpp"

namespace logzio_okta {

int help(Settings settings, const Environment& /*environment*/) {
  if (settings.words.empty()) {
    std::fputs(help_text(command_table()).c_str(), stdout);
    return 0;
  }
  const std::string text = help_text(command_table(), settings.words);
  if (text.empty()) {
    print(stderr, "logzio-okta: there is no command \"" + quotable(settings.words.front()) +
                      "\"; logzio-okta --help lists all commands\n");
    return exit_usage;
  }
  std::fputs(text.c_str(), stdout);
  return 0;
}

int version(Settings /*settings*/, const Environment& /*environment*/) {
  std::fputs(version_text().c_str(), stdout);
  return 0;
}

}  // namespace logzio_okta
