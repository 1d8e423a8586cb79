#include "shell/settings/tenants_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <exception>
#include <optional>
#include <ranges>
#include <sstream>
#include <utility>
#include <variant>
#include <vector>

#include <sys/stat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/clock.hpp"
#include "shell/os/small_file.hpp"
#include "shell/output/did_you_mean.hpp"
#include "shell/settings/misnamed.hpp"
#include "shell/settings/secret_file.hpp"
#include "shell/settings/settings.hpp"
#include "shell/settings/signing_key.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

constexpr std::array places_searched = {"/etc/logzio-okta/tenants-credentials.yml"sv,
                                        "/usr/share/logstash/tenants-credentials.yml"sv,
                                        "./tenants-credentials.yml"sv};
constexpr std::array file_keys = {"tenants_credentials"sv, "defaults"sv};
constexpr std::size_t file_keys_required = 1;
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
constexpr const char* the_format =
    "write tenants_credentials: and under it, for each tenant, \"- okta_api_key: KEY\" and \"  okta_domain: "
    "acme.okta.com\"";

// Values, from the file or from the environment.

bool is_placeholder(std::string_view text) {
  return text.starts_with('<') || text.ends_with('>') || text.starts_with('$') || text.contains("${") ||
         text.contains("{{");
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
    return fail(
        std::string("the API key contains a space, a line break or another character that no key has") +
        cure);
  }
  if (key.size() > limits::secret_bytes_max) return fail(std::string("the API key is far too long") + cure);
  return {};
}

Result<void> check_client_id(std::string_view id) {
  constexpr const char* cure =
      "; copy it as Okta shows it for the service app under General, for example 0oa1b2c3d4E5f6G7h8i9";
  if (id.empty()) return fail(std::string("the client id is empty") + cure);
  if (is_placeholder(id)) return fail(std::string("the client id is a placeholder") + cure);
  const bool fits = std::ranges::all_of(id, [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.';
  });
  if (!fits || id.size() > limits::nonce_bytes_max)
    return fail(std::string("the client id is too long or contains a character that no client id has") +
                cure);
  return {};
}

/// A service app with a verified key. The error never quotes the key.
Result<ServiceAppEntry> read_service_app(std::string_view client_id, Secret&& private_key,
                                         std::string_view key_id) {
  if (auto good = check_client_id(client_id); !good) return std::unexpected(std::move(good.error()));
  const Result<SigningKey> key = SigningKey::read(private_key.expose());
  if (!key) return std::unexpected(key.error());
  if (key_id.size() > limits::nonce_bytes_max || !std::ranges::all_of(key_id, ascii::is_visible))
    return fail("the key id is too long or contains a space; copy it as Okta shows it beside the public key");
  if (!key_id.empty() && !key->id().empty() && key_id != key->id())
    return fail("okta_private_key_id is not the \"kid\" in the private key; leave it out");
  return ServiceAppEntry{.client_id = std::string(client_id),
                         .private_key = std::move(private_key),
                         .key_id = std::string(key_id),
                         .thumbprint = key->thumbprint()};
}

/// An API key in the domain's place must not be quoted, as Domain's own errors would.
bool looks_like_api_key(std::string_view text) {
  constexpr std::size_t letters_at_least = 20;
  return text.size() >= letters_at_least && text.find_first_of(".:/") == std::string_view::npos;
}

Result<Domain> read_domain(std::string_view text) {
  constexpr const char* cure = "; write the org's domain, for example acme.okta.com";
  if (ascii::trim(text).empty()) return fail(std::string("the domain is empty") + cure);
  if (is_quoted(text)) {
    return fail("the domain has quotes around it, which docker's --env-file keeps; write it without them");
  }
  if (is_placeholder(text)) return fail(std::string("the domain is a placeholder") + cure);
  if (text.contains('@')) return fail(std::string("the domain contains a user or password") + cure);
  if (looks_like_api_key(text)) {
    return fail("the domain looks like an API key; okta_api_key and okta_domain may be swapped");
  }
  return Domain::parse(text);
}

// An entry's settings for its events.

