// Keyring: the one door for credentials.
//
// The core names a key by its CredentialId and says where a request should go; the keyring knows the bytes
// and the org each key was given for, and checks once more that both belong together before anything is
// handed out. So a `next` link, a redirect or a bug cannot carry a key to another host: what is handed out is
// a finished piece of one request, and only the transports ask for it.
//
//     Keyring keyring;
//     keyring.set_usual(std::move(usual));  // Listener and token, and who gave them.
//     Roster roster = keyring.replace(std::move(tenants.entries));  // At start and on reload.
//     auto header = keyring.authorization(ask.credential, ask.origin);  // A Secret, or why not.
//
// Everything handed out is a Secret and so wiped when the request that carries it is gone. A request on its
// way keeps what it was given, whatever `replace` does meanwhile.
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

/// Where the events of entries go that do not say.
struct UsualDestination {
  Endpoint listener;
  Secret token;
  std::string token_from;  ///< "--token-file": for whoever has to correct it.
  std::string listener_from;
  /// Takes the token out of the options.
  static UsualDestination of(Options& options);
};

class Keyring {
 public:
  /// A piece of a request with the credential in it, or TransportFault::refused_by_us with nothing sent.
  using Piece = std::expected<Secret, TransportError>;

  /// The name of this key for this org. The same key for the same org is the same credential.
  CredentialId add(const Domain& domain, Secret&& key);
  void set_usual(UsualDestination&& usual);
  /// These entries and no others from now on. A key that stays keeps its id, so that the core keeps what it
  /// knows of it; one that left is forgotten and wiped. One spec per domain, domains and their keys in the
  /// entries' order. A destination is a listener and where its token comes from (the usual place, this file,
  /// or these very letters), so that new letters in the same file are the same destination.
  Roster replace(std::vector<TenantEntry>&& entries);
  /// Where deliveries of an event hook go that names this region of the account, or none: with the usual
  /// token.
  DestinationSpec for_hooks(std::string_view region);
  /// The usual token's new letters.
  void set_token(Secret&& token);
  /// Whether this is the usual token; takes a time that depends on the lengths only.
  [[nodiscard]] bool is_token(std::string_view text) const;
  /// Likewise, the accounts of the tenants file whose token this is.
  [[nodiscard]] std::vector<DestinationId> accounts_of(std::string_view text) const;
  /// The destinations whose token has other letters since the last call.
  [[nodiscard]] std::vector<DestinationId> take_changed_tokens();
  /// Nothing is sent there any more. One that replace() or for_hooks() has named meanwhile stays: what names
  /// it is on its way.
  void forget(DestinationId destination);

  /// "Authorization: SSWS <key>", or with the access token of a service app, for a request to this origin,
  /// which must be the key's own org.
  [[nodiscard]] Piece authorization(CredentialId credential, const Origin& origin) const;
  /// Whether what is sent with this credential needs a proof of its own, each time it is sent.
  [[nodiscard]] bool is_service_app(CredentialId credential) const;
  /// "DPoP: <proof>" for one sending of this question; empty where none is needed.
  [[nodiscard]] Piece proof(CredentialId credential, const Origin& origin, std::string_view target,
                            WallTime okta_now) const;
  /// The nonce that an answer to a question names.
  void hear(CredentialId credential, const Headers& headers);

  /// Whether a token request can be proved by now. An RSA key takes its time, on a thread of its own, and is
  /// begun by asking.
  [[nodiscard]] bool can_prove(const MintToken& mint);
  /// The body of a POST to the token endpoint of this origin, and "DPoP: <proof>" for one sending of it; that
  /// one is empty for ProofKind::none. Refused as well before can_prove().
  [[nodiscard]] Piece token_form(const MintToken& mint, WallTime okta_now);
  [[nodiscard]] Piece token_proof(const MintToken& mint, WallTime okta_now) const;
  /// The answer to it: the token stays here.
  [[nodiscard]] MintResult take_token(const MintToken& mint, HttpResult&& answer);
  /// Where a destination's bulks are sent. It is one of those `replace` has named.
  [[nodiscard]] const Endpoint& listener(DestinationId destination) const;
  /// "/?token=<token>": the target of a bulk over HTTP.
  [[nodiscard]] Piece bulk_target(DestinationId destination) const;
  /// `{"token":"<token>",`: how each line begins over TCP, in place of its opening brace.
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
    bool usual = false;  // Its token is the usual one.
    std::string token_file;
    Secret token;
    bool changed = false;    // The token, since this was last asked.
    bool named = false;      // By the newest entries, or for hooks.
    bool for_hooks = false;  // Has been named for them.
  };
  CredentialId add(const TenantEntry& entry, std::unique_ptr<ServiceApp> app);
  CredentialId add_credential(TenantEntry& entry);
  /// Of this credential, if it is for this origin.
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
  std::vector<Destination> destinations_;
  UsualDestination usual_;
  std::uint64_t last_id_ = 0;  // Never reused, so that a late question cannot reach another key.
  std::uint64_t last_destination_ = 0;
};

}  // namespace logzio_okta
