#include "logzio_okta/okta/page_body.hpp"

#include <utility>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

bool is_gzip(const HttpAnswer& answer) {
  const auto encoding = find_header(answer.headers, "Content-Encoding");
  return encoding && same_name(*encoding, "gzip");
}

}  // namespace

std::string_view describe_fault(BodyFault fault) {
  switch (fault) {
    case BodyFault::damaged:
      return "a damaged or cut gzip body";
    case BodyFault::too_large:
      return "a body that inflates beyond what is taken";
    case BodyFault::not_a_page:
      return "a body that is not a complete JSON array";
  }
  return "";
}

std::expected<void, BodyFault> take_page_body(HttpAnswer& answer, std::string& body) {
  if (!is_gzip(answer)) {
    body = std::move(answer.body);
    return {};
  }
  const auto inflated = gunzip(answer.body, limits::page_bytes_max, body);
  answer.body = {};
  if (inflated) return {};
  return std::unexpected(inflated.error() == GzipFault::too_large ? BodyFault::too_large
                                                                  : BodyFault::damaged);
}

}  // namespace logzio_okta
