#include "shell/settings/secret_file.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/small_file.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view docker_secrets = "/run/secrets";

bool is_name(std::string_view text) {
  return !text.empty() && !ascii::is_digit(text.front()) && std::ranges::all_of(text, [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '_';
  });
}

/// The name in "NAME:-default", ":=", ":?", ":+", or one of them without the colon.
std::optional<std::string_view> name_with_default(std::string_view inside) {
  const std::size_t end = inside.find_first_of(":-=?+");
  if (end == std::string_view::npos || !is_name(inside.substr(0, end))) return std::nullopt;
  const bool colon = inside[end] == ':';
  if (colon && (end + 1 == inside.size() || !std::string_view("-=?+").contains(inside[end + 1])))
    return std::nullopt;
  return inside.substr(0, end);
}

/// A name that may be a credential is not repeated.
std::string shown(std::string_view name) {
  return quotable(name);
}

/// One byte of each of the first two characters is 0.
bool is_wide(std::string_view text) {
  return text.size() >= 4 && ((text[0] == '\0' && text[2] == '\0') || (text[1] == '\0' && text[3] == '\0'));
}

/// Whether it begins with "OKTA_API_KEY=", "export LOGZIO_TOKEN=" or "okta_api_key: ".
bool is_assignment(std::string_view text) {
  constexpr std::string_view exporting = "export ";
  if (text.starts_with(exporting)) text = ascii::trim(text.substr(exporting.size()));
  const std::size_t end = text.find_first_of("=:");
  if (end == std::string_view::npos) return false;
  const std::string name = ascii::lower(ascii::trim(text.substr(0, end)));
  return is_name(name) && (name.contains("key") || name.contains("token") || name.contains("secret"));
}

}  // namespace

std::string first_variable(std::string_view text) {
  for (std::size_t open = text.find("${"); open != std::string_view::npos; open = text.find("${", open + 2)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) break;
    if (const std::string_view name = text.substr(open + 2, close - open - 2); is_name(name))
      return shown(name);
  }
  return {};
}

Result<std::string_view> without_byte_order_mark(std::string_view text) {
  constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") || is_wide(text)) {
    return fail(
        "it is UTF-16, as written by PowerShell's > and Notepad's \"Unicode\"; save it as UTF-8 or ASCII");
  }
  if (text.starts_with(utf8_mark)) text.remove_prefix(utf8_mark.size());
  return text;
}

Result<std::string_view> bare_credential(std::string_view bytes) {
  const Result<std::string_view> plain = without_byte_order_mark(bytes);
  if (!plain) return plain;
  const std::string_view text = ascii::trim(*plain);
  if (is_quoted(text)) {
    return fail(
        "it has quotes around it, which docker's --env-file keeps; write the credential without them");
  }
  if (is_assignment(text)) {
    return fail("it begins with a name, like a line of an environment file; write only the value");
  }
  if (text.size() > 1 && text.front() == '$' && is_name(text.substr(1))) {
    return fail(
        "it is the name of a variable, not its value; write the value, or ${NAME} in the tenants file");
  }
  return text;
}

Result<std::string> expand_variables(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find("${"), text.size());
    const std::size_t close = text.find('}', open);
    const bool reference =
        close != std::string_view::npos && is_name(text.substr(open + 2, close - open - 2));
    const std::size_t taken = open == text.size() ? open : reference ? close + 1 : open + 2;
    out += text.substr(0, reference ? open : taken);
    const auto with_default = close == std::string_view::npos
                                  ? std::nullopt
                                  : name_with_default(text.substr(open + 2, close - open - 2));
    if (with_default) {
      return fail("${" + shown(*with_default) + "...} gives a default, which is not supported; write ${" +
                  shown(*with_default) + "}, and set the variable");
    }
    if (reference) {
      const std::string_view name = text.substr(open + 2, close - open - 2);
      const auto value = environment.get(name);
      if (!value) {
        return fail("the variable " + shown(name) + " is not set; set it, or write the value itself instead");
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
  const Result<std::string_view> text = bare_credential(whole.expose());
  if (!text) return fail(path + ": " + text.error().text);
  if (text->empty()) return fail(path + " is empty; write the credential into it, and nothing else");
  warn_of_modes(path, *file, "a credential", warnings);
  return Secret(std::string(*text));
}

}  // namespace logzio_okta
