// Okta's error answers: {"errorCode","errorSummary","errorLink","errorId","errorCauses"} (docs/okta.md 3).
#pragma once

#include <string>

#include "logzio_okta/base/text.hpp"  // printable(), for code that quotes such an answer.
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// Whether the body is an error of Okta's API, not of a proxy or a firewall.
[[nodiscard]] bool is_okta_error(const HttpAnswer& answer);

/// Its X-Okta-Request-Id, which Okta's support asks for; empty if it has none that could be one.
[[nodiscard]] std::string request_id_of(const Headers& headers);

/// One line for the log: "E0000011 Invalid token provided (request id ...)"; for a body that is not Okta's (a
/// load balancer's HTML), its type and size. Bounded, printable, and only informative: decisions go by the
/// status. A gzip body is inflated first.
[[nodiscard]] std::string describe_okta_error(const HttpAnswer& answer);

}  // namespace logzio_okta
