// The body of an answer of the System Log: decoded, cut into events, and bounded in bytes and elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "logzio_okta/http/message.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

enum class BodyFault : std::uint8_t {
  damaged,     ///< Not gzip, or cut.
  encoding,    ///< A Content-Encoding that was not asked for.
  too_large,   ///< More than limits::answer_bytes_max as it came, or limits::page_bytes_max decoded.
  too_many,    ///< More than limits::page_elements_max elements.
  not_a_page,  ///< No array, or not a whole one.
};
/// "a damaged or cut gzip body"
[[nodiscard]] std::string describe_fault(BodyFault fault);

struct UnreadableBody {
  BodyFault fault = BodyFault::not_a_page;
  std::size_t bytes = 0;  ///< Of the decoded body, at least.
};

/// Moves the decoded body out of the answer into `body` and the room it has, and leaves its events in
/// `cutter`; or says what is wrong with it. Then `body` holds what there is; of one that is too large, or has
/// too many elements, the beginning (limits::beginning_bytes_max), which is the same each time.
[[nodiscard]] std::expected<void, UnreadableBody> take_page_body(HttpAnswer& answer, std::string& body,
                                                                 PageCutter& cutter);

}  // namespace logzio_okta
