#include "shell/settings/keyring.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

std::unexpected<TransportError> refuse(std::string text) {
  return std::unexpected(
      TransportError{.fault = TransportFault::refused_by_us, .sent = false, .text = std::move(text)});
}

// Reserves the exact size, so that a growing string leaves no partial copy behind.
Secret joined(std::string_view before, const Secret& secret, std::string_view after) {
  const std::string_view bytes = secret.expose();
  std::string text;
  text.reserve(before.size() + bytes.size() + after.size());
  text.append(before).append(bytes).append(after);
  return Secret(std::move(text));
}

// A line break in a key would allow its author to add headers.
bool fits_a_header(const Secret& secret) {
  return !secret.empty() && std::ranges::all_of(secret.expose(), ascii::is_visible);
}

// Characters that need no escape in a URL or a JSON string.
bool fits_a_url(const Secret& secret) {
  return !secret.empty() && std::ranges::all_of(secret.expose(), [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_';
  });
}

/// What to do if Okta refuses this key: only files are read again while the daemon runs.
std::string cure_of_key(const TenantEntry& entry) {
  if (entry.service_app) {
    const std::string check = "check that the service app is active in Okta and has this key";
    if (!entry.api_key_file.empty())
      return check + ", or put another private key into " + entry.api_key_file +
             ": it is picked up automatically";
    if (entry.line > 0 && entry.api_key_variable.empty())
      return check + ", or put another one into the tenants file: it is picked up automatically";
    const std::string variable = entry.line == 0 ? "OKTA_PRIVATE_KEY" : entry.api_key_variable;
    return check + ", or put another one into the variable " + variable + " and restart";
  }
  if (!entry.api_key_file.empty())
    return "put a valid key into " + entry.api_key_file + ": it is picked up automatically";
  const std::string variable = entry.line == 0 ? "OKTA_API_KEY" : entry.api_key_variable;
  if (!variable.empty()) return "put a valid key into the variable " + variable + " and restart";
  return "put a valid key into line " + std::to_string(entry.line) +
         " of the tenants file: it is picked up automatically";
}

/// Where the private key is, for people.
std::string key_place(const TenantEntry& entry) {
  if (!entry.api_key_file.empty()) return "the private key in " + entry.api_key_file;
  const std::string variable = entry.line == 0 ? "OKTA_PRIVATE_KEY" : entry.api_key_variable;
  if (!variable.empty()) return "the private key in the variable " + variable;
  return "the private key in line " + std::to_string(entry.line) + " of the tenants file";
}

}  // namespace

CredentialId Keyring::add(const Domain& domain, Secret&& key) {
  const auto known = std::ranges::find_if(
      keys_, [&](const Key& k) { return !k.app && k.domain == domain && k.bytes.same_as(key); });
  if (known != keys_.end()) return known->id;
  const CredentialId id{++last_id_};
  keys_.push_back({.id = id, .domain = domain, .bytes = std::move(key)});
  return id;
}

CredentialId Keyring::add(const TenantEntry& entry, std::unique_ptr<ServiceApp> app) {
  const auto known = std::ranges::find_if(
      keys_, [&](const Key& k) { return k.domain == entry.domain && k.app && k.app->same_as(*app); });
  if (known != keys_.end()) return known->id;
  const CredentialId id{++last_id_};
  keys_.push_back({.id = id, .domain = entry.domain, .bytes = {}, .app = std::move(app)});
  return id;
}

CredentialId Keyring::add_credential(TenantEntry& entry) {
  if (!entry.service_app) return add(entry.domain, std::move(entry.api_key));
  ServiceAppEntry& app = *entry.service_app;
  return add(entry, std::make_unique<ServiceApp>(app.client_id, std::move(app.private_key), app.key_id));
}

UsualDestination UsualDestination::of(Options& options) {
  return {.listener = options.listener,
          .token = std::move(options.token),
          .token_from = options.token_from,
          .listener_from = options.listener_from};
}

void Keyring::set_usual(UsualDestination&& usual) {
  usual_ = std::move(usual);
}

