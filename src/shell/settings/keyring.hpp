// Keyring: the only access to credentials.
//
// The core names a key by its CredentialId and a request's destination; the keyring has the bytes and the org
// of each key, and checks again that both match before it hands out anything. So a `next` link, a redirect or
// a bug cannot send a key to another host: the keyring hands out only finished parts of one request, and only
// to the transports.
//
//     Keyring keyring;
//     keyring.set_usual(std::move(usual));  // Listener and token, and where they were set.
//     Roster roster = keyring.replace(std::move(tenants.entries));  // At start and on reload.
//     auto header = keyring.authorization(ask.credential, ask.origin);  // A Secret, or an error.
//
// Everything handed out is a Secret and is therefore wiped when its request ends. A request in flight keeps
// its parts, whatever `replace` does meanwhile.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/config/tenants.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/domain.hpp"

#include "shell/settings/service_app.hpp"

namespace logzio_okta {

/// The destination of entries that do not set one.
struct UsualDestination {
  Endpoint listener;
  Secret token;
  std::string token_from;  ///< "--token-file": for messages.
  std::string listener_from;
  /// Moves the token out of the options.
  static UsualDestination of(Options& options);
};

class Keyring {
 public:
  /// A part of a request with the credential in it, or TransportFault::refused_by_us with nothing sent.
  using Piece = std::expected<Secret, TransportError>;

  /// The id of this key for this org. The same key for the same org has the same id.
  CredentialId add(const Domain& domain, Secret&& key);
  void set_usual(UsualDestination&& usual);
  /// Replaces all entries. A key that stays keeps its id, so that the core keeps its state; one that left is
  /// forgotten and wiped. Returns one spec per domain, with domains and keys in the entries' order. A
  /// destination is identified by its listener and the source of its token (the default, a file, or the
  /// token's value), so that a new token in the same file is the same destination.
  Roster replace(std::vector<TenantEntry>&& entries);
  /// The destination of event hook deliveries that name this region of the account, or none: with the default
  /// token.
  DestinationSpec for_hooks(std::string_view region);
  /// Replaces the default token.
  void set_token(Secret&& token);
  /// Whether this is the default token; the time depends on the lengths only.
  [[nodiscard]] bool is_token(std::string_view text) const;
  /// The same, for the accounts of the tenants file that have this token.
  [[nodiscard]] std::vector<DestinationId> accounts_of(std::string_view text) const;
  /// The destinations whose token has changed since the last call.
  [[nodiscard]] std::vector<DestinationId> take_changed_tokens();
  /// Nothing more is sent there. Ignored if replace() or for_hooks() has named it again meanwhile.
  void forget(DestinationId destination);

  /// "Authorization: SSWS <key>", or with the access token of a service app, for a request to this origin,
  /// which must be the key's own org.
  [[nodiscard]] Piece authorization(CredentialId credential, const Origin& origin) const;
  /// Whether each request with this credential needs its own proof.
  [[nodiscard]] bool is_service_app(CredentialId credential) const;
  /// "DPoP: <proof>" for one sending of this question; empty if none is needed.
  [[nodiscard]] Piece proof(CredentialId credential, const Origin& origin, std::string_view target,
                            WallTime okta_now) const;
  /// Takes the nonce from the answer to a question.
  void hear(CredentialId credential, const Headers& headers);

  /// Whether a token request can be made now, or is refused. Its signature and an RSA key for its proof take
  /// time, in threads of their own, which the first call starts.
  [[nodiscard]] bool prepare(const MintToken& mint, WallTime okta_now);
  /// The body of a POST to the token endpoint of this origin, and "DPoP: <proof>" for one sending of it; the
  /// proof is empty for ProofKind::none. Requires prepare(), once for each form.
  [[nodiscard]] Piece token_form(const MintToken& mint);
  [[nodiscard]] Piece token_proof(const MintToken& mint, WallTime okta_now) const;
  /// Takes the answer to it; the token stays here.
  [[nodiscard]] MintResult take_token(const MintToken& mint, HttpResult&& answer);
  /// The listener for a destination's bulks. The destination must be one that `replace` has named.
  [[nodiscard]] const Endpoint& listener(DestinationId destination) const;
  /// "/?token=<token>": the target of a bulk over HTTP.
  [[nodiscard]] Piece bulk_target(DestinationId destination) const;
  /// `{"token":"<token>",`: replaces the opening brace of each line over TCP.
  [[nodiscard]] Piece line_opening(DestinationId destination) const;

 private:
  struct Key {
    CredentialId id;
    Domain domain;
    Secret bytes;
    std::unique_ptr<ServiceApp> app{};  // Instead of an API key.
  };
  struct Destination {
    DestinationId id;
    Endpoint listener;
    bool usual = false;  // Its token is the default one.
    std::string token_file;
    Secret token;
    bool changed = false;    // The token, since the last call.
    bool named = false;      // By the newest entries, or for hooks.
    bool for_hooks = false;  // It was named for them.
  };
  CredentialId add(const TenantEntry& entry, std::unique_ptr<ServiceApp> app);
  CredentialId add_credential(TenantEntry& entry);
  /// The key of this credential, if it is for this origin.
  [[nodiscard]] std::expected<const Key*, TransportError> key_for(CredentialId credential,
                                                                  const Origin& origin) const;
  [[nodiscard]] ServiceApp* app_of(CredentialId credential) const;
  Destination& destination_of(TenantEntry& entry);
  [[nodiscard]] const Destination& find(DestinationId id) const;
  [[nodiscard]] DestinationSpec describe(const Destination& destination) const;
  [[nodiscard]] DestinationSpec describe(const Destination& destination, const TenantEntry& entry) const;
  [[nodiscard]] const Secret& token_of(const Destination& destination) const;
  [[nodiscard]] Piece around_token(DestinationId id, std::string_view before, std::string_view after) const;

  std::vector<Key> keys_;
  std::vector<std::unique_ptr<ServiceApp>> leaving_;  // Destroying them now would wait for their threads.
  std::vector<Destination> destinations_;
  UsualDestination usual_;
  std::uint64_t last_id_ = 0;  // Never reused, so that a late question cannot get another key.
  std::uint64_t last_destination_ = 0;
};

}  // namespace logzio_okta
