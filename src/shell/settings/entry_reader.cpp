#include "shell/settings/entry_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/config/tenant_values.hpp"
#include "logzio_okta/okta/page.hpp"

#include "shell/os/clock.hpp"
#include "shell/settings/secret_file.hpp"
#include "shell/settings/service_app_entry.hpp"
#include "shell/settings/settings.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/settings/tenants_variables.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

constexpr std::array entry_keys = {"okta_domain"sv,
                                   "okta_api_key"sv,
                                   "okta_api_key_file"sv,
                                   "okta_client_id"sv,
                                   "okta_private_key"sv,
                                   "okta_private_key_file"sv,
                                   "okta_private_key_id"sv,
                                   "since"sv,
                                   "filter"sv,
                                   "q"sv,
                                   "logzio_token"sv,
                                   "logzio_token_file"sv,
                                   "logzio_listener_host"sv,
                                   "type"sv,
                                   "fields"sv};
enum EntryKey : std::size_t {
  domain,
  api_key,
  api_key_file,
  client_id,
  private_key,
  private_key_file,
  private_key_id,
  since,
  filter,
  q,
  token,
  token_file,
  listener,
  type,
  fields
};
constexpr std::size_t entry_keys_required = 1;
/// The keys allowed in `defaults`: everything except the identity of an entry.
constexpr auto default_keys = std::span(entry_keys).subspan<EntryKey::since>();
/// The top-level keys of every event of the System Log (its API's LogEvent).
constexpr std::array event_keys = {"actor"sv,          "client"sv,          "authenticationContext"sv,
                                   "displayMessage"sv, "eventType"sv,       "outcome"sv,
                                   "published"sv,      "securityContext"sv, "severity"sv,
                                   "debugContext"sv,   "legacyEventType"sv, "transaction"sv,
                                   "uuid"sv,           "version"sv,         "request"sv,
                                   "target"sv};

bool is_number(std::string_view text) {
  return !text.empty() && (ascii::is_digit(text.front()) || text.front() == '-') &&
         is_strict_json_object("{\"number\":" + std::string(text) + "}");
}

/// A value of `fields` as JSON. A quoted value is always a string.
Result<std::string> read_field_value(const YAML::Node& value) {
  if (!value.IsScalar()) return fail("this is not a plain value; write a string, a number, true or false");
  const std::string& text = value.Scalar();
  const bool quoted = value.Tag() == "!";
  if (!quoted && (text == "true" || text == "false")) return text;
  if (!quoted && is_number(text)) {
    std::int64_t whole = 0;
    const char* const end = text.data() + text.size();
    const auto [read_to, error] = std::from_chars(text.data(), end, whole);
    if (read_to == end && error == std::errc::result_out_of_range)
      return fail("Logz.io does not take a number of more than 64 bits; put it in quotes");
    return text;
  }
  return read_constant(text);
}

}  // namespace

Result<void> EntryReader::take_defaults(const YAML::Node& node) {
  defaults_.assign(entry_keys.size(), YAML::Node(YAML::NodeType::Undefined));
  if (!node.IsDefined()) return {};
  for (const std::string_view key : std::span(entry_keys).first<EntryKey::since>()) {
    if (node.IsMap() && node[std::string(key)].IsDefined())
      return text_.wrong(
          node, std::string(key) +
                    " belongs to each tenant and cannot be a default; write it under tenants_credentials");
  }
  const Result<std::vector<YAML::Node>> values = text_.members(node, default_keys, 0);
  if (!values) return std::unexpected(values.error());
  for (std::size_t i = 0; i < values->size(); ++i) defaults_[EntryKey::since + i].reset((*values)[i]);
  return {};
}

