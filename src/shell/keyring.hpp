// Keyring: the one door for credentials.
//
// The core names a key by its CredentialId and says where a request should go; the keyring knows the bytes
// and the org each key was given for, and checks once more that both belong together before anything is
// handed out. So a `next` link, a redirect or a bug cannot carry a key to another host: what is handed out is
// a finished piece of one request, and only the transports ask for it.
//
//     Keyring keyring;
//     std::vector<TenantSpec> specs = keyring.replace(std::move(tenants.entries));  // At start and on
//     reload. keyring.set_token(std::move(token)); auto header = keyring.authorization(ask.credential,
//     ask.origin);  // A Secret, or why not.
//
// Everything handed out is a Secret and so wiped when the request that carries it is gone. A request on its
// way keeps what it was given, whatever `replace` does meanwhile.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/config/tenants.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

class Keyring {
 public:
  /// A piece of a request with the credential in it, or TransportFault::refused_by_us with nothing sent.
  using Piece = std::expected<Secret, TransportError>;

  /// The name of this key for this org. The same key for the same org is the same credential.
  CredentialId add(const Domain& domain, Secret&& key);
  /// These entries and no others from now on. A key that stays keeps its id, so that the core keeps what it
  /// knows of it; one that left is forgotten and wiped. One spec per domain, domains and their keys in the
  /// entries' order.
  std::vector<TenantSpec> replace(std::vector<TenantEntry>&& entries);
  void set_token(Secret&& token);
  /// Whether this is the shipping token; takes a time that depends on the lengths only.
  [[nodiscard]] bool is_token(std::string_view text) const;

  /// "Authorization: SSWS <key>" for a request to this origin, which must be the key's own org.
  [[nodiscard]] Piece authorization(CredentialId credential, const Origin& origin) const;
  /// "/?token=<token>": the target of a bulk over HTTP.
  [[nodiscard]] Piece bulk_target() const;
  /// `{"token":"<token>",`: how each line begins over TCP, in place of its opening brace.
  [[nodiscard]] Piece line_opening() const;

 private:
  struct Key {
    CredentialId id;
    Domain domain;
    Secret bytes;
  };
  [[nodiscard]] Piece around_token(std::string_view before, std::string_view after) const;

  std::vector<Key> keys_;
  Secret token_;
  std::uint64_t last_id_ = 0;  // Never reused, so that a late question cannot reach another key.
};

}  // namespace logzio_okta
