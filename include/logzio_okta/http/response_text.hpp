// The answer of a server as HTTP/1.1 text, head and body.
#pragma once

#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta {

/// `type`: the body's Content-Type. A 204 has no body. Nobody may cache it.
[[nodiscard]] std::string response_text(int status, std::string_view type, std::string_view body,
                                        bool keeps_alive, WallTime now);

}  // namespace logzio_okta
