// AppTokens: the access tokens of the service apps, for commands that ask Okta independently of the daemon.
//
//     AppTokens tokens(keyring, trust, proxy, roster);
//     tokens.request();                              // Waits until each has arrived or failed.
//     const AppTokens::Token* token = tokens.of(key);  // nullptr for an API key.
//     if (tokens.ask_again(key, sighting)) { tokens.request(); repeat(key); }
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/inspect/diagnosis.hpp"

#include "shell/net/curl_client.hpp"
#include "shell/net/trust.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

class AppTokens {
 public:
  struct Token {
    std::string why_not{};  ///< Including what to do; empty: the keyring has the token.
    std::chrono::milliseconds okta_ahead{0};
  };

  /// All must outlive it.
  AppTokens(Keyring& keyring, const Trust& trust, const Proxy& proxy, const Roster& roster);

  /// Requests all that are missing, at once.
  void request();
  [[nodiscard]] const Token* of(CredentialId key) const;
  /// What the System Log has answered to a request with this key's token. True: it objects to the token or
  /// its proof in a way that another one may mend, as in the daemon.
  [[nodiscard]] bool ask_again(CredentialId key, const Sighting& seen);

 private:
  struct App {
    const TenantSpec* tenant = nullptr;
    CredentialId id;
    Org org;
    Now asked{};
    bool done = false;
    Token token{};
  };

  [[nodiscard]] Instant advance(std::size_t index);
  void take(const TokenAnswer& answer);

  std::unique_ptr<CurlClient> client_;
  std::vector<App> apps_;
};

}  // namespace logzio_okta
