#include "shell/settings/tenants_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <ranges>
#include <set>
#include <utility>

#include <sys/stat.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/small_file.hpp"
#include "shell/settings/tenants_variables.hpp"
#include "shell/settings/tenants_yaml.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

constexpr std::array places_searched = {"/etc/logzio-okta/tenants-credentials.yml"sv,
                                        "/usr/share/logstash/tenants-credentials.yml"sv,
                                        "./tenants-credentials.yml"sv};

struct Found {
  std::string_view place;
  struct stat status{};
};

std::vector<Found> existing(std::span<const std::string_view> places) {
  std::vector<Found> found;
  for (const std::string_view place : places) {
    Found here{.place = place};
    const std::string path(place);
    // A path that cannot be examined counts as existing; reading it will give the error.
    const bool link_leads_nowhere = ::stat(path.c_str(), &here.status) != 0;
    if (link_leads_nowhere && ::lstat(path.c_str(), &here.status) != 0 &&
        (errno == ENOENT || errno == ENOTDIR)) {
      continue;
    }
    found.push_back(here);
  }
  return found;
}

void warn_of_other_files(Tenants& tenants, const std::vector<Found>& found) {
  const bool in_file = tenants.from == TenantsFrom::file;
  for (const Found& other : found) {
    const Found& used = found.front();
    // The working directory may be one of the other places.
    const bool same = other.status.st_dev == used.status.st_dev && other.status.st_ino == used.status.st_ino;
    if (in_file && same) continue;
    tenants.warnings.push_back("the tenants are read from " + tenants.source + " and not from " +
                               std::string(other.place) + ", which also exists; choose with --tenants FILE");
  }
}

void warn_of_single_variables(Tenants& tenants, const Environment& environment) {
  if (environment.get("OKTA_CLIENT_ID")) {
    tenants.warnings.push_back("the tenants are read from " + tenants.source +
                               "; OKTA_CLIENT_ID and OKTA_DOMAIN are not used");
  }
  const bool used = std::ranges::any_of(
      tenants.entries, [](const TenantEntry& entry) { return entry.api_key_variable == "OKTA_API_KEY"; });
  if (!environment.get("OKTA_API_KEY") || used) return;
  tenants.warnings.push_back("the tenants are read from " + tenants.source +
                             "; OKTA_API_KEY and OKTA_DOMAIN are not used");
}

/// Errors of single entries are in `problems`.
Result<Tenants> load_file(const std::string& path, const Environment& environment) {
  Result<SmallFile> file = read_small_file(path, limits::tenants_file_bytes_max);
  if (!file) return fail(path + ": " + file.error().text);
  Result<Tenants> tenants = parse_tenants(file->bytes, path, environment);
  wipe(file->bytes);
  if (tenants) warn_of_modes(path, *file, "API keys", tenants->warnings);
  return tenants;
}

/// The same, from the variable.
Result<Tenants> load_variable(const Environment& environment) {
  const std::string_view text = environment.get(tenants_variable).value_or("");
  const std::string name(tenants_variable);
  if (is_quoted(text)) {
    return fail(name + ": it has quotes around it, which docker's --env-file keeps; write it without them");
  }
  if (text.starts_with('/') || text.starts_with("./")) {
    return fail(name +
                ": this is a file name; write it into LOGZIO_OKTA_TENANTS, or the file's content here");
  }
  if (text.size() > limits::tenants_file_bytes_max) {
    return fail(name + ": this is longer than " + std::to_string(limits::tenants_file_bytes_max) +
                " bytes; move tenants to another instance");
  }
  std::string yaml(text);
  Result<Tenants> tenants = parse_tenants(yaml, name, environment);
  wipe(yaml);
  return tenants;
}

/// The error does not repeat the text, which contains keys.
Result<void> check_name(std::string_view named) {
  if (!named.contains('\n') && !named.contains("okta_api_key")) return {};
  return fail(
      "--tenants, or LOGZIO_OKTA_TENANTS: this is the content of a tenants file; write the file's name, or "
      "the content into " +
      std::string(tenants_variable));
}

/// All entries or an error.
Result<Tenants> whole(Result<Tenants> tenants) {
  if (!tenants || tenants->problems.empty()) return tenants;
  const std::size_t more = tenants->problems.size() - 1;
  std::string text = tenants->problems.front();
  if (more > 0) {
    text += " (and " + counted(more, "more error") + "; logzio-okta check lists the first of each entry)";
  }
  return fail(std::move(text));
}

}  // namespace

std::string not_among(const std::string& domain, const std::vector<TenantEntry>& entries) {
  constexpr std::size_t names_max = 5;
  std::set<std::string> names;
  for (const TenantEntry& entry : entries) names.insert(entry.domain.name());
  std::string text = domain + " is not in the tenants file, which has ";
  for (const std::string& name : names | std::views::take(names_max))
    text += (name == *names.begin() ? "" : ", ") + name;
  return text + (names.size() > names_max ? ", ..." : "");
}

std::span<const std::string_view> tenants_places() {
  return places_searched;
}

Result<Tenants> read_tenants_file(const std::string& path, const Environment& environment) {
  return whole(load_file(path, environment));
}

Result<Tenants> find_tenants(const std::optional<std::string>& named, const Environment& environment,
                             std::span<const std::string_view> places) {
  return whole(examine_tenants(named, environment, places));
}

Result<Tenants> examine_tenants(const std::optional<std::string>& named, const Environment& environment,
                                std::span<const std::string_view> places) {
  const bool text = environment.get(tenants_variable).has_value();
  if (named) {
    if (auto name = check_name(*named); !name) return std::unexpected(std::move(name.error()));
    Result<Tenants> tenants = load_file(*named, environment);
    if (tenants && text) {
      tenants->warnings.push_back("the tenants are read from " + *named + "; " +
                                  std::string(tenants_variable) + " is not used");
    }
    return tenants;
  }
  const std::vector<Found> found = existing(places);
  if (!text && found.empty()) return tenant_of_variables(environment, places);
  Result<Tenants> tenants =
      text ? load_variable(environment) : load_file(std::string(found.front().place), environment);
  if (!tenants) return tenants;
  warn_of_other_files(*tenants, found);
  warn_of_single_variables(*tenants, environment);
  return tenants;
}

}  // namespace logzio_okta
