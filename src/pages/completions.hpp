// Completions for three shells, generated from the same tables as --help, so that they cannot differ.
#pragma once

#include <string>

#include "shell/settings/command.hpp"

namespace logzio_okta {

[[nodiscard]] std::string bash_completion(CommandTable commands);
[[nodiscard]] std::string zsh_completion(CommandTable commands);
[[nodiscard]] std::string fish_completion(CommandTable commands);

}  // namespace logzio_okta