/// A moment long ago is not an error here: the file outlives the day it was written, and the start is never
/// further back than Okta keeps events.
Result<Since> read_since(std::string_view text, WallTime now) {
  const std::optional<WallTime> at = parse_rfc3339(ascii::trim(text));
  if (at && *at <= now) return SinceAt{*at};
  return parse_since(text, now);
}

Result<void> check_query(std::string_view text) {
  if (ascii::trim(text).empty())
    return fail("this is empty; write what Okta should filter by, or leave it out");
  if (text.size() > limits::query_bytes_max)
    return fail("this is longer than " + std::to_string(limits::query_bytes_max) +
                " bytes; write a shorter one");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return fail("this contains a line break or another control character; write it on one line");
  return {};
}

bool is_number(std::string_view text) {
  return !text.empty() && (ascii::is_digit(text.front()) || text.front() == '-') &&
         is_strict_json_object("{\"number\":" + std::string(text) + "}");
}

/// A value of `fields` as JSON. A quoted value is always a string.
Result<std::string> read_field_value(const YAML::Node& value) {
  constexpr const char* cure = "; write a string, a number, true or false";
  if (!value.IsScalar()) return fail(std::string("this is not a plain value") + cure);
  const std::string& text = value.Scalar();
  if (text.size() > limits::constant_value_bytes_max) {
    return fail("this is longer than " + std::to_string(limits::constant_value_bytes_max) +
                " bytes, and every line would carry it; write a shorter one");
  }
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
  std::string json = json_string(text);
  if (!is_strict_json_object("{\"text\":" + json + "}")) return fail(std::string("this is not UTF-8") + cure);
  return json;
}

/// The first setting in which two entries of one domain differ; empty if there is none.
std::string_view difference(const TenantEntry& a, const TenantEntry& b) {
  const auto same_since = [](const Since& x, const Since& y) {
    const auto* ago_x = std::get_if<SinceAgo>(&x);
    const auto* ago_y = std::get_if<SinceAgo>(&y);
    if (ago_x != nullptr && ago_y != nullptr) return ago_x->ago == ago_y->ago;
    const auto* at_x = std::get_if<SinceAt>(&x);
    const auto* at_y = std::get_if<SinceAt>(&y);
    return at_x != nullptr && at_y != nullptr && at_x->at == at_y->at;
  };
  if (a.since.has_value() != b.since.has_value() || (a.since && !same_since(*a.since, *b.since)))
    return entry_keys[EntryKey::since];
  if (a.query.filter != b.query.filter) return entry_keys[EntryKey::filter];
  if (a.query.q != b.query.q) return entry_keys[EntryKey::q];
  if (a.token_file != b.token_file) return entry_keys[EntryKey::token_file];
  if (!a.token.same_as(b.token)) return entry_keys[EntryKey::token];
  if (a.listener != b.listener) return entry_keys[EntryKey::listener];
  if (a.type != b.type) return entry_keys[EntryKey::type];
  if (a.fields != b.fields) return entry_keys[EntryKey::fields];
  return {};
}

// The file.

/// A mistyped name may be repeated; anything else might be a credential in the wrong place.
std::string named(std::string_view key) {
  constexpr std::size_t name_bytes_max = 40;
  const bool name = !key.empty() && key.size() <= name_bytes_max && std::ranges::all_of(key, [](char c) {
    return ascii::is_letter(c) || c == '_' || c == '-';
  });
  return name ? ascii::quote(key) : "this key";
}

/// The start of a second document, if there is one. YAML::LoadAll() would find it too, but never ends for a
/// text like ",": yaml-cpp 0.7 finds one empty document after another at the same position.
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

class TenantsReader {
 public:
  TenantsReader(std::string file, const Environment& environment)
      : file_(std::move(file)), environment_(environment) {
    tenants_.source = file_;
    if (file_ == tenants_variable) tenants_.from = TenantsFrom::text_variable;
  }