Result<TenantEntry> EntryReader::read(const YAML::Node& node) {
  Result<std::vector<YAML::Node>> values = text_.members(node, entry_keys, entry_keys_required);
  if (!values) return std::unexpected(values.error());
  fill_in(*values);
  for (std::size_t i = 0; i < entry_keys.size(); ++i) {
    // A number or a word like `true` is taken as a string.
    if (!(*values)[i].IsDefined() || (*values)[i].IsScalar() || i == EntryKey::fields) continue;
    return text_.wrong((*values)[i],
                       std::string(entry_keys[i]) + " must be one plain value; " + text_.shape());
  }
  std::string key_file;
  const bool is_app = std::ranges::any_of(std::array{EntryKey::client_id, EntryKey::private_key,
                                                     EntryKey::private_key_file, EntryKey::private_key_id},
                                          [&](EntryKey each) { return (*values)[each].IsDefined(); });
  std::optional<ServiceAppEntry> app;
  Result<Secret> key;
  if (is_app) {
    Result<ServiceAppEntry> read = read_app(node, *values, key_file);
    if (!read) return std::unexpected(std::move(read.error()));
    app = std::move(*read);
  } else {
    key = read_key(node, *values, key_file);
    if (!key) return std::unexpected(std::move(key.error()));
  }
  const Result<std::string> domain = expanded((*values)[EntryKey::domain]);
  if (!domain) return std::unexpected(domain.error());
  Result<Domain> parsed = read_domain(*domain);
  if (!parsed) return text_.wrong((*values)[EntryKey::domain], parsed.error().text);
  TenantEntry entry{.domain = std::move(*parsed),
                    .api_key = std::move(*key),
                    .line = node.Mark().line + 1,
                    .api_key_file = std::move(key_file)};
  entry.service_app = std::move(app);
  const EntryKey key_name = is_app ? EntryKey::private_key : EntryKey::api_key;
  if (const YAML::Node& said = (*values)[key_name]; said.IsDefined()) {
    entry.api_key_variable = first_variable(said.Scalar());
    if (entry.api_key_variable.empty() && text_.name() == tenants_variable)
      entry.api_key_variable = tenants_variable;
  }
  if (auto read = read_destination(*values, entry); !read) return std::unexpected(std::move(read.error()));
  if (auto read = read_events(*values, entry); !read) return std::unexpected(std::move(read.error()));
  return entry;
}

/// An entry's own token replaces a default token, whether in the file or in a file of its own. Its fields
/// come before those of the defaults, which add to them.
void EntryReader::fill_in(Values& values) const {
  const bool own_token = values[EntryKey::token].IsDefined() || values[EntryKey::token_file].IsDefined();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].IsDefined() || !defaults_[i].IsDefined()) continue;
    if (own_token && (i == EntryKey::token || i == EntryKey::token_file)) continue;
    values[i].reset(defaults_[i]);
  }
}

/// The value with its ${VARIABLES} replaced.
Result<std::string> EntryReader::expanded(const YAML::Node& value) const {
  Result<std::string> text = expand_variables(value.Scalar(), environment_);
  if (!text) return text_.wrong(value, text.error().text);
  return text;
}

/// A service app: its client id, and its private key or the file named instead.
Result<ServiceAppEntry> EntryReader::read_app(const YAML::Node& entry, const Values& values,
                                              std::string& file) {
  const YAML::Node& id = values[EntryKey::client_id];
  const YAML::Node& value = values[EntryKey::private_key];
  const YAML::Node& name = values[EntryKey::private_key_file];
  const YAML::Node& key_id = values[EntryKey::private_key_id];
  for (const YAML::Node& other : {values[EntryKey::api_key], values[EntryKey::api_key_file]}) {
    if (other.IsDefined()) {
      return text_.wrong(other,
                         "this entry has an API key and a service app; keep one, and give the other its own "
                         "entry with the same okta_domain");
    }
  }
  if (!id.IsDefined())
    return text_.wrong(entry, "okta_client_id is missing here; copy it from the service app's tab General");
  if (!value.IsDefined() && !name.IsDefined()) {
    return text_.wrong(
        entry,
        "okta_private_key_file is missing here; name the file with the private key of the service app");
  }
  if (value.IsDefined() && name.IsDefined())
    return text_.wrong(name, "okta_private_key is also set; remove one");
  Result<std::string> client_id = expanded(id);
  if (!client_id) return std::unexpected(std::move(client_id.error()));
  std::string said_id;
  if (key_id.IsDefined()) {
    Result<std::string> text = expanded(key_id);
    if (!text) return std::unexpected(std::move(text.error()));
    said_id = ascii::trim(*text);
  }
  const YAML::Node& said = value.IsDefined() ? value : name;
  Result<Secret> key = read_private_key(said, value.IsDefined(), file);
  if (!key) return std::unexpected(std::move(key.error()));
  auto app = read_service_app(ascii::trim(*client_id), key->expose(), said_id);
  if (!app) return text_.wrong(said, (file.empty() ? "" : file + ": ") + app.error().text);
  return app;
}

