#include "logzio_okta/okta/error.hpp"

#include "logzio_okta/base/gzip.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

const std::string invalid_token =
    R"({"errorCode":"E0000011","errorSummary":"Invalid token provided","errorLink":"E0000011",)"
    R"("errorId":"oaeHoFUVN4mTW6hA5yKPBIQiQ","errorCauses":[{"errorSummary":"a cause"}]})";

std::string describe_body(std::string body, Headers headers = {}) {
  return describe_okta_error({.status = 401, .headers = std::move(headers), .body = std::move(body)});
}

}  // namespace

TEST_CASE("okta error: code, summary and the request's id make one line") {
  REQUIRE(describe_body(invalid_token, {{"x-okta-request-id", "Yx1"}}) ==
          "E0000011 Invalid token provided (request id Yx1)");
  REQUIRE(describe_body(invalid_token) ==
          "E0000011 Invalid token provided (request id oaeHoFUVN4mTW6hA5yKPBIQiQ)");
}

TEST_CASE("okta error: only the top level of the answer counts") {
  REQUIRE(describe_body(
              R"({"errorCauses":[{"errorCode":"E1"}],"errorCode":"E2","errorSummary":{"a":"b"}})") == "E2 ");
}

TEST_CASE("okta error: a body that came packed is unpacked for it") {
  REQUIRE(describe_body(gzip(invalid_token), {{"Content-Encoding", "GZIP"}, {"X-Okta-Request-Id", "Yx1"}}) ==
          "E0000011 Invalid token provided (request id Yx1)");
  const std::string bomb = gzip(invalid_token + std::string(1'000'000, ' '));
  REQUIRE(describe_body(bomb, {{"Content-Encoding", "gzip"}}).starts_with("not an answer of Okta's API"));
}

TEST_CASE("okta error: only kind and size of a foreign body are reported") {
  REQUIRE(describe_body("<html>secret</html>", {{"Content-Type", "text/html; charset=utf-8"}}) ==
          "not an answer of Okta's API: text/html; charset=utf-8, 19 bytes");
  REQUIRE(describe_body("") == "an empty answer");
  for (const auto* body :
       {"[]", "{}", "null", "{\"errorCode\":7}", "{\"errorCode\":\"E0000011\"", "\xff\xfe"}) {
    INFO(body);
    REQUIRE(describe_body(body).starts_with("not an answer of Okta's API: no content type, "));
  }
}

TEST_CASE("okta error: a key that the answer repeats is struck out") {
  const std::string key = "00abcDEF-ghi_JKL0123456789mnopqrSTUVwxyz01";
  REQUIRE(describe_body(R"({"errorCode":"E1","errorSummary":"bad header: SSWS )" + key + ", sorry\"}") ==
          "E1 bad header: SSWS [redacted], sorry");
}

TEST_CASE("okta error: whatever comes, the line is printable, bounded and keeps the id") {
  const std::string body =
      R"({"errorCode":"E0000001","errorSummary":"two\nlines\u0007 and )" + std::string(5000, '.') + "\"}";
  const std::string line = describe_body(body, {{"X-Okta-Request-Id", std::string(40, 'i')}});
  REQUIRE(line.starts_with("E0000001 two?lines? and ..."));
  REQUIRE(line.size() <= limits::error_text_bytes_max);
  REQUIRE(line.find("... (request id iii") != std::string::npos);
  REQUIRE_FALSE(describe_body(body, {{"X-Okta-Request-Id", std::string(5000, 'i')}}).contains("request id"));
  REQUIRE_FALSE(describe_body(body, {{"X-Okta-Request-Id", "two\nlines"}}).contains("request id"));
  REQUIRE(describe_body(std::string(1'000'000, '[')).size() < 100);
}

TEST_CASE("okta error: an API key in the place of the request id is not shown") {
  const std::string key = "00abcDEF-ghi_JKL0123456789mnopqrSTUVwxyz01";
  REQUIRE_FALSE(describe_body("{}", {{"X-Okta-Request-Id", key}}).contains("abcDEF"));
}
