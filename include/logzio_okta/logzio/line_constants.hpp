// LineConstants: the members that all lines of a stream share, prepared once.
//
//     "type":"okta","tenant_name":"acme.okta.com","customer":"acme","tier":2,
//
// The type, the tenant's name and the constant fields of the tenants file, as members with a comma after
// each. If the event has a top-level key of the same name, ours is left out.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

/// A constant field: its name and its value as JSON.
struct ConstantField {
  std::string name;
  std::string value;
  friend bool operator==(const ConstantField&, const ConstantField&) = default;
};

/// `text` as a JSON string, in its quotes.
[[nodiscard]] std::string json_string(std::string_view text);

/// Whether a constant field may have this name: letters, digits, '_' and '-', beginning with a letter
/// (Logz.io would make an object of a name with a dot; a leading '_' is reserved by Elasticsearch); not one
/// of our own keys, nor one that Logz.io sets itself. The error says what to write instead.
[[nodiscard]] Result<void> check_field_name(std::string_view name);
/// Whether a stream's events may have this type: the same characters as a field name.
[[nodiscard]] Result<void> check_type(std::string_view type);

class LineConstants {
 public:
  static constexpr std::string_view usual_type = "okta";

  /// The names and the type must have been checked.
  explicit LineConstants(std::string_view tenant_name, std::string_view type = usual_type,
                         std::span<const ConstantField> fields = {});

  [[nodiscard]] const std::string& tenant_name() const { return tenant_name_; }
  /// Appends those members that are not top-level keys of the event.
  void append(std::string& out, const EventSlice& event) const;
  friend bool operator==(const LineConstants&, const LineConstants&) = default;

 private:
  struct Member {
    std::string name;
    std::string text;  ///< `"name":value,`
    friend bool operator==(const Member&, const Member&) = default;
  };

  std::string tenant_name_;
  Member type_;
  Member tenant_;
  std::vector<Member> fields_;
  std::string all_;  ///< Every member, as in nearly every line.
  TopKeys names_;    ///< The fields' names.
};

}  // namespace logzio_okta
