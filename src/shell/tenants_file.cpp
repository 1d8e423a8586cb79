#include "shell/tenants_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/did_you_mean.hpp"
#include "shell/small_file.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

constexpr std::array places_searched = {"/etc/logzio-okta/tenants-credentials.yml"sv,
                                        "/usr/share/logstash/tenants-credentials.yml"sv,
                                        "./tenants-credentials.yml"sv};
constexpr std::array file_keys = {"tenants_credentials"sv};
constexpr std::array entry_keys = {"okta_api_key"sv, "okta_domain"sv};
constexpr const char* the_format =
    "write tenants_credentials: and under it, for each tenant, \"- okta_api_key: KEY\" and \"  okta_domain: "
    "acme.okta.com\"";

// ---- Values, from the file or from the environment

bool is_placeholder(std::string_view text) {
  return text.starts_with('<') || text.ends_with('>') || text.contains("${") || text.contains("{{");
}

/// The error never quotes the key.
Result<void> check_api_key(std::string_view key) {
  constexpr const char* cure = "; copy the key as Okta shows it under Security, API, Tokens";
  if (key.empty()) return fail(std::string("the API key is empty") + cure);
  if (is_placeholder(key)) return fail(std::string("the API key is a placeholder") + cure);
  if (ascii::equal_ignoring_case(key.substr(0, 5), "SSWS "))
    return fail("write the API key without \"SSWS\" in front");
  if (key.contains("://") || key.contains(".okta")) {
    return fail("the API key looks like a domain; okta_api_key and okta_domain may be swapped");
  }
  if (!std::ranges::all_of(key, ascii::is_visible)) {
    return fail(std::string("the API key holds a space, a line break or another character that no key has") +
                cure);
  }
  if (key.size() > limits::secret_bytes_max) return fail(std::string("the API key is far too long") + cure);
  return {};
}

/// An API key in the domain's place must not be quoted, as Domain's own errors would.
bool looks_like_api_key(std::string_view text) {
  constexpr std::size_t letters_at_least = 20;
  return text.size() >= letters_at_least && text.find_first_of(".:/") == std::string_view::npos;
}

Result<Domain> read_domain(std::string_view text) {
  constexpr const char* cure = "; write the org's domain, for example acme.okta.com";
  if (ascii::trim(text).empty()) return fail(std::string("the domain is empty") + cure);
  if (is_placeholder(text)) return fail(std::string("the domain is a placeholder") + cure);
  if (text.contains('@')) return fail(std::string("the domain holds a user or password") + cure);
  if (looks_like_api_key(text)) {
    return fail("the domain looks like an API key; okta_api_key and okta_domain may be swapped");
  }
  return Domain::parse(text);
}

// ---- The file

/// A name that a person mistyped may be repeated; anything else might be a key in the wrong place.
std::string named(std::string_view key) {
  constexpr std::size_t name_bytes_max = 40;
  const bool name = !key.empty() && key.size() <= name_bytes_max && std::ranges::all_of(key, [](char c) {
    return ascii::is_letter(c) || c == '_' || c == '-';
  });
  return name ? ascii::quote(key) : "this key";
}

class TenantsReader {
 public:
  explicit TenantsReader(std::string file) : file_(std::move(file)) { tenants_.source = file_; }

  Result<Tenants> read(const std::vector<YAML::Node>& documents) {
    if (documents.empty() || documents.front().IsNull()) {
      return fail(file_ + ":1:1: there is nothing in it; " + the_format);
    }
    if (documents.size() > 1) return wrong(documents[1], "a second YAML document begins here; keep one");
    const Result<std::vector<YAML::Node>> list = members(documents.front(), file_keys);
    if (!list) return std::unexpected(list.error());
    if (auto read = read_list(list->front()); !read) return std::unexpected(std::move(read.error()));
    return std::move(tenants_);
  }

  [[nodiscard]] std::unexpected<Error> wrong(const YAML::Mark& mark, const std::string& text) const {
    if (mark.is_null()) return fail(file_ + ": " + text);
    return fail(file_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": " +
                text);
  }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(const YAML::Node& node, const std::string& text) const {
    return wrong(node.Mark(), text);
  }