Roster Keyring::replace(std::vector<TenantEntry>&& entries) {
  Roster roster;
  std::vector<TenantSpec>& specs = roster.tenants;
  for (Destination& destination : destinations_) destination.named = destination.for_hooks;
  for (TenantEntry& entry : entries) {
    const CredentialId id = add_credential(entry);
    auto spec = std::ranges::find(specs, entry.domain, &TenantSpec::domain);
    if (spec == specs.end()) {
      Destination& destination = destination_of(entry);
      destination.named = true;
      if (std::ranges::find(roster.destinations, destination.id, &DestinationSpec::id) ==
          roster.destinations.end()) {
        roster.destinations.push_back(describe(destination, entry));
      }
      specs.push_back({.domain = entry.domain,
                       .credentials = {},
                       .destination = destination.id,
                       .query = std::move(entry.query),
                       .since = entry.since,
                       .type = std::move(entry.type),
                       .fields = std::move(entry.fields),
                       .key_cure = {}});
      spec = std::prev(specs.end());
    }
    if (const ServiceApp* app = app_of(id);
        app != nullptr &&
        std::ranges::find(spec->service_apps, id, &ServiceAppSpec::id) == spec->service_apps.end())
      spec->service_apps.push_back({.id = id, .key = key_place(entry) + " (" + app->key_name() + ")"});
    // Keys of one org may come from several places.
    if (const std::string cure = cure_of_key(entry); !spec->key_cure.contains(cure)) {
      spec->key_cure += (spec->key_cure.empty() ? "" : ", or ") + cure;
    }
    if (std::ranges::find(spec->credentials, id) == spec->credentials.end()) spec->credentials.push_back(id);
  }
  std::erase_if(leaving_, [](const auto& app) { return !app->is_busy(); });
  std::erase_if(keys_, [&](Key& key) {
    const bool leaves = std::ranges::none_of(specs, [&](const TenantSpec& spec) {
      return std::ranges::find(spec.credentials, key.id) != spec.credentials.end();
    });
    if (leaves && key.app && key.app->is_busy()) leaving_.push_back(std::move(key.app));
    return leaves;
  });
  return roster;
}

Keyring::Destination& Keyring::destination_of(TenantEntry& entry) {
  const Endpoint& listener = entry.listener ? *entry.listener : usual_.listener;
  const bool usual = entry.token.empty();
  const auto known = std::ranges::find_if(destinations_, [&](const Destination& each) {
    if (each.listener != listener || each.usual != usual || each.token_file != entry.token_file) return false;
    return usual || !entry.token_file.empty() || each.token.same_as(entry.token);
  });
  if (known == destinations_.end()) {
    return destinations_.emplace_back(Destination{.id = DestinationId{++last_destination_},
                                                  .listener = listener,
                                                  .usual = usual,
                                                  .token_file = entry.token_file,
                                                  .token = std::move(entry.token)});
  }
  if (!usual && !known->token.same_as(entry.token)) {
    known->token = std::move(entry.token);
    known->changed = true;
  }
  return *known;
}

DestinationSpec Keyring::for_hooks(std::string_view region) {
  const Endpoint listener = in_region(usual_.listener, region);
  auto known = std::ranges::find_if(
      destinations_, [&](const Destination& each) { return each.usual && each.listener == listener; });
  if (known == destinations_.end()) {
    destinations_.push_back({.id = DestinationId{++last_destination_}, .listener = listener, .usual = true});
    known = std::prev(destinations_.end());
  }
  known->named = known->for_hooks = true;
  DestinationSpec spec = describe(*known);
  if (listener != usual_.listener) {
    spec.name = "default in region " + std::string(region);
    spec.set_by = usual_.token_from + " and the logzio_region of the event hook";
  }
  return spec;
}

DestinationSpec Keyring::describe(const Destination& destination) const {
  DestinationSpec spec{.id = destination.id,
                       .listener = destination.listener,
                       .set_by = usual_.token_from + " and " + usual_.listener_from};
  if (is_lines(spec.listener.protocol)) {
    spec.token_bytes = std::string_view(R"("token":"",)").size() + token_of(destination).expose().size();
  }
  return spec;
}

DestinationSpec Keyring::describe(const Destination& destination, const TenantEntry& entry) const {
  DestinationSpec spec = describe(destination);
  if (!destination.usual || entry.listener) {
    spec.name = entry.domain.name();
    spec.set_by = (destination.usual                ? usual_.token_from
                   : destination.token_file.empty() ? "logzio_token"
                                                    : "logzio_token_file (" + destination.token_file + ")") +
                  " and " + (entry.listener ? "logzio_listener_host" : usual_.listener_from) + " (for " +
                  entry.domain.name() + " in the tenants file)";
  }
  return spec;
}

void Keyring::set_token(Secret&& token) {
  usual_.token = std::move(token);
  for (Destination& destination : destinations_) destination.changed |= destination.usual;
}

std::vector<DestinationId> Keyring::take_changed_tokens() {
  std::vector<DestinationId> changed;
  for (Destination& destination : destinations_) {
    if (std::exchange(destination.changed, false)) changed.push_back(destination.id);
  }
  return changed;
}

void Keyring::forget(DestinationId destination) {
  std::erase_if(destinations_,
                [&](const Destination& each) { return each.id == destination && !each.named; });
}

