// An access token for each service app, once: for commands that ask Okta beside the daemon.
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
  std::string why_not;  ///< With what to do; empty: the keyring has it.
  std::chrono::milliseconds okta_ahead{0};
};

/// Asks for all of them at once and waits until each is there or is not to be had.
[[nodiscard]] std::map<CredentialId, MintedToken> mint_tokens(Keyring& keyring, const Trust& trust,
                                                              const Proxy& proxy, const Roster& roster);

}  // namespace logzio_okta
