// Okta's error answers: {"errorCode","errorSummary","errorLink","errorId","errorCauses"} (docs/okta.md 3).
#pragma once

#include <string>

#include "logzio_okta/base/text.hpp"  // printable(), for whoever quotes such an answer.
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// Whether the body is an error of Okta's API, as a proxy's or a firewall's is not.
[[nodiscard]] bool is_okta_error(const HttpAnswer& answer);

/// One line for the log: "E0000011 Invalid token provided (request id ...)"; for a body that is not Okta's (a
/// load balancer's HTML) its kind and size. Bounded, printable, never more than a hint: decisions go by the
/// status. A body that came with Content-Encoding: gzip is inflated for it.
[[nodiscard]] std::string describe_okta_error(const HttpAnswer& answer);

}  // namespace logzio_okta