  /// The values of exactly these keys of a map, in their order.
  Result<std::vector<YAML::Node>> members(const YAML::Node& map,
                                          std::span<const std::string_view> keys) const {
    if (!map.IsMap())
      return wrong(map, "this is no \"key: value\" pair (is a space missing after a colon?); " + shape());
    std::vector<YAML::Node> values(keys.size(), YAML::Node(YAML::NodeType::Undefined));
    for (const auto& member : map) {
      const std::string key = member.first.IsScalar() ? member.first.Scalar() : "";
      const auto found = std::ranges::find(keys, key);
      if (found == keys.end()) return unknown_key(member.first, key, keys);
      YAML::Node& value = values[static_cast<std::size_t>(found - keys.begin())];
      if (value.IsDefined()) return wrong(member.first, key + " stands here a second time; keep one");
      value.reset(member.second);
    }
    const auto missing =
        std::ranges::find_if(values, [](const YAML::Node& value) { return !value.IsDefined(); });
    if (missing == values.end()) return values;
    return wrong(map, std::string(keys[static_cast<std::size_t>(missing - values.begin())]) +
                          " is missing here; " + shape());
  }

  [[nodiscard]] std::unexpected<Error> unknown_key(const YAML::Node& where, const std::string& key,
                                                   std::span<const std::string_view> keys) const {
    std::string text = named(key) + " is not known here; ";
    const std::optional<std::string_view> meant = did_you_mean(key, keys);
    text += meant ? "did you mean " + std::string(*meant) + "?" : shape();
    return wrong(where, text);
  }

  Result<void> read_list(const YAML::Node& list) {
    if (list.IsNull() || (list.IsSequence() && list.size() == 0))
      return wrong(list, "the list is empty; " + shape());
    if (!list.IsSequence()) return wrong(list, "this is no list; begin each tenant with \"- \": " + shape());
    if (list.size() > limits::tenants_max) {
      return wrong(list[limits::tenants_max], std::to_string(list.size()) +
                                                  " tenants are listed and at most " +
                                                  std::to_string(limits::tenants_max) +
                                                  " can be followed; move the rest to another instance");
    }
    for (const auto& entry : list) {
      if (auto read = read_entry(entry); !read) return read;
    }
    return {};
  }

  Result<void> read_entry(const YAML::Node& node) {
    const Result<std::vector<YAML::Node>> values = members(node, entry_keys);
    if (!values) return std::unexpected(values.error());
    const YAML::Node& key = (*values)[0];
    const YAML::Node& domain = (*values)[1];
    for (std::size_t i = 0; i < entry_keys.size(); ++i) {
      // A number or a word like `true` is taken as its text.
      if ((*values)[i].IsScalar()) continue;
      return wrong((*values)[i],
                   std::string(entry_keys[i]) + " has no value, or not a plain one; " + shape());
    }
    if (auto checked = check_api_key(key.Scalar()); !checked) return wrong(key, checked.error().text);
    Result<Domain> parsed = read_domain(domain.Scalar());
    if (!parsed) return wrong(domain, parsed.error().text);
    add({std::move(*parsed), Secret(std::string(key.Scalar())), node.Mark().line + 1});
    return {};
  }

  void add(TenantEntry&& entry) {
    const auto same = std::ranges::find_if(tenants_.entries, [&](const TenantEntry& other) {
      return other.domain == entry.domain && other.api_key.same_as(entry.api_key);
    });
    if (same == tenants_.entries.end()) {
      tenants_.entries.push_back(std::move(entry));
      return;
    }
    tenants_.warnings.push_back(file_ + ":" + std::to_string(entry.line) + ": " + entry.domain.name() +
                                " stands here with the same key as in line " + std::to_string(same->line) +
                                "; one of them is used, remove the other");
  }

  static std::string shape() { return the_format; }

  std::string file_;
  Tenants tenants_;
};

/// The kind of mistake, without what a newer yaml-cpp quotes of the file behind a colon.
std::string kind_of(const YAML::Exception& error) {
  return printable(error.msg.substr(0, error.msg.find(':')));
}

