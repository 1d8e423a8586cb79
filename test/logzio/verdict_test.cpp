#include "logzio_okta/logzio/verdict.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;

namespace {

constexpr WallTime noon{std::chrono::milliseconds(1'795'435'200'000)};

Verdict listener_says(int status, std::string body = "", std::size_t lines = 3, Headers headers = {}) {
  return judge(HttpAnswer{status, std::move(headers), std::move(body)}, lines, noon);
}

verdict::Retry retry(const Verdict& verdict) {
  REQUIRE(std::holds_alternative<verdict::Retry>(verdict));
  const auto& retry = std::get<verdict::Retry>(verdict);
  REQUIRE_FALSE(retry.text.empty());
  REQUIRE(retry.text.find('\n') == std::string::npos);
  return retry;
}

std::optional<verdict::PartlyTaken> partly(std::string body, std::size_t lines) {
  const Verdict verdict = listener_says(400, std::move(body), lines);
  if (const auto* taken = std::get_if<verdict::PartlyTaken>(&verdict)) return *taken;
  REQUIRE_FALSE(retry(verdict).perhaps_taken);
  return std::nullopt;
}

}  // namespace

TEST_CASE("verdict: only a 200 with an empty body is the listener's yes") {
  REQUIRE(std::holds_alternative<verdict::Taken>(listener_says(200)));

  const auto page = retry(listener_says(200, "<html>Sign in to the guest network</html>"));
  REQUIRE(page.perhaps_taken);
  REQUIRE(page.answered);
  REQUIRE_THAT(page.text, Contains("200") && Contains("proxy") && Contains("guest network"));

  for (const int status : {201, 202, 204}) REQUIRE(retry(listener_says(status)).perhaps_taken);
}

TEST_CASE("verdict: a 400 with counts that add up is the listener's, each count optional, in any order") {
  const auto one =
      partly(R"({"malformedLines":1,"successfulLines":230,"oversizedLines":2,"emptyLogLines":1})", 234);
  REQUIRE(one.has_value());
  REQUIRE((one->malformed == 1 && one->oversized == 2 && one->empty == 1 && one->successful == 230));
  REQUIRE(one->refused() == 4);
  REQUIRE_THAT(one->answer, Contains("\"oversizedLines\":2"));

  const auto two = partly(R"({ "oversizedLines":1, "successfulLines":2 })", 3);
  REQUIRE(two.has_value());
  REQUIRE((two->refused() == 1 && two->malformed == 0));

  REQUIRE(partly(R"({"malformedLines":3})", 3).has_value());
}

TEST_CASE("verdict: unknown members beside the counts do no harm, wherever they look like counts") {
  const auto counts = partly(
      R"({"requestId":"x","more":{"malformedLines":9,"list":[1,2]},"n":1.5,"malformedLines":1,"successfulLines":2})",
      3);
  REQUIRE(counts.has_value());
  REQUIRE(counts->malformed == 1);
}

TEST_CASE("verdict: a 400 whose counts do not add up is not the listener's, and nothing was taken") {
  for (const std::string body :
       {"", "{}", "Bad Request", "<html>400</html>", R"({"malformedLines":1,"successfulLines":1})",
        R"({"malformedLines":4})", R"({"malformedLines":1,"successfulLines":2)", R"([{"malformedLines":3}])",
        R"({"malformedLines":"3"})", R"({"malformedLines":-3,"successfulLines":6})",
        R"({"malformedLines":3.0})", R"({"malformedLines":true})", R"({"malformedLines":{"a":3}})",
        R"({"malformedLines":[3]})", R"({"malformedLines":18446744073709551615,"successfulLines":4})",
        R"({"malformedLines":3} {})", "{\"malformedLines\":3,\"x\":\"\xff\"}", "3"}) {
    CAPTURE(body);
    REQUIRE_FALSE(partly(body, 3).has_value());
  }
}

TEST_CASE("verdict: a deeply nested 400 does not exhaust the stack") {
  REQUIRE_FALSE(partly(R"({"x":)" + std::string(200'000, '['), 3).has_value());
}

TEST_CASE("verdict: 401 is the token, 413 the size") {
  REQUIRE(std::holds_alternative<verdict::TokenRefused>(listener_says(401, "Logging token is not valid")));
  REQUIRE(std::holds_alternative<verdict::TooLarge>(listener_says(413)));
}

TEST_CASE("verdict: refusals that name themselves took nothing") {
  for (const int status : {301, 302, 307, 308, 402, 403, 404, 405, 407, 429, 431, 503}) {
    CAPTURE(status);
    const auto answer = retry(listener_says(status));
    REQUIRE_FALSE(answer.perhaps_taken);
    REQUIRE(answer.answered);
    REQUIRE(answer.status == status);
    REQUIRE_THAT(answer.text, Contains(std::to_string(status)));
  }
}

TEST_CASE("verdict: failures that may come after the lines were taken say so") {
  for (const int status : {408, 500, 502, 504, 520}) {
    CAPTURE(status);
    REQUIRE(retry(listener_says(status)).perhaps_taken);
  }
}

TEST_CASE("verdict: Retry-After is honoured, in seconds and as a date") {
  REQUIRE(retry(listener_says(429, "", 3, {{"Retry-After", "17"}})).retry_after == Duration(17s));
  REQUIRE(retry(listener_says(503, "", 3, {{"retry-after", format_http_date(noon + 30s)}})).retry_after ==
          Duration(30s));
  REQUIRE_FALSE(retry(listener_says(503)).retry_after.has_value());
}

TEST_CASE(
    "verdict: an answer's text is quoted without the token that a proxy repeats, printable and bounded") {
  const std::string token = "abcdefghijklmnopABCDEFGHIJKLMNOP";
  const auto proxy =
      retry(listener_says(502, "cannot reach\nhttps://listener.logz.io/?token=" + token + "\x1b[2J"));
  REQUIRE_THAT(proxy.text, !Contains("ABCDEFGH") && Contains("[redacted]") && !Contains("\x1b"));
  REQUIRE(retry(listener_says(500, std::string(100'000, '.'))).text.size() <
          2 * limits::error_text_bytes_max);

  const auto counts = partly(R"({"malformedLines":3,"token":")" + token + "\"}", 3);
  REQUIRE(counts.has_value());
  REQUIRE_THAT(counts->answer, !Contains("ABCDEFGH"));
}

TEST_CASE("verdict: without an answer it depends on whether anything was sent") {
  for (const auto fault :
       {TransportFault::unresolved, TransportFault::unreachable, TransportFault::proxy_refused,
        TransportFault::untrusted, TransportFault::tls_failed, TransportFault::timed_out, TransportFault::cut,
        TransportFault::answer_too_large, TransportFault::refused_by_us}) {
    const auto unsent = retry(judge(TransportError{fault, false, "details"}, 3, noon));
    REQUIRE_FALSE(unsent.perhaps_taken);
    REQUIRE_FALSE(unsent.answered);
    REQUIRE(unsent.status == 0);
    REQUIRE_THAT(unsent.text, Contains("details"));
    REQUIRE(retry(judge(TransportError{fault, true, ""}, 3, noon)).perhaps_taken);
  }
}

TEST_CASE("verdict: lines are taken when the peer ends its side in answer to ours") {
  REQUIRE(std::holds_alternative<verdict::Taken>(judge(LinesTaken{}, 3, noon)));
}
