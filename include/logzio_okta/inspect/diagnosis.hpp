// Diagnosis: the findings of `check`, from one answer of each tenant and of the listener. Pure.
//
// The shell sends one request and notes what it saw (Sighting); this becomes a row of short cells and
// findings, each of which ends with what to do. A step that was not reached has an empty cell: only the first
// failure of a connection is reported, because the later steps are unknown.
//
//     TenantDiagnosis acme = diagnose_tenant("acme.okta.com", "tenants.yml:3", sighting, wall);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// What was seen of the connection to a host and of its answer.
struct Sighting {
  std::string name;         ///< "acme.okta.com": the host, for people.
  std::string proxy;        ///< Without credentials; empty: a direct connection.
  std::string address;      ///< Connected to; the proxy's, if there is one; empty if not reached.
  std::string certificate;  ///< Its subject; empty without TLS.
  std::string authority;    ///< Its issuer.
  std::optional<WallTime> expires;
  CertificateFault fault = CertificateFault::good;
  bool only_connected = false;  ///< Nothing was sent; `result` is an empty answer if connected.
  Duration took{};              ///< Until the answer was complete.
  WallTime at;                  ///< Our clock then.
  HttpResult result;
};

enum class Severity : std::uint8_t {
  warning,        ///< It works anyway.
  failure,        ///< A remote service does not work.
  misconfigured,  ///< The configuration cannot work.
};

struct Finding {
  Severity severity = Severity::failure;
  std::string subject;  ///< "acme.okta.com", "listener", "configuration", "state", "files".
  std::string step;  ///< "dns", "proxy", "connection", "tls", "http", "key", "role", "clock", "rate limit".
  std::string text;  ///< One line: what is wrong, and what to do.
};

struct TenantDiagnosis {
  std::string domain;
  /// "ok", "FAIL", "-" (not used), or empty. The clock: "ok" or "off".
  std::string dns, proxy, tls, http, key, role, clock;
  std::optional<std::int64_t> rate_limit;
  std::optional<std::int64_t> rate_left;
  std::optional<std::int64_t> rate_of_others;  ///< Spent by other clients, in Okta's window.
  std::optional<Duration> clock_ahead;         ///< Our clock minus Okta's.
  std::optional<WallTime> newest_event;
  Sighting sighting;
  std::vector<Finding> findings;
};

struct ListenerDiagnosis {
  std::string listener;                      ///< "https://listener.logz.io:8071"
  std::string set_by;                        ///< Where listener and token are set, DestinationSpec::set_by.
  std::string dns, proxy, tls, http, token;  ///< As above.
  Sighting sighting;
  std::vector<Finding> findings;
};

/// The request to a tenant: the newest event of the last week. It is bounded, so it is not a poll and has no
/// cursor. `wall`: Okta's clock, once it is known.
[[nodiscard]] std::string newest_event_target(WallTime wall);
inline constexpr Duration newest_event_span = 7 * 24h;

/// `sighting`: of the request for newest_event_target(); `wall`: our clock when the answer came; `key_place`:
/// where the key is ("/etc/.../tenants-credentials.yml:3"), for the cure.
[[nodiscard]] TenantDiagnosis diagnose_tenant(std::string domain, std::string_view key_place,
                                              Sighting sighting, WallTime wall, bool service_app = false);

/// The page on which an org publishes its id, which is the same under all of its names.
inline constexpr std::string_view org_page = "/.well-known/okta-organization";
/// `sighting`: of that page. Empty if it has no id.
[[nodiscard]] std::string org_id_of(const Sighting& sighting);
struct NamedOrg {
  std::string domain;
  std::string id;  ///< Empty: unknown.
};
/// A warning for each org that is followed under two names and therefore delivered twice.
[[nodiscard]] std::vector<Finding> find_twins(const std::vector<NamedOrg>& orgs);

/// `sighting`: of an empty bulk, which ships nothing. A 401 means that the token is unknown there; any
/// complaint about the bulk itself means that the token was accepted. Over newline JSON, or without a
/// plausible token, it is of the connection alone. `home`: another listener that accepted the same token, if
/// any.
[[nodiscard]] ListenerDiagnosis diagnose_listener(const DestinationSpec& destination, Sighting sighting,
                                                  const std::optional<std::string>& home);
/// Whether the answer suggests trying another region.
[[nodiscard]] bool is_token_unknown(const Sighting& sighting);
/// Whether the answer says that the token is known.
[[nodiscard]] bool is_token_known(const Sighting& sighting);
/// The other regions' listeners (docs/logzio.md 4), if `host` is one of them; none for a relay.
[[nodiscard]] std::vector<std::string> other_regions(std::string_view host);

}  // namespace logzio_okta
