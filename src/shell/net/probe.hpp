// Probe: asks many hosts one question each, all at once, and notes what it saw on the way.
//
//     std::vector<Sighting> seen = probe(questions, trust, proxy);  // In the order of the questions.
//
// For `check` alone: it blocks until the last answer or the last patience is over. It goes the same ways as
// the daemon: the same proxy, the same trust, no redirect, a credential only to where the caller attached it.
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
    connect,       ///< The connection and TLS alone; answered as if by an empty 200.
  };
  Origin origin;
  Kind kind = Kind::get;
  Secret target;         ///< "/path?query"; may hold a credential.
  Secret authorization;  ///< "Authorization: ..."; empty: none.
  Secret proof{};        ///< "DPoP: ..."; empty: none.
};

/// How long one question may take to connect and in all.
inline constexpr Duration probe_connect_patience = 10s;
inline constexpr Duration probe_patience = 40s;  // Above Okta's own 30 s.

[[nodiscard]] std::vector<Sighting> probe(const std::vector<ProbeRequest>& questions, const Trust& trust,
                                          const Proxy& proxy);

}  // namespace logzio_okta