  Result<Tenants> read(const std::string& yaml) {
    const YAML::Node document = YAML::Load(yaml);
    if (document.IsNull()) return fail(file_ + ":1:1: it is empty; " + the_format);
    if (const auto second = second_document(yaml)) {
      return wrong(*second, "a second YAML document begins here; keep one");
    }
    const Result<std::vector<YAML::Node>> parts = members(document, file_keys, file_keys_required);
    if (!parts) return std::unexpected(parts.error());
    const auto& [list, defaults] = std::pair((*parts)[0], (*parts)[1]);
    if (auto read = read_defaults(defaults); !read) return std::unexpected(std::move(read.error()));
    if (auto read = read_list(list); !read) return std::unexpected(std::move(read.error()));
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

  /// The values of these keys of a map, in order; other keys are errors. The first `required` ones exist; the
  /// rest may be undefined.
  Result<std::vector<YAML::Node>> members(const YAML::Node& map, std::span<const std::string_view> keys,
                                          std::size_t required) const {
    if (!map.IsMap())
      return wrong(map, "this is not a \"key: value\" pair (is a space missing after a colon?); " + shape());
    std::vector<YAML::Node> values(keys.size(), YAML::Node(YAML::NodeType::Undefined));
    for (const auto& member : map) {
      const std::string key = member.first.IsScalar() ? member.first.Scalar() : "";
      const auto found = std::ranges::find(keys, key);
      if (found == keys.end()) return unknown_key(member.first, key, keys);
      YAML::Node& value = values[static_cast<std::size_t>(found - keys.begin())];
      if (value.IsDefined()) return wrong(member.first, key + " is given twice; keep one");
      value.reset(member.second);
    }
    const auto missing = std::ranges::find_if(values | std::views::take(required),
                                              [](const YAML::Node& value) { return !value.IsDefined(); });
    if (missing == values.begin() + static_cast<std::ptrdiff_t>(required)) return values;
    return wrong(map, std::string(keys[static_cast<std::size_t>(missing - values.begin())]) +
                          " is missing here; " + shape());
  }

  [[nodiscard]] std::unexpected<Error> unknown_key(const YAML::Node& where, const std::string& key,
                                                   std::span<const std::string_view> keys) const {
    if (key == "<<")
      return wrong(where,
                   "YAML merge keys are not read; write what the tenants share once, under \"defaults:\"");
    std::string text = named(key) + " is not known here; ";
    if (const auto meant = did_you_mean(key, keys))
      return wrong(where, text + "did you mean " + std::string(*meant) + "?");
    text += keys.size() == 1 ? "write " : "write one of ";
    for (const std::string_view known : keys)
      text += (known == keys.front() ? "" : ", ") + std::string(known);
    return wrong(where, text);
  }

  /// The values for entries that do not set their own.
  Result<void> read_defaults(const YAML::Node& node) {
    defaults_.assign(entry_keys.size(), YAML::Node(YAML::NodeType::Undefined));
    if (!node.IsDefined()) return {};
    for (const std::string_view key : std::span(entry_keys).first<EntryKey::since>()) {
      if (node.IsMap() && node[std::string(key)].IsDefined())
        return wrong(
            node, std::string(key) +
                      " belongs to each tenant and cannot be a default; write it under tenants_credentials");
    }
    const Result<std::vector<YAML::Node>> values = members(node, default_keys, 0);
    if (!values) return std::unexpected(values.error());
    for (std::size_t i = 0; i < values->size(); ++i) defaults_[EntryKey::since + i].reset((*values)[i]);
    return {};
  }

  /// An entry's own token replaces a default token, whether in the file or in a file of its own. Its fields
  /// come before those of the defaults, which add to them.
  void fill_in(std::vector<YAML::Node>& values) const {
    const bool own_token = values[EntryKey::token].IsDefined() || values[EntryKey::token_file].IsDefined();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].IsDefined() || !defaults_[i].IsDefined()) continue;
      if (own_token && (i == EntryKey::token || i == EntryKey::token_file)) continue;
      values[i].reset(defaults_[i]);
    }
  }

  Result<void> read_list(const YAML::Node& list) {
    if (list.IsNull() || (list.IsSequence() && list.size() == 0))
      return wrong(list, "the list is empty; " + shape());
    if (!list.IsSequence())
      return wrong(list, "this is not a list; begin each tenant with \"- \": " + shape());
    if (list.size() > limits::tenants_max) {
      return wrong(list[limits::tenants_max], std::to_string(list.size()) +
                                                  " tenants are listed, but at most " +
                                                  std::to_string(limits::tenants_max) +
                                                  " can be followed; move the rest to another instance");
    }
    for (const auto& entry : list) {
      auto read = read_entry(entry);
      // An error in a default affects every entry, but is reported once.
      if (!read && std::ranges::find(tenants_.problems, read.error().text) == tenants_.problems.end())
        tenants_.problems.push_back(std::move(read.error().text));
    }
    return {};
  }

  Result<void> read_entry(const YAML::Node& node) {
    Result<std::vector<YAML::Node>> values = members(node, entry_keys, entry_keys_required);
    if (!values) return std::unexpected(values.error());
    fill_in(*values);
    for (std::size_t i = 0; i < entry_keys.size(); ++i) {
      // A number or a word like `true` is taken as a string.
      if (!(*values)[i].IsDefined() || (*values)[i].IsScalar() || i == EntryKey::fields) continue;
      return wrong((*values)[i],
                   std::string(entry_keys[i]) + " has no value, or not a plain one; " + shape());
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
    if (!parsed) return wrong((*values)[EntryKey::domain], parsed.error().text);
    TenantEntry entry{.domain = std::move(*parsed),
                      .api_key = std::move(*key),
                      .line = node.Mark().line + 1,
                      .api_key_file = std::move(key_file)};
    entry.service_app = std::move(app);
    const EntryKey key_name = is_app ? EntryKey::private_key : EntryKey::api_key;
    if (const YAML::Node& said = (*values)[key_name]; said.IsDefined()) {
      entry.api_key_variable = first_variable(said.Scalar());
      if (entry.api_key_variable.empty() && tenants_.from == TenantsFrom::text_variable)
        entry.api_key_variable = tenants_variable;
    }
    if (auto read = read_destination(*values, entry); !read) return read;
    if (auto read = read_events(*values, entry); !read) return read;
    if (auto agrees = check_agreement(node, entry); !agrees) return agrees;
    add(std::move(entry));
    return {};
  }

  /// The value with its ${VARIABLES} replaced.
  [[nodiscard]] Result<std::string> expanded(const YAML::Node& value) const {
    Result<std::string> text = expand_variables(value.Scalar(), environment_);
    if (!text) return wrong(value, text.error().text);
    return text;
  }

  /// A service app: its client id, and its private key or the file named instead.
  Result<ServiceAppEntry> read_app(const YAML::Node& entry, const std::vector<YAML::Node>& values,
                                   std::string& file) {
    const YAML::Node& id = values[EntryKey::client_id];
    const YAML::Node& value = values[EntryKey::private_key];
    const YAML::Node& name = values[EntryKey::private_key_file];
    const YAML::Node& key_id = values[EntryKey::private_key_id];
    for (const YAML::Node& other : {values[EntryKey::api_key], values[EntryKey::api_key_file]}) {
      if (other.IsDefined()) {
        return wrong(other,
                     "this entry has an API key and a service app; keep one, and give the other its own "
                     "entry with the same okta_domain");
      }
    }
    if (!id.IsDefined())
      return wrong(entry, "okta_client_id is missing here; copy it from the service app's tab General");
    if (!value.IsDefined() && !name.IsDefined()) {
      return wrong(
          entry,
          "okta_private_key_file is missing here; name the file with the private key of the service app");
    }
    if (value.IsDefined() && name.IsDefined()) return wrong(name, "okta_private_key is also set; remove one");
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
    auto app = read_service_app(ascii::trim(*client_id), std::move(*key), said_id);
    if (!app) return wrong(said, (file.empty() ? "" : file + ": ") + app.error().text);
    return app;
  }

  Result<Secret> read_private_key(const YAML::Node& said, bool is_key, std::string& file) {
    Result<std::string> text = expanded(said);
    if (!text) return std::unexpected(std::move(text.error()));
    Secret key(std::move(*text));
    if (is_key) {
      if (ascii::trim(key.expose()).starts_with('/'))
        return wrong(said, "this is the name of a file; write it as okta_private_key_file");
      return key;
    }
    if (key.expose().contains("-----BEGIN") || ascii::trim(key.expose()).starts_with('{'))
      return wrong(said, "this is the private key itself; write it into a file and name that file here");
    file = find_secret_file(std::string(key.expose()), file_, environment_);
    Result<Secret> read = read_secret_file(file, tenants_.warnings);
    if (!read) return wrong(said, read.error().text);
    return read;
  }

  /// The key itself, or the content of the file named instead; `file` is set to that file.
  Result<Secret> read_key(const YAML::Node& entry, const std::vector<YAML::Node>& values, std::string& file) {
    const YAML::Node& value = values[EntryKey::api_key];
    const YAML::Node& name = values[EntryKey::api_key_file];
    if (!value.IsDefined() && !name.IsDefined())
      return wrong(entry,
                   "okta_api_key is missing here (or okta_client_id and okta_private_key_file); " + shape());
    if (value.IsDefined() && name.IsDefined()) return wrong(name, "okta_api_key is also set; remove one");
    const YAML::Node& said = value.IsDefined() ? value : name;
    Result<std::string> text = expanded(said);
    if (!text) return std::unexpected(std::move(text.error()));
    if (value.IsDefined()) {
      Secret key(std::move(*text));
      if (auto bare = bare_credential(key.expose()); !bare)
        return wrong(said, "the API key: " + bare.error().text);
      if (auto checked = check_api_key(key.expose()); !checked) return wrong(said, checked.error().text);
      return key;
    }
    if (looks_like_api_key(*text))
      return wrong(said, "this looks like the key itself; write it into a file and name that file here");
    file = find_secret_file(*text, file_, environment_);
    Result<Secret> key = read_secret_file(file, tenants_.warnings);
    if (!key) return wrong(said, key.error().text);
    if (auto checked = check_api_key(key->expose()); !checked)
      return wrong(said, file + ": " + checked.error().text);
    return key;
  }

  /// The destination of this entry's events, if it sets one.
  Result<void> read_destination(const std::vector<YAML::Node>& values, TenantEntry& entry) {
    const YAML::Node& token = values[EntryKey::token];
    const YAML::Node& token_file = values[EntryKey::token_file];
    const YAML::Node& listener = values[EntryKey::listener];
    if (token.IsDefined() && token_file.IsDefined())
      return wrong(token_file, "logzio_token is also set; remove one");
    if (token.IsDefined()) {
      Result<std::string> said = expanded(token);
      if (!said) return std::unexpected(said.error());
      const Secret whole(std::move(*said));
      const Result<std::string_view> text = bare_credential(whole.expose());
      if (!text) return wrong(token, text.error().text);
      if (auto good = check_token(*text); !good) return wrong(token, good.error().text);
      entry.token = Secret(std::string(*text));
    }
    if (token_file.IsDefined()) {
      if (check_token(token_file.Scalar()))
        return wrong(token_file,
                     "this looks like the token itself; write it into a file and name that file here");
      const Result<std::string> name = expanded(token_file);
      if (!name) return std::unexpected(name.error());
      entry.token_file = find_secret_file(*name, file_, environment_);
      Result<Secret> read = read_token_file(entry.token_file, tenants_.warnings);
      if (!read) return wrong(token_file, read.error().text);
      entry.token = std::move(*read);
    }
    if (!listener.IsDefined()) return {};
    const Result<std::string> said = expanded(listener);
    if (!said) return std::unexpected(said.error());
    Result<Endpoint> endpoint = Endpoint::parse(*said);
    if (!endpoint) return wrong(listener, endpoint.error().text);
    for (const std::string& warning : warnings_about(*endpoint)) {
      if (std::ranges::find(tenants_.warnings, warning) == tenants_.warnings.end())
        tenants_.warnings.push_back(warning);
    }
    entry.listener = std::move(*endpoint);
    return {};
  }

  /// Which events, and the constants of their lines.
  Result<void> read_events(const std::vector<YAML::Node>& values, TenantEntry& entry) {
    if (const YAML::Node& since = values[EntryKey::since]; since.IsDefined()) {
      Result<Since> parsed = read_since(since.Scalar(), wall_now());
      if (!parsed) return wrong(since, parsed.error().text);
      entry.since = *parsed;
    }
    for (const auto& [index, place] :
         {std::pair{EntryKey::filter, &entry.query.filter}, std::pair{EntryKey::q, &entry.query.q}}) {
      const YAML::Node& text = values[index];
      if (!text.IsDefined()) continue;
      if (auto good = check_query(text.Scalar()); !good) return wrong(text, good.error().text);
      *place = std::string(ascii::trim(text.Scalar()));
    }
    if (const YAML::Node& type = values[EntryKey::type]; type.IsDefined()) {
      if (auto good = check_type(type.Scalar()); !good) return wrong(type, good.error().text);
      entry.type = type.Scalar();
    }
    if (auto read = read_fields(values[EntryKey::fields], entry.fields); !read) return read;
    return add_environment_fields(entry.fields);
  }

  Result<void> add_environment_fields(std::vector<ConstantField>& fields) const {
    Result<std::vector<ConstantField>> more = environment_fields(environment_);
    if (!more) return std::unexpected(std::move(more.error()));
    for (ConstantField& field : *more) {
      if (std::ranges::find(fields, field.name, &ConstantField::name) == fields.end())
        fields.push_back(std::move(field));
    }
    return {};
  }

  Result<void> read_fields(const YAML::Node& fields, std::vector<ConstantField>& read_in) {
    if (!fields.IsDefined()) return {};
    const auto has_names = [&](const YAML::Node& node) { return node.IsMap() && node.size() > 0; };
    if (!has_names(fields))
      return wrong(fields, "fields is not a list of names and values; write \"fields: {customer: acme}\"");
    for (const auto& field : fields) {
      if (auto read = read_field(field.first, field.second, read_in); !read) return read;
    }
    const YAML::Node& shared = defaults_[EntryKey::fields];
    if (shared.IsDefined() && !shared.is(fields)) {
      if (!has_names(shared))
        return wrong(shared, "fields is not a list of names and values; write \"fields: {customer: acme}\"");
      for (const auto& field : shared) {
        const bool said = field.first.IsScalar() && std::ranges::find(read_in, field.first.Scalar(),
                                                                      &ConstantField::name) != read_in.end();
        if (said) continue;
        if (auto read = read_field(field.first, field.second, read_in); !read) return read;
      }
    }
    if (read_in.size() <= limits::constant_fields_max) return {};
    return wrong(fields, std::to_string(read_in.size()) + " fields are too many; at most " +
                             std::to_string(limits::constant_fields_max) + " can be added to each line");
  }

  Result<void> read_field(const YAML::Node& name, const YAML::Node& value,
                          std::vector<ConstantField>& fields) {
    const std::string text = name.IsScalar() ? name.Scalar() : "";
    if (auto good = check_field_name(text); !good) return wrong(name, good.error().text);
    if (std::ranges::find(fields, text, &ConstantField::name) != fields.end())
      return wrong(name, text + " is given twice; keep one");
    Result<std::string> json = read_field_value(value);
    if (!json) return wrong(value, json.error().text);
    if (std::ranges::find(event_keys, text) != event_keys.end()) {
      const std::string warning = file_ + ":" + std::to_string(name.Mark().line + 1) + ": the field " + text +
                                  " has no effect: every Okta event has a key of that name, and the event's "
                                  "own value is delivered. Choose another name";
      if (std::ranges::find(tenants_.warnings, warning) == tenants_.warnings.end())
        tenants_.warnings.push_back(warning);
    }
    fields.push_back({.name = text, .value = std::move(*json)});
    return {};
  }

  /// Entries with the same domain are one stream with several keys.
  Result<void> check_agreement(const YAML::Node& node, const TenantEntry& entry) const {
    for (const TenantEntry& other : tenants_.entries) {
      if (other.domain != entry.domain) continue;
      const std::string_view differs = difference(other, entry);
      if (differs.empty()) continue;
      return wrong(
          node,
          entry.domain.name() + " is in line " + std::to_string(other.line) + " and in line " +
              std::to_string(entry.line) + " with another " + std::string(differs) +
              "; entries with the same domain are one stream with several keys, so write the same for both");
    }
    return {};
  }

  void add(TenantEntry&& entry) {
    const auto same = std::ranges::find_if(tenants_.entries, [&](const TenantEntry& other) {
      if (other.domain != entry.domain || other.service_app.has_value() != entry.service_app.has_value())
        return false;
      if (!entry.service_app) return other.api_key.same_as(entry.api_key);
      return other.service_app->client_id == entry.service_app->client_id &&
             other.service_app->thumbprint == entry.service_app->thumbprint;
    });
    if (same == tenants_.entries.end()) {
      tenants_.entries.push_back(std::move(entry));
      return;
    }
    tenants_.warnings.push_back(file_ + ":" + std::to_string(entry.line) + ": " + entry.domain.name() +
                                " is listed here with the same key as in line " + std::to_string(same->line) +
                                "; only one is used, remove the other");
  }

  static std::string shape() { return the_format; }

  std::string file_;
  const Environment& environment_;
  std::vector<YAML::Node> defaults_;  ///< In the order of entry_keys.
  Tenants tenants_;
};