Result<Secret> EntryReader::read_private_key(const YAML::Node& said, bool is_key, std::string& file) {
  Result<std::string> text = expanded(said);
  if (!text) return std::unexpected(std::move(text.error()));
  Secret key(std::move(*text));
  if (is_key) {
    if (ascii::trim(key.expose()).starts_with('/'))
      return text_.wrong(said, "this is the name of a file; write it as okta_private_key_file");
    return key;
  }
  if (key.expose().contains("-----BEGIN") || ascii::trim(key.expose()).starts_with('{'))
    return text_.wrong(said, "this is the private key itself; write it into a file and name that file here");
  file = find_secret_file(std::string(key.expose()), text_.name(), environment_);
  Result<Secret> read = read_secret_file(file, warnings_);
  if (!read) return text_.wrong(said, read.error().text);
  return read;
}

/// The key itself, or the content of the file named instead; `file` is set to that file.
Result<Secret> EntryReader::read_key(const YAML::Node& entry, const Values& values, std::string& file) {
  const YAML::Node& value = values[EntryKey::api_key];
  const YAML::Node& name = values[EntryKey::api_key_file];
  if (!value.IsDefined() && !name.IsDefined())
    return text_.wrong(entry, "okta_api_key is missing here (or okta_client_id and okta_private_key_file); " +
                                  text_.shape());
  if (value.IsDefined() && name.IsDefined()) return text_.wrong(name, "okta_api_key is also set; remove one");
  const YAML::Node& said = value.IsDefined() ? value : name;
  Result<std::string> text = expanded(said);
  if (!text) return std::unexpected(std::move(text.error()));
  if (value.IsDefined()) {
    Secret key(std::move(*text));
    if (key.expose().starts_with('/'))
      return text_.wrong(said, "this looks like a file's name; write it as okta_api_key_file");
    if (auto bare = bare_credential(key.expose()); !bare)
      return text_.wrong(said, "the API key: " + bare.error().text);
    if (auto checked = check_api_key(key.expose()); !checked) return text_.wrong(said, checked.error().text);
    return key;
  }
  if (looks_like_api_key(*text))
    return text_.wrong(said, "this looks like the key itself; write it into a file and name that file here");
  file = find_secret_file(*text, text_.name(), environment_);
  Result<Secret> key = read_secret_file(file, warnings_);
  if (!key) return text_.wrong(said, key.error().text);
  if (auto checked = check_api_key(key->expose()); !checked)
    return text_.wrong(said, file + ": " + checked.error().text);
  return key;
}

/// The destination of this entry's events, if it sets one.
Result<void> EntryReader::read_destination(const Values& values, TenantEntry& entry) {
  const YAML::Node& token = values[EntryKey::token];
  const YAML::Node& token_file = values[EntryKey::token_file];
  const YAML::Node& listener = values[EntryKey::listener];
  if (token.IsDefined() && token_file.IsDefined())
    return text_.wrong(token_file, "logzio_token is also set; remove one");
  if (token.IsDefined()) {
    Result<std::string> said = expanded(token);
    if (!said) return std::unexpected(said.error());
    const Secret whole(std::move(*said));
    const Result<std::string_view> text = bare_credential(whole.expose());
    if (!text) return text_.wrong(token, text.error().text);
    if (auto good = check_token(*text); !good) return text_.wrong(token, good.error().text);
    entry.token = Secret(std::string(*text));
  }
  if (token_file.IsDefined()) {
    if (check_token(token_file.Scalar()))
      return text_.wrong(token_file,
                         "this looks like the token itself; write it into a file and name that file here");
    const Result<std::string> name = expanded(token_file);
    if (!name) return std::unexpected(name.error());
    entry.token_file = find_secret_file(*name, text_.name(), environment_);
    Result<Secret> read = read_token_file(entry.token_file, warnings_);
    if (!read) return text_.wrong(token_file, read.error().text);
    entry.token = std::move(*read);
  }
  if (!listener.IsDefined()) return {};
  const Result<std::string> said = expanded(listener);
  if (!said) return std::unexpected(said.error());
  Result<Endpoint> endpoint = Endpoint::parse(*said);
  if (!endpoint) return text_.wrong(listener, endpoint.error().text);
  for (const std::string& warning : warnings_about(*endpoint)) {
    if (std::ranges::find(warnings_, warning) == warnings_.end()) warnings_.push_back(warning);
  }
  entry.listener = std::move(*endpoint);
  return {};
}

