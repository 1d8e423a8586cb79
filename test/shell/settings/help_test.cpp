#include "shell/settings/help.hpp"

#include <array>
#include <sstream>

#include "logzio_okta/config/options.hpp"

#include "catch.hpp"
#include "commands/table.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;

TEST_CASE("help: every flag, variable, default and command is in it") {
  std::string flat;  // Without line breaks, as wrapping may fall anywhere.
  std::istringstream help(help_text(command_table()));
  for (std::string word; help >> word;) flat += word + " ";
  for (const OptionRow& row : option_table()) {
    REQUIRE_THAT(flat, Contains(std::string(row.flag)) && Contains(std::string(row.environment)) &&
                           Contains(std::string(row.fallback)) && Contains(std::string(row.meaning)));
  }
  for (const CommandRow& row : command_table())
    REQUIRE_THAT(flat, Contains(std::string(row.name)) && Contains(std::string(row.meaning)));
  for (const char* const code : {"0", "64", "69", "70", "74", "75", "78"}) {
    REQUIRE_THAT(help_text(command_table()), Contains("\n  " + std::string(code) + " "));
  }
}

TEST_CASE(
    "help: no line is wider than 100 columns, and a line begins with a flag only where the flag is "
    "explained") {
  std::istringstream help(help_text(command_table()));
  std::size_t flags = 0;
  for (std::string line; std::getline(help, line);) {
    CAPTURE(line);
    REQUIRE(line.size() <= 100);
    REQUIRE_FALSE(line.ends_with(' '));
    if (line.substr(std::min(line.find_first_not_of(' '), line.size())).starts_with("--")) ++flags;
  }
  REQUIRE(flags == option_table().size());
}

TEST_CASE("help: a command's own help has its words, flags and details and no others") {
  const std::string status = help_text(command_table(), std::array{std::string("status")});
  REQUIRE_THAT(status,
               Contains("logzio-okta status") && Contains("--watch") && Contains("--admin ADDR:PORT"));
  REQUIRE_THAT(status, !Contains("\n    --since") && Contains("Exit codes"));
  REQUIRE(help_text(command_table(), std::array{std::string("stat")}).empty());
  for (const CommandRow& row : command_table()) {
    std::istringstream help(help_text(command_table(), std::array{std::string(row.name)}));
    for (std::string line; std::getline(help, line);) REQUIRE(line.size() <= 100);
  }
}

TEST_CASE("help: the version is one line") {
  REQUIRE(version_text() == "logzio-okta " LOGZIO_OKTA_VERSION "\n");
}
