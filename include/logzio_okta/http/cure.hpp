// What to do when no answer came, in one text for the log, `check` and docs/operating.md; and whether anybody
// has to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// How a server's certificate fared; `good` also where no TLS was spoken.
enum class CertificateFault : std::uint8_t { good, expired, not_yet_valid, unknown_ca, wrong_name, other };

/// What waiting is good for.
enum class Urgency : std::uint8_t {
  waits,    ///< Time heals it.
  lasting,  ///< Time may heal it; after limits::patience_until_error somebody should look.
  now,      ///< Only a person heals it.
};
[[nodiscard]] Urgency urgency_of(const TransportError& error);

/// Where it happened, for the text.
struct Scene {
  std::string name;  ///< "acme.okta.com": where we wanted to go.
  bool proxied = false;
  bool cleartext = false;  ///< No TLS, and so never through a proxy.
  int proxy_status = 0;    ///< The proxy's answer to CONNECT; 0: none.
  CertificateFault certificate = CertificateFault::other;
};
/// "set this machine's clock (NTP)": without a full stop; empty where there is nothing to do.
[[nodiscard]] std::string cure_for(TransportFault fault, const Scene& scene);

/// The error's text with its cure.
[[nodiscard]] std::string with_cure(const TransportError& error);

}  // namespace logzio_okta
