// Probe: sends one request to each of many hosts, all at once, and records what it saw.
//
//     std::vector<Sighting> seen = probe(questions, trust, proxy);  // In the order of the questions.
//
// Only for `check`: it blocks until the last answer or timeout. It connects as the daemon does: the same
// proxy, the same trust, no redirects, and each credential goes only to the host the caller attached it to.
#pragma once

#include <string>
#include <vector>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/inspect/diagnosis.hpp"

#include "shell/net/trust.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

struct ProbeRequest {
  enum class Kind : std::uint8_t {
    get,
    post_nothing,  ///< A POST without a body.
    connect,       ///< Only the connection and TLS; the result is an empty 200.
  };
  Origin origin;
  Kind kind = Kind::get;
  Secret target;         ///< "/path?query"; may hold a credential.
  Secret authorization;  ///< "Authorization: ..."; empty: none.
  Secret proof{};        ///< "DPoP: ..."; empty: none.
};

/// How long one request may take to connect and in total.
inline constexpr Duration probe_connect_patience = 10s;
inline constexpr Duration probe_patience = 40s;  // Above Okta's own 30 s.

[[nodiscard]] std::vector<Sighting> probe(const std::vector<ProbeRequest>& questions, const Trust& trust,
                                          const Proxy& proxy);

}  // namespace logzio_okta