const Keyring::Destination& Keyring::find(DestinationId id) const {
  const auto found = std::ranges::find(destinations_, id, &Destination::id);
  CHECK(found != destinations_.end());
  return *found;
}

const Endpoint& Keyring::listener(DestinationId destination) const {
  return find(destination).listener;
}

const Secret& Keyring::token_of(const Destination& destination) const {
  return destination.usual ? usual_.token : destination.token;
}

bool Keyring::is_token(std::string_view text) const {
  return !usual_.token.empty() && usual_.token.same_as(text);
}

std::vector<DestinationId> Keyring::accounts_of(std::string_view text) const {
  std::vector<DestinationId> accounts;
  for (const Destination& each : destinations_) {
    if (!each.usual && !each.token.empty() && each.token.same_as(text)) accounts.push_back(each.id);
  }
  return accounts;
}

std::expected<const Keyring::Key*, TransportError> Keyring::key_for(CredentialId credential,
                                                                    const Origin& origin) const {
  const auto key = std::ranges::find(keys_, credential, &Key::id);
  if (key == keys_.end()) return refuse("the requested key is no longer in the tenants file");
  if (key->domain.origin() != origin) {
    return refuse("the key of " + key->domain.name() + " is not for " + origin.text() + ": nothing was sent");
  }
  return &*key;
}

Keyring::Piece Keyring::authorization(CredentialId credential, const Origin& origin) const {
  const auto found = key_for(credential, origin);
  if (!found) return std::unexpected(found.error());
  const Key* key = *found;
  if (key->app && !key->app->has_token()) return refuse("there is no access token for " + key->domain.name());
  if (key->app) return key->app->authorization();
  if (!fits_a_header(key->bytes)) {
    return refuse("the key of " + key->domain.name() +
                  " is empty or contains a character that no API token has: copy it again from Okta");
  }
  return joined("Authorization: SSWS ", key->bytes, "");
}

ServiceApp* Keyring::app_of(CredentialId credential) const {
  const auto key = std::ranges::find(keys_, credential, &Key::id);
  return key != keys_.end() ? key->app.get() : nullptr;
}

bool Keyring::is_service_app(CredentialId credential) const {
  return app_of(credential) != nullptr;
}

Keyring::Piece Keyring::proof(CredentialId credential, const Origin& origin, std::string_view target,
                              WallTime okta_now) const {
  const auto key = key_for(credential, origin);
  if (!key) return std::unexpected(key.error());
  const ServiceApp* app = (*key)->app.get();
  if (app == nullptr) return Secret();
  if (!app->has_token()) return refuse("there is no access token for " + (*key)->domain.name());
  return app->proof("GET", origin, target, okta_now);
}

void Keyring::hear(CredentialId credential, const Headers& headers) {
  if (ServiceApp* app = app_of(credential)) app->hear(headers);
}

bool Keyring::prepare(const MintToken& mint, WallTime okta_now) {
  const auto key = key_for(mint.credential, mint.origin);
  if (!key) return true;  // token_form() says why it is refused.
  ServiceApp* app = (*key)->app.get();
  CHECK(app != nullptr);
  return app->prepare(mint.proof, mint.origin, okta_now);
}

Keyring::Piece Keyring::token_form(const MintToken& mint) {
  const auto key = key_for(mint.credential, mint.origin);
  if (!key) return std::unexpected(key.error());
  return (*key)->app->token_form();
}

Keyring::Piece Keyring::token_proof(const MintToken& mint, WallTime okta_now) const {
  const auto key = key_for(mint.credential, mint.origin);
  if (!key) return std::unexpected(key.error());
  if (mint.proof == ProofKind::none) return Secret();
  return (*key)->app->token_proof(mint.proof, mint.origin, okta_now);
}

MintResult Keyring::take_token(const MintToken& mint, HttpResult&& answer) {
  ServiceApp* app = app_of(mint.credential);
  if (app == nullptr) return refuse("the requested key is no longer in the tenants file").error();
  return app->take_answer(mint.proof, std::move(answer));
}

Keyring::Piece Keyring::bulk_target(DestinationId destination) const {
  return around_token(destination, "/?token=", "");
}

Keyring::Piece Keyring::line_opening(DestinationId destination) const {
  return around_token(destination, R"({"token":")", R"(",)");
}

Keyring::Piece Keyring::around_token(DestinationId id, std::string_view before,
                                     std::string_view after) const {
  const Secret& token = token_of(find(id));
  if (!fits_a_url(token)) {
    return refuse("the shipping token is missing or contains a character that no token has");
  }
  return joined(before, token, after);
}

}  // namespace logzio_okta
