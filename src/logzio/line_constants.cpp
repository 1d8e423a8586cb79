#include "logzio_okta/logzio/line_constants.hpp"

#include <algorithm>
#include <array>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/member.hpp"

namespace logzio_okta {
namespace {

/// Spliced by us, or set by Logz.io (docs/logzio.md 3).
constexpr std::array<std::string_view, 9> names_taken = {
    "type",    "tenant_name",           "message",     "logzio_okta", "token", "tags",
    "LogSize", "logzio_removed_fields", "logzio_codec"};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::constant_name_bytes_max && ascii::is_letter(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return ascii::is_letter(c) || ascii::is_digit(c) || c == '_' || c == '-'; });
}

std::string how_names_look() {
  return "use letters, digits, _ and -, starting with a letter, at most " +
         std::to_string(limits::constant_name_bytes_max);
}

}  // namespace

std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (quoted += '\\') += c;
    } else if (byte < 0x20) {
      ((quoted += "\\u00") += digits[byte >> 4U]) += digits[byte & 15U];
    } else {
      quoted += c;
    }
  }
  return quoted += '"';
}

Result<void> check_field_name(std::string_view name) {
  if (!is_name(name)) return fail(ascii::quote(name) + " cannot be a field name; " + how_names_look());
  if (std::ranges::find(names_taken, name) == names_taken.end()) return {};
  return fail(ascii::quote(name) + " is set by logzio-okta or by Logz.io itself; choose another name");
}

Result<void> check_type(std::string_view type) {
  if (is_name(type)) return {};
  return fail(ascii::quote(type) + " cannot be a type; " + how_names_look());
}

LineConstants::LineConstants(std::string_view tenant_name, std::string_view type,
                             std::span<const ConstantField> fields)
    : tenant_name_(tenant_name) {
  const auto member = [this](std::string_view name, std::string_view value) {
    Member made{.name = std::string(name), .text = json_string(name)};
    ((made.text += ':') += value) += ',';
    all_ += made.text;
    return made;
  };
  type_ = member("type", json_string(type));
  tenant_ = member("tenant_name", json_string(tenant_name));
  for (const ConstantField& field : fields) {
    fields_.push_back(member(field.name, field.value));
    names_.add(field.name);
  }
}

void LineConstants::append(std::string& out, const EventSlice& event) const {
  const bool own_type = event.own_keys.has(OwnKey::type);
  const bool own_tenant = event.own_keys.has(OwnKey::tenant_name);
  if (!own_type && !own_tenant && !event.top_keys.may_share_one_with(names_)) {
    out += all_;
    return;
  }
  if (!own_type) out += type_.text;
  if (!own_tenant) out += tenant_.text;
  for (const Member& field : fields_) {
    if (event.top_keys.may_have(field.name) && has_member(event.bytes, field.name)) continue;
    out += field.text;
  }
}

}  // namespace logzio_okta