/// The kind of error, without the part of the file that a newer yaml-cpp quotes after a colon.
std::string kind_of(const YAML::Exception& error) {
  return printable(error.msg.substr(0, error.msg.find(':')));
}

Result<Tenants> parse_tenants(const std::string& yaml, const std::string& file,
                              const Environment& environment) {
  TenantsReader reader(file, environment);
  try {
    return reader.read(yaml);
  } catch (const YAML::Exception& error) {
    return reader.wrong(error.mark,
                        "this is not YAML (" + kind_of(error) +
                            "); indent with spaces, not tabs, and put quotes around unusual values");
  } catch (const std::exception&) {
    return fail(file + ": this is not a tenants file; " + the_format);
  }
}

// The search.

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

/// The private key in OKTA_PRIVATE_KEY, or in the file named.
Result<Secret> private_key_of(const Environment& environment, Tenants& tenants, TenantEntry& entry) {
  const auto key = environment.get("OKTA_PRIVATE_KEY");
  const auto file = environment.get("OKTA_PRIVATE_KEY_FILE");
  if (key && file)
    return fail("OKTA_PRIVATE_KEY and OKTA_PRIVATE_KEY_FILE are both set; remove one of the two");
  if (key) return Secret(std::string(*key));
  if (!file) {
    return fail(
        "OKTA_CLIENT_ID is set, but OKTA_PRIVATE_KEY_FILE is not; name the file with the private key of the "
        "service app" +
        misnamed("OKTA_PRIVATE_KEY", environment));
  }
  entry.api_key_file = ascii::trim(*file);
  Result<Secret> read = read_secret_file(entry.api_key_file, tenants.warnings);
  if (!read) return fail("OKTA_PRIVATE_KEY_FILE: " + read.error().text);
  return read;
}

