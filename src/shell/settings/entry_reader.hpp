// EntryReader: reads the entries of the tenants file, one after the other.
#pragma once

#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/config/tenants.hpp"

#include "shell/os/environment.hpp"
#include "shell/settings/yaml_text.hpp"

namespace logzio_okta {

class EntryReader {
 public:
  /// All three must outlive it.
  EntryReader(const YamlText& text, const Environment& environment, std::vector<std::string>& warnings)
      : text_(text), environment_(environment), warnings_(warnings) {}

  /// The values for entries that do not set their own; may be undefined. Call it before the first read().
  [[nodiscard]] Result<void> take_defaults(const YAML::Node& node);
  [[nodiscard]] Result<TenantEntry> read(const YAML::Node& node);

 private:
  using Values = std::vector<YAML::Node>;  ///< An entry's values, in its keys' order; undefined if missing.

  void fill_in(Values& values) const;
  [[nodiscard]] Result<std::string> expanded(const YAML::Node& value) const;
  Result<ServiceAppEntry> read_app(const YAML::Node& entry, const Values& values, std::string& file);
  Result<Secret> read_private_key(const YAML::Node& said, bool is_key, std::string& file);
  Result<Secret> read_key(const YAML::Node& entry, const Values& values, std::string& file);
  Result<void> read_destination(const Values& values, TenantEntry& entry);
  Result<void> read_events(const Values& values, TenantEntry& entry);
  Result<void> add_environment_fields(std::vector<ConstantField>& fields) const;
  Result<void> read_fields(const YAML::Node& fields, std::vector<ConstantField>& read_in);
  Result<void> read_field(const YAML::Node& name, const YAML::Node& value,
                          std::vector<ConstantField>& fields);

  const YamlText& text_;
  const Environment& environment_;
  std::vector<std::string>& warnings_;
  Values defaults_;
};

}  // namespace logzio_okta
