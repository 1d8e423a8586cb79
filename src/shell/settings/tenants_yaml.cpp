#include "shell/settings/tenants_yaml.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "logzio_okta/base/limits.hpp"

#include "shell/settings/entry_reader.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/settings/yaml_text.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

constexpr std::array file_keys = {"tenants_credentials"sv, "defaults"sv};
constexpr std::size_t file_keys_required = 1;
constexpr const char* the_format =
    "write tenants_credentials: and under it, for each tenant, \"- okta_api_key: KEY\" and \"  okta_domain: "
    "acme.okta.com\"";

class TenantsReader {
 public:
  TenantsReader(const YamlText& text, const Environment& environment)
      : text_(text), entries_(text, environment, tenants_.warnings) {
    tenants_.source = text.name();
    if (text.name() == tenants_variable) tenants_.from = TenantsFrom::text_variable;
  }

  Result<Tenants> read(const std::string& yaml) {
    const YAML::Node document = YAML::Load(yaml);
    if (document.IsNull()) return fail(text_.name() + ":1:1: it is empty; " + text_.shape());
    if (const auto second = second_document(yaml)) {
      return text_.wrong(*second, "a second YAML document begins here; keep one");
    }
    const Result<std::vector<YAML::Node>> parts = text_.members(document, file_keys, file_keys_required);
    if (!parts) return std::unexpected(parts.error());
    const auto& [list, defaults] = std::pair((*parts)[0], (*parts)[1]);
    if (auto read = entries_.take_defaults(defaults); !read) return std::unexpected(std::move(read.error()));
    if (auto read = read_list(list); !read) return std::unexpected(std::move(read.error()));
    return std::move(tenants_);
  }

 private:
  Result<void> read_list(const YAML::Node& list) {
    if (list.IsNull() || (list.IsSequence() && list.size() == 0))
      return text_.wrong(list, "the list is empty; " + text_.shape());
    if (!list.IsSequence())
      return text_.wrong(list, "this is not a list; begin each tenant with \"- \": " + text_.shape());
    if (list.size() > limits::tenants_max) {
      return text_.wrong(list[limits::tenants_max],
                         std::to_string(list.size()) + " tenants are listed, but at most " +
                             std::to_string(limits::tenants_max) +
                             " can be followed; move the rest to another instance");
    }
    for (const auto& node : list) {
      Result<TenantEntry> entry = entries_.read(node);
      Result<void> read = entry ? check_agreement(node, *entry) : std::unexpected(std::move(entry.error()));
      // An error in a default affects every entry, but is reported once.
      if (read) {
        add(std::move(*entry));
      } else if (std::ranges::find(tenants_.problems, read.error().text) == tenants_.problems.end()) {
        tenants_.problems.push_back(std::move(read.error().text));
      }
    }
    return {};
  }

  /// Entries with the same domain are one stream with several keys.
  Result<void> check_agreement(const YAML::Node& node, const TenantEntry& entry) const {
    for (const TenantEntry& other : tenants_.entries) {
      if (other.domain != entry.domain) continue;
      const std::string_view differs = difference_of(other, entry);
      if (differs.empty()) continue;
      return text_.wrong(
          node,
          entry.domain.name() + " is in line " + std::to_string(other.line) + " and in line " +
              std::to_string(entry.line) + " with another " + std::string(differs) +
              "; entries with the same domain are one stream with several keys, so write the same for both");
    }
    return {};
  }

  void add(TenantEntry&& entry) {
    const auto same = std::ranges::find_if(
        tenants_.entries, [&](const TenantEntry& other) { return have_same_key(other, entry); });
    if (same == tenants_.entries.end()) {
      tenants_.entries.push_back(std::move(entry));
      return;
    }
    tenants_.warnings.push_back(text_.name() + ":" + std::to_string(entry.line) + ": " + entry.domain.name() +
                                " is listed here with the same key as in line " + std::to_string(same->line) +
                                "; only one is used, remove the other");
  }

  const YamlText& text_;
  Tenants tenants_;
  EntryReader entries_;
};

}  // namespace

Result<Tenants> parse_tenants(const std::string& yaml, const std::string& name,
                              const Environment& environment) {
  const YamlText text(name, the_format);
  try {
    return TenantsReader(text, environment).read(yaml);
  } catch (const YAML::Exception& error) {
    return text.wrong(error.mark,
                      "this is not YAML (" + kind_of(error) +
                          "); indent with spaces, not tabs, and put quotes around unusual values");
  } catch (const std::exception&) {
    return fail(name + ": this is not a tenants file; " + the_format);
  }
}

}  // namespace logzio_okta