Result<Tenants> app_from_environment(const Environment& environment, Domain&& domain) {
  Tenants tenants{.source = "OKTA_CLIENT_ID", .from = TenantsFrom::single_variables};
  TenantEntry entry{.domain = std::move(domain), .api_key = {}};
  Result<std::vector<ConstantField>> fields = environment_fields(environment);
  if (!fields) return std::unexpected(std::move(fields.error()));
  entry.fields = std::move(*fields);
  const auto id = environment.get("OKTA_CLIENT_ID");
  if (!id) {
    return fail(
        std::string(environment.get("OKTA_PRIVATE_KEY") ? "OKTA_PRIVATE_KEY" : "OKTA_PRIVATE_KEY_FILE") +
        " is set, but OKTA_CLIENT_ID is not; set both" + misnamed("OKTA_CLIENT_ID", environment));
  }
  Result<Secret> key = private_key_of(environment, tenants, entry);
  if (!key) return std::unexpected(std::move(key.error()));
  auto app = read_service_app(ascii::trim(*id), std::move(*key),
                              ascii::trim(environment.get("OKTA_PRIVATE_KEY_ID").value_or("")));
  if (!app) {
    return fail((entry.api_key_file.empty() ? "OKTA_CLIENT_ID and OKTA_PRIVATE_KEY" : entry.api_key_file) +
                ": " + app.error().text);
  }
  entry.service_app = std::move(*app);
  tenants.entries.push_back(std::move(entry));
  return tenants;
}

