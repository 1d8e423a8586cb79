// What to do if no answer came, in the same words in the log, `check` and docs/operating.md; and whether
// anyone has to act.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// The result of checking a server's certificate; `good` also without TLS.
enum class CertificateFault : std::uint8_t { good, expired, not_yet_valid, unknown_ca, wrong_name, other };

/// Whether waiting helps.
enum class Urgency : std::uint8_t {
  waits,    ///< Passes by itself.
  lasting,  ///< May pass by itself; after limits::patience_until_error a person should look.
  now,      ///< Only a person can fix it.
};
[[nodiscard]] Urgency urgency_of(const TransportError& error);

/// Where it happened, for the text.
struct Scene {
  std::string name;  ///< The target: "acme.okta.com".
  bool proxied = false;
  bool cleartext = false;  ///< No TLS, and so never through a proxy.
  int proxy_status = 0;    ///< The proxy's answer to CONNECT; 0: none.
  CertificateFault certificate = CertificateFault::other;
};
/// "correct HTTPS_PROXY": without a full stop; empty if there is nothing to do.
[[nodiscard]] std::string cure_for(TransportFault fault, const Scene& scene);

/// The error's text with its cure.
[[nodiscard]] std::string with_cure(const TransportError& error);

}  // namespace logzio_okta
