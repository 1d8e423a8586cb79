#include "shell/state/logstash_state.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/small_file.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view name_middle = "_system_log_state";
constexpr std::string_view usual_place = "/usr/share/logstash/data/plugins/inputs/okta_system_log";

/// The URL in the file, or why there is no usable one.
std::expected<std::string, std::string> read_url(const std::string& path) {
  const auto file = read_small_file(path, limits::next_link_bytes_max);
  if (!file) return std::unexpected(file.error().text);
  std::string_view url = file->bytes;
  if (ascii::trim(url).empty()) return std::unexpected("it is empty: the plugin had not polled yet");
  if (!url.ends_with('\n'))
    return std::unexpected("it is cut off: the line feed that ends the URL is missing");
  url.remove_suffix(1);
  if (url.ends_with('\r')) url.remove_suffix(1);
  if (!std::ranges::all_of(url, ascii::is_visible)) return std::unexpected("its content is not a URL");
  return std::string(url);
}

}  // namespace

Result<LogstashStates> read_logstash_states(const std::string& dir) {
  const NeverWaitForFiles at_once;  // Logstash writes only regular files.
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.contains(name_middle)) names.push_back(name);
  }
  if (error) return fail(dir + " cannot be read as a directory: " + error.message());
  const std::string hint =
      "copy them out of the old container: docker cp Okta:" + std::string(usual_place) + " DIR";
  if (names.empty())
    return fail(dir + " has no state file of Logstash (*" + std::string(name_middle) + "*); " + hint);
  std::ranges::sort(names);

  LogstashStates found;
  std::map<std::string, std::size_t> files_of;
  for (const std::string& name : names) ++files_of[ascii::lower(name.substr(0, name.find(name_middle)))];
  for (const std::string& name : names) {
    std::string domain = ascii::lower(name.substr(0, name.find(name_middle)));
    const std::string shown = printable(name);
    if (files_of[domain] > 1) {
      found.skipped.push_back(shown + ": there are several files for " + printable(domain) +
                              "; keep the latest and remove the others");
      continue;
    }
    auto url = read_url((std::filesystem::path(dir) / name).string());
    if (!url) {
      found.skipped.push_back(shown + ": " + url.error());
    } else {
      found.states.push_back({.file = shown, .domain = std::move(domain), .url = std::move(*url)});
    }
  }
  return found;
}

std::optional<WallTime> moment_in_link(std::string_view target) {
  constexpr std::string_view key = "after=";
  constexpr std::size_t digits = 13;
  for (std::size_t at = target.find(key); at != std::string_view::npos; at = target.find(key, at + 1)) {
    if (at == 0 || (target[at - 1] != '?' && target[at - 1] != '&')) continue;
    const std::string_view cursor = target.substr(at + key.size());
    const auto ms = ascii::whole_number(cursor.substr(0, digits));
    if (ms && cursor.size() > digits && cursor[digits] == '_') {
      return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(*ms)));
    }
  }
  return std::nullopt;
}

}  // namespace logzio_okta
