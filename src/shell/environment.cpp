#include "shell/environment.hpp"

#include <cstddef>

#include <unistd.h>

#include "logzio_okta/base/secret.hpp"

namespace logzio_okta {

Environment Environment::of_process() {
  Variables variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(variables));
}

Environment::~Environment() {
  for (auto& [name, value] : variables_) wipe(value);
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace logzio_okta
