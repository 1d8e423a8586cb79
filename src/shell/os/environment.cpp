#include "shell/os/environment.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>

#include <unistd.h>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr std::array not_obeyed = {
    std::string_view("SSLKEYLOGFILE"),        std::string_view("OPENSSL_CONF"),
    std::string_view("OPENSSL_MODULES"),      std::string_view("OPENSSL_ENGINES"),
    std::string_view("OPENSSL_CONF_INCLUDE"),
};

/// By its name or its value. A path is not a credential, and libraries read some of them.
bool holds_credential(std::string_view name, std::string_view value) {
  if (value.starts_with('/')) return false;
  const std::string lower = ascii::lower(name);
  return std::ranges::any_of(
             std::array{"token", "key", "secret", "pass", "credential", "proxy", "tenants_yaml"},
             [&](const char* word) { return lower.contains(word); }) ||
         without_credentials(value) != value;
}

/// In place, in the memory that /proc/PID/environ shows.
void overwrite(char* text) {
  for (volatile char* each = text; *each != '\0'; ++each) *each = '\0';
}

}  // namespace

Environment Environment::of_process() {
  Variables variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    const bool credential = holds_credential(name, value);
    variables.emplace(name, value);
    if (credential) overwrite(*each + equals + 1);
  }
  Environment environment(std::move(variables));
  for (const std::string_view name : not_obeyed) {
    const std::string variable(name);
    if (environment.get(name)) environment.dropped_.push_back(variable);
    ::unsetenv(variable.c_str());
  }
  return environment;
}

Environment::~Environment() {
  for (auto& [name, value] : variables_) wipe(value);
}

std::vector<std::string_view> Environment::set_with_prefix(std::string_view prefix) const {
  std::vector<std::string_view> names;
  for (auto each = variables_.lower_bound(prefix); each != variables_.end(); ++each) {
    if (!each->first.starts_with(prefix)) break;
    if (!each->second.empty()) names.push_back(each->first);
  }
  return names;
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace logzio_okta
