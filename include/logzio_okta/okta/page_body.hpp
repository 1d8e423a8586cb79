// The body of an answer of the System Log, decoded and bounded.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

enum class BodyFault : std::uint8_t { damaged, too_large, not_a_page };
/// "a damaged or cut gzip body"
[[nodiscard]] std::string_view describe_fault(BodyFault fault);

/// Moves the decoded body out of the answer into `body` and the room it has, at most limits::page_bytes_max,
/// or says what is wrong with it. Whether it is a page the cutter tells.
[[nodiscard]] std::expected<void, BodyFault> take_page_body(HttpAnswer& answer, std::string& body);

}  // namespace logzio_okta
