// YamlText: maps of a YAML text, read by the keys they may have. An error is "FILE:LINE:COLUMN: what is
// wrong; what to write" and repeats nothing of the text that could be a credential.
//
//     const YamlText text("tenants-credentials.yml", "write tenants_credentials: ...");
//     const YAML::Node document = YAML::Load(yaml);
//     const auto parts = text.members(document, keys, 1);  // One value for each key, in their order.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

class YamlText {
 public:
  /// `name`: the file, or the variable. `shape`: what to write, for errors.
  YamlText(std::string name, std::string shape) : name_(std::move(name)), shape_(std::move(shape)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& shape() const { return shape_; }

  [[nodiscard]] std::unexpected<Error> wrong(const YAML::Mark& mark, const std::string& text) const;
  [[nodiscard]] std::unexpected<Error> wrong(const YAML::Node& node, const std::string& text) const;
  /// The values of these keys of a map, in order; other keys are errors. The first `required` ones exist; the
  /// rest may be undefined.
  [[nodiscard]] Result<std::vector<YAML::Node>> members(const YAML::Node& map,
                                                        std::span<const std::string_view> keys,
                                                        std::size_t required) const;

 private:
  [[nodiscard]] std::unexpected<Error> unknown_key(const YAML::Node& where, const std::string& key,
                                                   std::span<const std::string_view> keys) const;

  std::string name_;
  std::string shape_;
};

/// The start of a second document, if there is one.
[[nodiscard]] std::optional<YAML::Mark> second_document(const std::string& yaml);

/// The kind of error, without the part of the file that a newer yaml-cpp quotes after a colon.
[[nodiscard]] std::string kind_of(const YAML::Exception& error);

}  // namespace logzio_okta