Result<Tenants> from_environment(const Environment& environment, std::span<const std::string_view> places) {
  const auto key = environment.get("OKTA_API_KEY");
  const auto newer = environment.get("OKTA_DOMAIN");
  const auto older = environment.get("OKTA_TENANT");
  const char* const domain_name = newer || !older ? "OKTA_DOMAIN" : "OKTA_TENANT";
  const auto domain = newer ? newer : older;
  const bool is_app = environment.get("OKTA_CLIENT_ID") || environment.get("OKTA_PRIVATE_KEY") ||
                      environment.get("OKTA_PRIVATE_KEY_FILE");
  if (is_app && key)
    return fail("OKTA_API_KEY and OKTA_CLIENT_ID are both set; keep one, or write both into a tenants file");
  if (is_app && domain) {
    Result<Domain> parsed = read_domain(*domain);
    if (!parsed) return fail(std::string(domain_name) + ": " + parsed.error().text);
    return app_from_environment(environment, std::move(*parsed));
  }
  if (is_app)
    return fail(
        "OKTA_DOMAIN is not set, but a service app is (OKTA_CLIENT_ID, OKTA_PRIVATE_KEY_FILE); set it" +
        misnamed("OKTA_DOMAIN", environment));
  if (!key && !domain) {
    std::string text = "no tenants: there is no";
    for (const std::string_view place : places)
      text += (place == places.front() ? " " : ", ") + std::string(place);
    return fail(text + ", and neither " + std::string(tenants_variable) +
                " nor OKTA_API_KEY and OKTA_DOMAIN are set; write such a file or name it with --tenants" +
                misnamed("OKTA_API_KEY", environment) + misnamed("OKTA_DOMAIN", environment));
  }
  if (!key) {
    return fail(std::string(domain_name) + " is set, but OKTA_API_KEY is not; set both" +
                misnamed("OKTA_API_KEY", environment) + misnamed("OKTA_CLIENT_ID", environment));
  }
  if (!domain) {
    return fail("OKTA_API_KEY is set, but OKTA_DOMAIN is not; set both" +
                misnamed("OKTA_DOMAIN", environment));
  }
  const Result<std::string_view> bare = bare_credential(*key);
  if (!bare) return fail("OKTA_API_KEY: " + bare.error().text);
  if (auto checked = check_api_key(*bare); !checked) return fail("OKTA_API_KEY: " + checked.error().text);
  Result<Domain> parsed = read_domain(*domain);
  if (!parsed) return fail(std::string(domain_name) + ": " + parsed.error().text);

  Result<std::vector<ConstantField>> fields = environment_fields(environment);
  if (!fields) return std::unexpected(std::move(fields.error()));
  Tenants tenants{.source = "OKTA_API_KEY", .from = TenantsFrom::single_variables};
  tenants.entries.push_back(
      {.domain = std::move(*parsed), .api_key = Secret(std::string(*bare)), .fields = std::move(*fields)});
  if (newer && older && *newer != *older) {
    tenants.warnings.emplace_back("OKTA_DOMAIN is used, not the older OKTA_TENANT, which is also set");
  }
  return tenants;
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
    text += " (and " + std::to_string(more) + " more errors; logzio-okta check lists all)";
  }
  return fail(std::move(text));
}

}  // namespace

