#include "shell/keyring.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

std::unexpected<TransportError> refuse(std::string text) {
  return std::unexpected(
      TransportError{.fault = TransportFault::refused_by_us, .sent = false, .text = std::move(text)});
}

// Reserves exactly, so that no half-built copy is left behind by a growing string.
Secret joined(std::string_view before, const Secret& secret, std::string_view after) {
  const std::string_view bytes = secret.expose();
  std::string text;
  text.reserve(before.size() + bytes.size() + after.size());
  text.append(before).append(bytes).append(after);
  return Secret(std::move(text));
}

// A line break in a key would let whoever wrote it write headers of their own.
bool fits_a_header(const Secret& secret) {
  return !secret.empty() && std::ranges::all_of(secret.expose(), ascii::is_visible);
}

// What stands unescaped in a URL as well as in a JSON string.
bool fits_a_url(const Secret& secret) {
  return !secret.empty() && std::ranges::all_of(secret.expose(), [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_';
  });
}

}  // namespace

CredentialId Keyring::add(const Domain& domain, Secret&& key) {
  const auto known =
      std::ranges::find_if(keys_, [&](const Key& k) { return k.domain == domain && k.bytes.same_as(key); });
  if (known != keys_.end()) return known->id;
  const CredentialId id{++last_id_};
  keys_.push_back({.id = id, .domain = domain, .bytes = std::move(key)});
  return id;
}

std::vector<TenantSpec> Keyring::replace(std::vector<TenantEntry>&& entries) {
  std::vector<TenantSpec> specs;
  for (TenantEntry& entry : entries) {
    const CredentialId id = add(entry.domain, std::move(entry.api_key));
    auto spec = std::ranges::find(specs, entry.domain, &TenantSpec::domain);
    if (spec == specs.end()) {
      specs.push_back({.domain = entry.domain, .credentials = {}});
      spec = std::prev(specs.end());
    }
    if (std::ranges::find(spec->credentials, id) == spec->credentials.end()) spec->credentials.push_back(id);
  }
  std::erase_if(keys_, [&](const Key& key) {
    return std::ranges::none_of(specs, [&](const TenantSpec& spec) {
      return std::ranges::find(spec.credentials, key.id) != spec.credentials.end();
    });
  });
  return specs;
}

void Keyring::set_token(Secret&& token) {
  token_ = std::move(token);
}

bool Keyring::is_token(std::string_view text) const {
  return !token_.empty() && token_.same_as(text);
}

Keyring::Piece Keyring::authorization(CredentialId credential, const Origin& origin) const {
  const auto key = std::ranges::find(keys_, credential, &Key::id);
  if (key == keys_.end()) return refuse("the key asked for is not in the tenants file any more");
  if (key->domain.origin() != origin) {
    return refuse("the key of " + key->domain.name() + " is not for " + origin.text() + ": nothing was sent");
  }
  if (!fits_a_header(key->bytes)) {
    return refuse("the key of " + key->domain.name() +
                  " is empty or holds a character that no API token has: copy it again from Okta");
  }
  return joined("Authorization: SSWS ", key->bytes, "");
}

Keyring::Piece Keyring::bulk_target() const {
  return around_token("/?token=", "");
}

Keyring::Piece Keyring::line_opening() const {
  return around_token(R"({"token":")", R"(",)");
}

Keyring::Piece Keyring::around_token(std::string_view before, std::string_view after) const {
  if (!fits_a_url(token_)) {
    return refuse("the shipping token is missing or holds a character that no token has");
  }
  return joined(before, token_, after);
}

}  // namespace logzio_okta
