// Diagnosis: what `check` makes of one answer of each tenant and of the listener. Pure.
//
// The shell asks once and notes what it saw on the way (Sighting); here that becomes a row of short cells and
// findings, each of which ends with what to do. A step that was not reached has an empty cell: only the first
// thing that is wrong on a way is told, since what comes after it cannot be known.
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

/// What was seen on the way to a host and of its answer.
struct Sighting {
  std::string name;         ///< "acme.okta.com": whom it was about, for people.
  std::string proxy;        ///< As people may see it; empty: straight.
  std::string address;      ///< Connected to; of the proxy where there is one; empty if not reached.
  std::string certificate;  ///< Whom it was made for; empty without TLS.
  std::string authority;    ///< Who made it.
  std::optional<WallTime> expires;
  CertificateFault fault = CertificateFault::good;
  bool only_connected = false;  ///< Nothing was asked; `result` is an empty answer if the way is open.
  Duration took{};              ///< Until the answer was whole.
  WallTime at;                  ///< Our clock then.
  HttpResult result;
};

enum class Severity : std::uint8_t {
  warning,        ///< It works all the same.
  failure,        ///< It does not work, out there.
  misconfigured,  ///< It cannot work as it is written.
};

struct Finding {
  Severity severity = Severity::failure;
  std::string subject;  ///< "acme.okta.com", "listener", "configuration", "state", "files".
  std::string step;  ///< "dns", "proxy", "connection", "tls", "http", "key", "role", "clock", "rate limit".
  std::string text;  ///< One line: what is wrong, and what to do.
};

struct TenantDiagnosis {
  std::string domain;
  std::string dns, proxy, tls, http, key, role, clock;  ///< "ok", "FAIL", "-" (not used), or empty.
  std::optional<std::int64_t> rate_limit;
  std::optional<std::int64_t> rate_left;
  std::optional<std::int64_t> rate_of_others;  ///< Spent by others than this request, in Okta's window.
  std::optional<Duration> clock_ahead;         ///< Ours, of Okta's.
  std::optional<WallTime> newest_event;
  Sighting sighting;
  std::vector<Finding> findings;
};

struct ListenerDiagnosis {
  std::string listener;                      ///< "https://listener.logz.io:8071"
  std::string set_by;                        ///< Where listener and token are said, DestinationSpec::set_by.
  std::string dns, proxy, tls, http, token;  ///< As above.
  Sighting sighting;
  std::vector<Finding> findings;
};

/// The one question to a tenant: the newest event of the last week. It is bounded and so no poll; it has no
/// cursor.
[[nodiscard]] std::string newest_event_target(WallTime wall);
inline constexpr Duration newest_event_span = 7 * 24h;

/// `sighting` is of the answer to newest_event_target(); `wall` our clock when it came; `key_place` where the
/// key is ("/etc/.../tenants-credentials.yml:3"), for the cure.
[[nodiscard]] TenantDiagnosis diagnose_tenant(std::string domain, std::string_view key_place,
                                              Sighting sighting, WallTime wall, bool service_app = false);

/// The page on which an org tells everyone its id, which is the same under each of its names.
inline constexpr std::string_view org_page = "/.well-known/okta-organization";
/// `sighting` is of that page. Empty where it tells no id.
[[nodiscard]] std::string org_id_of(const Sighting& sighting);
struct NamedOrg {
  std::string domain;
  std::string id;  ///< Empty: unknown.
};
/// A warning for each org that is followed under two names, and so delivered twice.
[[nodiscard]] std::vector<Finding> find_twins(const std::vector<NamedOrg>& orgs);

/// `sighting` is of the answer to an empty bulk, which ships nothing: a 401 says that the token is not known
/// there, and anything the listener says about the bulk itself comes after it took the token. Over lines, or
/// without a token that could be one, it is of the connection alone. `home`: the listener that took the same
/// token, if another did.
[[nodiscard]] ListenerDiagnosis diagnose_listener(const DestinationSpec& destination, Sighting sighting,
                                                  const std::optional<std::string>& home);
/// Whether the answer says that another region should be tried.
[[nodiscard]] bool is_token_unknown(const Sighting& sighting);
/// Whether the answer says that the token is known.
[[nodiscard]] bool is_token_known(const Sighting& sighting);
/// The other regions' listeners (docs/logzio.md 4), if `host` is one of them; none for a relay.
[[nodiscard]] std::vector<std::string> other_regions(std::string_view host);

}  // namespace logzio_okta
