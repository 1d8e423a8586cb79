// Okta's error answers: {"errorCode","errorSummary","errorLink","errorId","errorCauses"} (docs/okta.md 3).
#pragma once

#include <string>

#include "logzio_okta/base/text.hpp"  // printable(), for whoever quotes such an answer.
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// Whether Okta itself answered, and not something in between (a proxy, a firewall, a captive portal): by its
/// request id, its JSON error, or what only a page has. Whatever answers in its place says nothing about a
/// key, a link or Okta's clock.
[[nodiscard]] bool is_of_okta(const HttpAnswer& answer);

/// One line for the log: "E0000011 Invalid token provided (request id ...)"; for a body that is not Okta's (a
/// load balancer's HTML) its kind and size. Bounded, printable, never more than a hint: decisions go by the
/// status. A body that came with Content-Encoding: gzip is inflated for it.
[[nodiscard]] std::string describe_okta_error(const HttpAnswer& answer);

}  // namespace logzio_okta