/// Which events, and the constants of their lines.
Result<void> EntryReader::read_events(const Values& values, TenantEntry& entry) {
  if (const YAML::Node& since = values[EntryKey::since]; since.IsDefined()) {
    Result<Since> parsed = read_since(since.Scalar(), wall_now());
    if (!parsed) return text_.wrong(since, parsed.error().text);
    entry.since = *parsed;
  }
  for (const auto& [index, place] :
       {std::pair{EntryKey::filter, &entry.query.filter}, std::pair{EntryKey::q, &entry.query.q}}) {
    const YAML::Node& text = values[index];
    if (!text.IsDefined()) continue;
    if (auto good = check_query(text.Scalar()); !good) return text_.wrong(text, good.error().text);
    *place = std::string(ascii::trim(text.Scalar()));
  }
  if (const YAML::Node& type = values[EntryKey::type]; type.IsDefined()) {
    if (auto good = check_type(type.Scalar()); !good) return text_.wrong(type, good.error().text);
    entry.type = type.Scalar();
  }
  if (auto read = read_fields(values[EntryKey::fields], entry.fields); !read) return read;
  return add_environment_fields(entry.fields);
}

Result<void> EntryReader::add_environment_fields(std::vector<ConstantField>& fields) const {
  Result<std::vector<ConstantField>> more = environment_fields(environment_);
  if (!more) return std::unexpected(std::move(more.error()));
  for (ConstantField& field : *more) {
    if (std::ranges::find(fields, field.name, &ConstantField::name) == fields.end())
      fields.push_back(std::move(field));
  }
  return {};
}

Result<void> EntryReader::read_fields(const YAML::Node& fields, std::vector<ConstantField>& read_in) {
  if (!fields.IsDefined()) return {};
  const auto has_names = [&](const YAML::Node& node) { return node.IsMap() && node.size() > 0; };
  if (!has_names(fields))
    return text_.wrong(fields,
                       "fields is not a list of names and values; write \"fields: {customer: acme}\"");
  for (const auto& field : fields) {
    if (auto read = read_field(field.first, field.second, read_in); !read) return read;
  }
  const YAML::Node& shared = defaults_[EntryKey::fields];
  if (shared.IsDefined() && !shared.is(fields)) {
    if (!has_names(shared))
      return text_.wrong(shared,
                         "fields is not a list of names and values; write \"fields: {customer: acme}\"");
    for (const auto& field : shared) {
      const bool said = field.first.IsScalar() && std::ranges::find(read_in, field.first.Scalar(),
                                                                    &ConstantField::name) != read_in.end();
      if (said) continue;
      if (auto read = read_field(field.first, field.second, read_in); !read) return read;
    }
  }
  if (read_in.size() <= limits::constant_fields_max) return {};
  return text_.wrong(fields, std::to_string(read_in.size()) + " fields are too many; at most " +
                                 std::to_string(limits::constant_fields_max) + " can be added to each line");
}

Result<void> EntryReader::read_field(const YAML::Node& name, const YAML::Node& value,
                                     std::vector<ConstantField>& fields) {
  const std::string text = name.IsScalar() ? name.Scalar() : "";
  if (auto good = check_field_name(text); !good) return text_.wrong(name, good.error().text);
  if (std::ranges::find(fields, text, &ConstantField::name) != fields.end())
    return text_.wrong(name, text + " is given twice; keep one");
  Result<std::string> json = read_field_value(value);
  if (!json) return text_.wrong(value, json.error().text);
  if (std::ranges::find(event_keys, text) != event_keys.end()) {
    const std::string warning = text_.name() + ":" + std::to_string(name.Mark().line + 1) + ": the field " +
                                text +
                                " has no effect: every Okta event has a key of that name, and the event's "
                                "own value is delivered. Choose another name";
    if (std::ranges::find(warnings_, warning) == warnings_.end()) warnings_.push_back(warning);
  }
  fields.push_back({.name = text, .value = std::move(*json)});
  return {};
}

}  // namespace logzio_okta
