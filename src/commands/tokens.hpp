// Requests one access token for each service app, for commands that ask Okta independently of the daemon.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/net/trust.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

struct MintedToken {
  std::string why_not;  ///< Including what to do; empty: the keyring has the token.
  std::chrono::milliseconds okta_ahead{0};
};

/// Requests all of them at once and waits until each has arrived or failed.
[[nodiscard]] std::map<CredentialId, MintedToken> mint_tokens(Keyring& keyring, const Trust& trust,
                                                              const Proxy& proxy, const Roster& roster);

}  // namespace logzio_okta
