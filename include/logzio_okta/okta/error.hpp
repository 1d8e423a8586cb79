// Okta's error answers: {"errorCode","errorSummary","errorLink","errorId","errorCauses"} (okta.md section 3).
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// One line for the log: "E0000011 Invalid token provided (request id ...)"; for a body that is not Okta's (a
/// load balancer's HTML) its kind and size. Bounded, printable, never more than a hint: decisions go by the
/// status.
[[nodiscard]] std::string describe_okta_error(const HttpAnswer& answer);

/// Foreign text made fit for a log line: control and non-ASCII bytes replaced, cut to
/// limits::error_text_bytes_max.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace logzio_okta
