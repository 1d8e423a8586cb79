#include "logzio_okta/okta/reply.hpp"

#include <utility>

#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/link_header.hpp"
#include "logzio_okta/okta/error.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {
namespace {

bool is_of_okta(const OktaReply& reply) {
  const Headers& headers = reply.answer.headers;
  if (!find_header(headers, "X-Okta-Request-Id").value_or("").empty()) return true;
  if (reply.status() != 200) return is_okta_error(reply.answer);
  // A proxy may have removed the header.
  const std::string kind = ascii::lower(find_header(headers, "Content-Type").value_or(""));
  return kind.contains("json") || reply.self || reply.next;
}

}  // namespace

OktaReply::OktaReply(HttpAnswer given)
    : answer(std::move(given)),
      date(parse_http_date(find_header(answer.headers, "Date").value_or(""))),
      rate(read_rate_limit(answer.headers)),
      next(find_link(answer.headers, "next")),
      self(find_link(answer.headers, "self")),
      of_okta(is_of_okta(*this)) {}

std::expected<std::string, std::string> OktaReply::next_target(const Origin& org) const {
  return next ? admit_next(org, *next) : std::unexpected(std::string());
}

OktaResult read_reply(HttpResult&& result) {
  if (!result) return std::unexpected(std::move(result.error()));
  return OktaReply(std::move(*result));
}

}  // namespace logzio_okta