std::span<const std::string_view> tenants_places() {
  return places_searched;
}

Result<Tenants> read_tenants_file(const std::string& path, const Environment& environment) {
  return whole(load_file(path, environment));
}

Result<std::vector<ConstantField>> environment_fields(const Environment& environment) {
  std::vector<ConstantField> fields;
  const std::string_view text = ascii::trim(environment.get("ENV_ID").value_or(""));
  if (text.empty()) return fields;
  if (is_quoted(text))
    return fail("ENV_ID: it has quotes around it, which docker's --env-file keeps; write it without them");
  if (text.size() > limits::constant_value_bytes_max) {
    return fail("ENV_ID: this is longer than " + std::to_string(limits::constant_value_bytes_max) +
                " bytes, and every line would carry it; write a shorter one");
  }
  std::string json = json_string(text);
  if (!is_strict_json_object("{\"text\":" + json + "}")) return fail("ENV_ID: this is not UTF-8");
  fields.push_back({.name = "env_id", .value = std::move(json)});
  return fields;
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
  if (!text && found.empty()) return from_environment(environment, places);
  Result<Tenants> tenants =
      text ? load_variable(environment) : load_file(std::string(found.front().place), environment);
  if (!tenants) return tenants;
  warn_of_other_files(*tenants, found);
  warn_of_single_variables(*tenants, environment);
  return tenants;
}

}  // namespace logzio_okta
