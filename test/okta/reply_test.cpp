#include "logzio_okta/okta/reply.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using namespace std::chrono_literals;

namespace {

OktaReply reply_of(int status, Headers headers, std::string body = "") {
  return OktaReply({.status = status, .headers = std::move(headers), .body = std::move(body)});
}

const Origin acme{.scheme = "https", .host = "acme.okta.com", .port = 443};

}  // namespace

TEST_CASE("reply: the headers that decide are read once") {
  const OktaReply reply =
      reply_of(200, {{"date", "Mon, 23 Nov 2026 12:00:00 GMT"},
                     {"X-Rate-Limit-Limit", "120"},
                     {"X-Rate-Limit-Remaining", "119"},
                     {"X-Rate-Limit-Reset", "1795435260"},
                     {"Link", "<https://acme.okta.com/api/v1/logs?limit=1>; rel=\"self\""},
                     {"Link", "<https://acme.okta.com/api/v1/logs?after=7>; rel=\"next\""}});
  REQUIRE(reply.date == parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT"));
  REQUIRE(reply.rate.limit == 120);
  REQUIRE(reply.rate.remaining == 119);
  REQUIRE(reply.rate.reset == WallTime(1'795'435'260s));
  REQUIRE(reply.self == "https://acme.okta.com/api/v1/logs?limit=1");
  REQUIRE(reply.next == "https://acme.okta.com/api/v1/logs?after=7");
  REQUIRE(reply.next_target(acme) == "/api/v1/logs?after=7");
  REQUIRE_FALSE(reply.leads_to_itself());
}

TEST_CASE("reply: what is not there, or is no date, is absent") {
  const OktaReply reply = reply_of(200, {{"Date", "yesterday"}});
  REQUIRE_FALSE(reply.date);
  REQUIRE_FALSE(reply.rate.limit);
  REQUIRE_FALSE(reply.next);
  REQUIRE(reply.leads_to_itself());
  REQUIRE(reply.next_target(acme).error().empty());
}

TEST_CASE("reply: a next link that leaves the org is no target, and says why") {
  const OktaReply reply = reply_of(200, {{"Link", "<https://evil.example/api/v1/logs>; rel=\"next\""}});
  REQUIRE_FALSE(reply.next_target(acme));
  REQUIRE_FALSE(reply.next_target(acme).error().empty());
}

TEST_CASE("reply: Okta is known by its request id, by its errors, and by what only a page has") {
  REQUIRE(reply_of(502, {{"X-Okta-Request-Id", "Yx1"}}).of_okta);
  REQUIRE(reply_of(401, {}, R"({"errorCode":"E0000011","errorSummary":"no"})").of_okta);
  REQUIRE(reply_of(200, {{"Content-Type", "application/json"}}).of_okta);
  REQUIRE(reply_of(200, {{"Link", "</api/v1/logs>; rel=\"self\""}}).of_okta);
  REQUIRE_FALSE(reply_of(200, {{"Content-Type", "text/html"}}).of_okta);
  REQUIRE_FALSE(reply_of(401, {{"X-Okta-Request-Id", ""}}, "<html>").of_okta);
  REQUIRE_FALSE(reply_of(403, {{"Content-Type", "application/json"}}, "{}").of_okta);
  REQUIRE_FALSE(reply_of(302, {{"Link", "</api/v1/logs>; rel=\"self\""}}).of_okta);
}

TEST_CASE("reply: without an answer there is nothing to read") {
  const OktaResult result = read_reply(std::unexpected(TransportError{.fault = TransportFault::cut}));
  REQUIRE_FALSE(result);
  REQUIRE(result.error().fault == TransportFault::cut);
}
