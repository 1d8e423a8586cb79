#include "shell/secret_file.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/logzio/quote.hpp"
#include "logzio_okta/okta/quote.hpp"

#include "shell/small_file.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view docker_secrets = "/run/secrets";

bool is_name(std::string_view text) {
  return !text.empty() && !ascii::is_digit(text.front()) && std::ranges::all_of(text, [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '_';
  });
}

}  // namespace

Result<std::string> expand_variables(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find("${"), text.size());
    const std::size_t close = text.find('}', open);
    const bool reference =
        close != std::string_view::npos && is_name(text.substr(open + 2, close - open - 2));
    const std::size_t taken = open == text.size() ? open : reference ? close + 1 : open + 2;
    out += text.substr(0, reference ? open : taken);
    if (reference) {
      const std::string_view name = text.substr(open + 2, close - open - 2);
      const auto value = environment.get(name);
      if (!value) {
        return fail("the variable " + without_keys(quotable(name)) +
                    " is not set; set it, or write the value itself in its place");
      }
      out += *value;
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::string find_secret_file(const std::string& name, const std::string& referrer,
                             const Environment& environment) {
  if (name.starts_with('/')) return name;
  std::string beside = (std::filesystem::path(referrer).parent_path() / name).string();
  std::vector<std::string> places;
  if (const auto credentials = environment.get("CREDENTIALS_DIRECTORY")) {
    places.push_back(std::string(*credentials) + "/" + name);
  }
  places.push_back(std::string(docker_secrets) + "/" + name);
  for (std::string& place : places) {
    std::error_code ignored;
    if (std::filesystem::exists(place, ignored)) return std::move(place);
  }
  return beside;
}

Result<Secret> read_secret_file(const std::string& path, std::vector<std::string>& warnings) {
  Result<SmallFile> file = read_small_file(path, limits::secret_bytes_max);
  if (!file) return fail(path + " " + file.error().text);
  const Secret whole(std::move(file->bytes));
  const std::string_view text = ascii::trim(whole.expose());
  if (text.empty()) return fail(path + " is empty; write the credential into it, and nothing else");
  if (file->readable_by_others) {
    warnings.push_back(path + ", which holds a credential, can be read by every user; chmod 600 it");
  }
  return Secret(std::string(text));
}

}  // namespace logzio_okta
