// HookGate: who may deliver to our event hook.
//
// Okta signs nothing; what tells its deliveries from anybody else's is a secret in a header (docs/okta.md 7).
// Let in is who brings the daemon's own shipping token in `logzio_token`, as Logz.io's guide for its own hook
// says, or a secret of --hooks-secrets in `Authorization`; for the orgs of one account only, who brings that
// account's token from the tenants file. Every comparison takes a time that depends on the lengths only, and
// no secret ends the search for the others. A header of ours that comes twice is refused, since a proxy in
// front may have judged the other one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/http/request.hpp"

#include "shell/settings/keyring.hpp"

namespace logzio_okta {

/// Okta's one-time question whether we are its hook. It is answered to anybody, as it gives nothing away;
/// `let_in` tells whether deliveries with the same headers would be.
struct Verification {
  std::string challenge;
  bool let_in = false;
};
/// A load balancer's question whether somebody is here: GET or HEAD of /healthz without a challenge. The
/// answer is 200 and empty, so that it tells a stranger no more than the open port does.
struct HealthProbe {};
struct LetIn {
  std::string region;                   ///< Of the account, in lower case; empty if the request does not say.
  std::vector<DestinationId> accounts;  ///< For whose orgs alone; none: for all.
};
struct TurnedAway {
  HookRefusal kind = HookRefusal::malformed;
  int status = 0;
  std::string_view why;  ///< One line for whoever sent it.
};
using Admission = std::variant<Verification, HealthProbe, LetIn, TurnedAway>;

class HookGate {
 public:
  /// The keyring outlives the gate.
  explicit HookGate(const Keyring& keyring) : keyring_(keyring) {}

  void set_secrets(std::vector<Secret>&& secrets) { secrets_ = std::move(secrets); }
  /// The regions that logzio_region may name; empty: none, so that data stays where the listener is.
  void set_regions(std::vector<std::string> regions) { regions_ = std::move(regions); }
  /// Judges a request by its head.
  [[nodiscard]] Admission judge(const RequestReader& request) const;

 private:
  /// The accounts for whose orgs; empty: for all. Nothing: for nobody.
  [[nodiscard]] std::optional<std::vector<DestinationId>> lets_in(const RequestReader& request) const;

  const Keyring& keyring_;
  std::vector<Secret> secrets_;
  std::optional<std::vector<std::string>> regions_;  ///< Nothing: any.
};

/// The file of --hooks-secrets: one secret a line, of at least 16 visible characters (spaces between them are
/// part of it); empty lines do not count. Adds a warning when every user of the machine can read it. The
/// error names the file and the line and quotes nothing.
[[nodiscard]] Result<std::vector<Secret>> read_hook_secrets(const std::string& path,
                                                            std::vector<std::string>& warnings);

}  // namespace logzio_okta