Result<Tenants> parse_tenants(const std::string& yaml, const std::string& file) {
  TenantsReader reader(file);
  try {
    return reader.read(YAML::LoadAll(yaml));
  } catch (const YAML::Exception& error) {
    return reader.wrong(error.mark,
                        "this is not YAML (" + kind_of(error) +
                            "); indent with spaces, not tabs, and put quotes around unusual values");
  } catch (const std::exception&) {
    return fail(file + ": this is not a tenants file; " + the_format);
  }
}

// ---- The search

struct Found {
  std::string_view place;
  struct stat status{};
};

std::vector<Found> existing(std::span<const std::string_view> places) {
  std::vector<Found> found;
  for (const std::string_view place : places) {
    Found here{.place = place};
    const std::string path(place);
    // What cannot be looked at exists as far as we know, and reading it will say why not.
    const bool link_leads_nowhere = ::stat(path.c_str(), &here.status) != 0;
    if (link_leads_nowhere && ::lstat(path.c_str(), &here.status) != 0 &&
        (errno == ENOENT || errno == ENOTDIR)) {
      continue;
    }
    found.push_back(here);
  }
  return found;
}

void warn_of_others(Tenants& tenants, const std::vector<Found>& found, const Environment& environment) {
  const Found& used = found.front();
  for (const Found& other : found) {
    // The working directory may be one of the other places.
    if (other.status.st_dev == used.status.st_dev && other.status.st_ino == used.status.st_ino) continue;
    tenants.warnings.push_back("the tenants are read from " + std::string(used.place) + " and not from " +
                               std::string(other.place) +
                               ", which exists too; --tenants FILE says which one");
  }
  if (environment.get("OKTA_API_KEY")) {
    tenants.warnings.push_back("the tenants are read from " + std::string(used.place) +
                               "; OKTA_API_KEY and OKTA_DOMAIN are not used");
  }
}

Result<Tenants> from_environment(const Environment& environment, std::span<const std::string_view> places) {
  const auto key = environment.get("OKTA_API_KEY");
  const auto newer = environment.get("OKTA_DOMAIN");
  const auto older = environment.get("OKTA_TENANT");
  const char* const domain_name = newer || !older ? "OKTA_DOMAIN" : "OKTA_TENANT";
  const auto domain = newer ? newer : older;
  if (!key && !domain) {
    std::string text = "no tenants: there is no";
    for (const std::string_view place : places)
      text += (place == places.front() ? " " : ", ") + std::string(place);
    return fail(
        text + ", and OKTA_API_KEY and OKTA_DOMAIN are not set; write such a file or name it with --tenants");
  }
  if (!key) return fail(std::string(domain_name) + " is set, but OKTA_API_KEY is not; set both");
  if (!domain) return fail("OKTA_API_KEY is set, but OKTA_DOMAIN is not; set both");
  if (auto checked = check_api_key(*key); !checked) return fail("OKTA_API_KEY: " + checked.error().text);
  Result<Domain> parsed = read_domain(*domain);
  if (!parsed) return fail(std::string(domain_name) + ": " + parsed.error().text);

  Tenants tenants{.source = "OKTA_API_KEY"};
  tenants.entries.push_back({std::move(*parsed), Secret(std::string(*key)), 0});
  if (newer && older && *newer != *older) {
    tenants.warnings.emplace_back("OKTA_DOMAIN is used, not the older OKTA_TENANT, which is set too");
  }
  return tenants;
}

}  // namespace

std::span<const std::string_view> tenants_places() {
  return places_searched;
}

Result<Tenants> read_tenants_file(const std::string& path) {
  Result<SmallFile> file = read_small_file(path, limits::tenants_file_bytes_max);
  if (!file) return fail(path + ": " + file.error().text);
  Result<Tenants> tenants = parse_tenants(file->bytes, path);
  wipe(file->bytes);
  return tenants;
}

Result<Tenants> find_tenants(const std::optional<std::string>& named, const Environment& environment,
                             std::span<const std::string_view> places) {
  if (named) return read_tenants_file(*named);
  const std::vector<Found> found = existing(places);
  if (found.empty()) return from_environment(environment, places);
  Result<Tenants> tenants = read_tenants_file(std::string(found.front().place));
  if (tenants) warn_of_others(*tenants, found, environment);
  return tenants;
}

}  // namespace logzio_okta
