// logzio-okta-pages DIR: writes the man page and the completions into DIR. Runs during the build.
#include <cstdio>
#include <fstream>
#include <string>

#include "logzio_okta/base/exit_codes.hpp"

#include "commands/table.hpp"
#include "pages/completions.hpp"
#include "pages/man_page.hpp"
#include "shell/settings/settings.hpp"

int main(int argc, char** argv) {
  using namespace logzio_okta;
  if (argc != 2) {
    std::fputs("usage: logzio-okta-pages DIR\n", stderr);
    return exit_usage;
  }
  const CommandTable commands = command_table();
  const std::string directory = std::string(argv[1]) + "/";
  bool written = true;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream file(directory + name, std::ios::binary);
    written = !(file << text).flush().fail() && written;
  };
  write("logzio-okta.1", man_page(commands));
  write("logzio-okta.bash", bash_completion(commands));
  write("_logzio-okta", zsh_completion(commands));
  write("logzio-okta.fish", fish_completion(commands));
  if (!written) std::fprintf(stderr, "logzio-okta-pages: cannot write into %s\n", argv[1]);
  return written ? 0 : 1;
}
