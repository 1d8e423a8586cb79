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

/// Nothing if the 400 is not the listener's own; then the lines are perhaps in.
std::optional<verdict::PartlyTaken> partly(std::string body, std::size_t lines) {
  const Verdict verdict = listener_says(400, std::move(body), lines);
  if (const auto* taken = std::get_if<verdict::PartlyTaken>(&verdict)) return *taken;
  REQUIRE(retry(verdict).perhaps_taken);
  return std::nullopt;
}

}  // namespace

TEST_CASE("verdict: a 200 that is the listener's own is its yes, with an empty body or with a plain one") {
  for (const std::string body :
       {"", "\r\n", "OK", " ok\n", "\"ok\"", "{}", R"({"status":"ok"})", R"({"success":true,"error":null})",
        R"({"malformedLines":0,"successfulLines":3,"oversizedLines":0,"emptyLogLines":0})",
        R"({"successfulLines":3})", R"({"malformedLines":0})",
        R"({"successfulLines":4,"emptyLogLines":0})"}) {
    CAPTURE(body);
    REQUIRE(std::holds_alternative<verdict::Taken>(listener_says(200, body)));
  }
  for (const int status : {201, 202, 204}) REQUIRE(retry(listener_says(status)).perhaps_taken);
}

TEST_CASE("verdict: a 200 of an intermediary settles nothing") {
  for (const std::string body :
       {"<html>Sign in to the guest network</html>", "Please sign in", R"({"status":"error"})", "[]",
        "not ok", R"({"success":false})", R"({"status":"ok","error":"quota"})",
        R"({"login":"https://proxy"})", "null"}) {
    CAPTURE(body);
    const auto page = retry(listener_says(200, body));
    REQUIRE(page.perhaps_taken);
    REQUIRE(page.answered);
    REQUIRE_THAT(page.text, Contains("200") && Contains("proxy"));
  }
}

TEST_CASE("verdict: a 200 with counts of refusals is what the counts say") {
  const Verdict verdict = listener_says(200, R"({"malformedLines":1,"successfulLines":2})");
  REQUIRE(std::holds_alternative<verdict::PartlyTaken>(verdict));
  REQUIRE(std::get<verdict::PartlyTaken>(verdict).refused() == 1U);
}

TEST_CASE("verdict: a 400 with counts is the listener's, each count optional, in any order") {
  const auto one =
      partly(R"({"malformedLines":1,"successfulLines":230,"oversizedLines":2,"emptyLogLines":1})", 234);
  REQUIRE(one.has_value());
  REQUIRE(one->taken == 230U);
  REQUIRE(one->refused() == 4U);
  REQUIRE_THAT(one->answer, Contains("\"oversizedLines\":2"));
  REQUIRE(partly(R"({ "oversizedLines":1, "successfulLines":2 })", 3)->refused() == 1U);
  REQUIRE(partly(R"({"malformedLines":3})", 3)->taken == 0U);
}

TEST_CASE("verdict: counts need not add up; what is not successful was refused") {
  // A count is missing.
  REQUIRE(partly(R"({"successfulLines":2})", 3)->refused() == 1U);
  REQUIRE(partly(R"({"malformedLines":0,"successfulLines":2,"oversizedLines":0})", 3)->refused() == 1U);
  // The line break at the end is counted as a line.
  REQUIRE(partly(R"({"malformedLines":0,"successfulLines":3,"emptyLogLines":1})", 3)->refused() == 0U);
  REQUIRE(partly(R"({"malformedLines":1,"successfulLines":2,"emptyLogLines":1})", 3)->refused() == 1U);
  // All or nothing.
  REQUIRE(partly(R"({"malformedLines":1,"successfulLines":0})", 3)->taken == 0U);
  REQUIRE(partly(R"({"malformedLines":1,"successfulLines":1})", 3)->refused() == 2U);
}

TEST_CASE(
    "verdict: where the listener does not say what it took, nobody knows, and it is its own all the same") {
  for (const std::string body :
       {R"({"malformedLines":1})", R"({"emptyLogLines":1})", R"({"successfulLines":4})",
        R"({"malformedLines":"many"})", R"({"successfulLines":-3,"malformedLines":6})",
        R"({"successfulLines":true})", R"({"successfulLines":{"a":3}})", R"({"successfulLines":[3]})",
        R"({"malformedLines":18446744073709551615,"successfulLines":4})", R"({"successfulLines":2.5})",
        R"({"successfulLines":1e300})", R"({"successfulLines":99999999999999999999})",
        R"({"successfulLines":null})"}) {
    CAPTURE(body);
    const auto counts = partly(body, 3);
    REQUIRE(counts.has_value());
    REQUIRE_FALSE(counts->taken.has_value());
    REQUIRE(counts->named <= 3);
  }
  REQUIRE(partly(R"({"successfulLines":2.0})", 3)->taken == 2U);
  REQUIRE(partly(R"({"successfulLines":"2"})", 3)->taken == 2U);
}

TEST_CASE("verdict: unknown members beside the counts do no harm, wherever they look like counts") {
  const auto counts = partly(
      R"({"requestId":"x","more":{"malformedLines":9,"list":[1,2]},"n":1.5,"malformedLines":1,"successfulLines":2})",
      3);
  REQUIRE(counts.has_value());
  REQUIRE(counts->refused() == 1U);
  REQUIRE(counts->named == 1);
  REQUIRE_FALSE(partly(R"({"more":{"successfulLines":9}})", 3).has_value());
}

TEST_CASE("verdict: any other 400 is not the listener's, and something may have been taken") {
  for (const std::string body :
       {"", "{}", "Bad Request", "<html>400</html>", R"({"malformedLines":1,"successfulLines":2)",
        R"([{"malformedLines":3}])", R"({"malformedLines":3} {})", "{\"malformedLines\":3,\"x\":\"\xff\"}",
        "3", R"({"error":"bad request"})"}) {
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
  for (const int status : {400, 408, 500, 502, 504, 520}) {
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
        TransportFault::answer_too_large, TransportFault::refused_by_us, TransportFault::held_by_us}) {
    const auto unsent = retry(judge(TransportError{fault, false, "details"}, 3, noon));
    REQUIRE_FALSE(unsent.perhaps_taken);
    REQUIRE_FALSE(unsent.answered);
    REQUIRE(unsent.status == 0);
    REQUIRE_THAT(unsent.text, Contains("details"));
    const auto sent = retry(judge(TransportError{fault, true, "details"}, 3, noon));
    REQUIRE(sent.perhaps_taken);
    REQUIRE(sent.timed_out == (fault == TransportFault::timed_out));
  }
}

TEST_CASE("verdict: what needs a person ends with what to do") {
  const auto text = [](const BulkResult& result) { return retry(judge(result, 3, noon)).text; };
  REQUIRE(text(TransportError{.fault = TransportFault::timed_out,
                              .sent = true,
                              .text = "no data from listener.logz.io for 30 s",
                              .cure = "if it persists, check the proxy"}) ==
          "no data from listener.logz.io for 30 s; if it persists, check the proxy");
  REQUIRE_THAT(text(HttpAnswer{.status = 403, .headers = {}, .body = {}}),
               Contains("allow requests to the listener"));
}

TEST_CASE("verdict: what we hold ourselves is not the listener's fault and waits") {
  const auto held =
      retry(judge(TransportError{TransportFault::held_by_us, false, "the state cannot be written"}, 3, noon));
  REQUIRE(held.text == "nothing is sent (the state cannot be written)");
  REQUIRE(held.urgency == Urgency::waits);
}

TEST_CASE("verdict: lines are taken when the peer ends its side in answer to ours") {
  REQUIRE(std::holds_alternative<verdict::Taken>(judge(LinesTaken{}, 3, noon)));
}
