#include "shell/settings/yaml_text.hpp"

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>

#include "logzio_okta/base/text.hpp"

#include "shell/output/did_you_mean.hpp"

namespace logzio_okta {
namespace {

/// A mistyped name may be repeated; anything else might be a credential in the wrong place.
std::string named(std::string_view key) {
  constexpr std::size_t name_bytes_max = 40;
  const bool name = !key.empty() && key.size() <= name_bytes_max && std::ranges::all_of(key, [](char c) {
    return ascii::is_letter(c) || c == '_' || c == '-';
  });
  return name ? ascii::quote(key) : "this key";
}

}  // namespace

std::unexpected<Error> YamlText::wrong(const YAML::Mark& mark, const std::string& text) const {
  if (mark.is_null()) return fail(name_ + ": " + text);
  return fail(name_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": " +
              text);
}

std::unexpected<Error> YamlText::wrong(const YAML::Node& node, const std::string& text) const {
  return wrong(node.Mark(), text);
}

Result<std::vector<YAML::Node>> YamlText::members(const YAML::Node& map,
                                                  std::span<const std::string_view> keys,
                                                  std::size_t required) const {
  if (map.IsSequence()) return wrong(map, "this is a list without a key; " + shape_);
  if (!map.IsMap())
    return wrong(map, "this is not a \"key: value\" pair (is a space missing after a colon?); " + shape_);
  std::vector<YAML::Node> values(keys.size(), YAML::Node(YAML::NodeType::Undefined));
  for (const auto& member : map) {
    const std::string key = member.first.IsScalar() ? member.first.Scalar() : "";
    const auto found = std::ranges::find(keys, key);
    if (found == keys.end()) return unknown_key(member.first, key, keys);
    YAML::Node& value = values[static_cast<std::size_t>(found - keys.begin())];
    if (value.IsDefined()) return wrong(member.first, key + " is given twice; keep one");
    if (member.second.IsNull()) return wrong(member.first, key + " has no value; " + shape_);
    value.reset(member.second);
  }
  const auto missing = std::ranges::find_if(values | std::views::take(required),
                                            [](const YAML::Node& value) { return !value.IsDefined(); });
  if (missing == values.begin() + static_cast<std::ptrdiff_t>(required)) return values;
  return wrong(map, std::string(keys[static_cast<std::size_t>(missing - values.begin())]) +
                        " is missing here; " + shape_);
}

std::unexpected<Error> YamlText::unknown_key(const YAML::Node& where, const std::string& key,
                                             std::span<const std::string_view> keys) const {
  if (key == "<<")
    return wrong(where,
                 "YAML merge keys are not read; write what the tenants share once, under \"defaults:\"");
  for (const std::string_view known : keys) {
    if (key.starts_with(std::string(known) + ":"))
      return wrong(where, "there is no space after the colon of " + std::string(known));
  }
  std::string text = named(key) + " is not known here; ";
  auto meant = did_you_mean(key, keys);
  if (!meant) {
    const auto whole = std::ranges::find_if(
        keys, [&](std::string_view known) { return !key.empty() && known.ends_with("_" + key); });
    if (whole != keys.end()) meant = *whole;
  }
  if (meant) return wrong(where, text + "did you mean " + std::string(*meant) + "?");
  text += keys.size() == 1 ? "write " : "write one of ";
  for (const std::string_view known : keys) text += (known == keys.front() ? "" : ", ") + std::string(known);
  return wrong(where, text);
}

// YAML::LoadAll() would find it too, but never ends for a text like ",": yaml-cpp 0.7 finds one empty
// document after another at the same position.
std::optional<YAML::Mark> second_document(const std::string& yaml) {
  struct Starts : YAML::EventHandler {
    void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  const std::string& /*value*/) override {}
    void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                         YAML::EmitterStyle::value /*style*/) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                    YAML::EmitterStyle::value /*style*/) override {}
    void OnMapEnd() override {}
    YAML::Mark last;
  } starts;
  std::istringstream text(yaml);
  YAML::Parser parser(text);
  if (!parser.HandleNextDocument(starts) || !parser.HandleNextDocument(starts)) return std::nullopt;
  return starts.last;
}

std::string kind_of(const YAML::Exception& error) {
  return printable(error.msg.substr(0, error.msg.find(':')));
}

}  // namespace logzio_okta
