// HookGate: decides who may deliver to our event hook.
//
// Okta signs nothing; only a secret in a header distinguishes its deliveries from anybody else's
// (docs/okta.md 7). A request is accepted with the daemon's own shipping token in `logzio_token`, as in
// Logz.io's guide for its own hook, or with a secret from --hooks-secrets in `Authorization`; with the token
// of an account in the tenants file, only for that account's orgs. The time of every comparison depends on
// the lengths only, and a match does not end the search. A header read here that occurs twice is refused,
// because a proxy in front may have checked the other one.
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

/// Okta's one-time verification. Anybody gets the answer, which gives nothing away; `let_in`: whether
/// deliveries with the same headers would be accepted.
struct Verification {
  std::string challenge;
  bool let_in = false;
};
/// A load balancer's health check: GET or HEAD of /healthz without a challenge. The answer is an empty 200,
/// which tells a stranger no more than the open port does.
struct HealthProbe {};
struct LetIn {
  std::string region;                   ///< The account's region, in lower case; empty if not given.
  std::vector<DestinationId> accounts;  ///< Only for the orgs of these; none: for all orgs.
};
struct TurnedAway {
  HookRefusal kind = HookRefusal::malformed;
  int status = 0;
  std::string_view why;  ///< One line for the sender.
};
using Admission = std::variant<Verification, HealthProbe, LetIn, TurnedAway>;

class HookGate {
 public:
  /// The keyring must outlive the gate.
  explicit HookGate(const Keyring& keyring) : keyring_(keyring) {}

  void set_secrets(std::vector<Secret>&& secrets) { secrets_ = std::move(secrets); }
  /// The regions allowed in logzio_region; empty: none, so that data stays in the listener's region.
  void set_regions(std::vector<std::string> regions) { regions_ = std::move(regions); }
  /// Decides by the request's head.
  [[nodiscard]] Admission judge(const RequestReader& request) const;

 private:
  /// The accounts whose orgs are accepted; empty: all orgs. Nothing: refused.
  [[nodiscard]] std::optional<std::vector<DestinationId>> lets_in(const RequestReader& request) const;

  const Keyring& keyring_;
  std::vector<Secret> secrets_;
  std::optional<std::vector<std::string>> regions_;  ///< Nothing: any.
};

/// Reads the file of --hooks-secrets: one secret per line, of at least 16 visible characters (spaces between
/// them are part of it); empty lines are ignored. Adds a warning if every user of the machine can read it.
/// The error names the file and the line and quotes nothing.
[[nodiscard]] Result<std::vector<Secret>> read_hook_secrets(const std::string& path,
                                                            std::vector<std::string>& warnings);

}  // namespace logzio_okta
