// The listener's answer: what settles lines is exactly what the design says, whatever the body.
#include <string>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/verdict.hpp"
#include "logzio_okta/okta/error.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  constexpr int statuses[] = {200, 400, 401, 413, 408, 429, 500, 502, 503, 504, 302, 204};
  const std::size_t drawn = input.below(std::size(statuses) + 1);
  const int status = drawn < std::size(statuses) ? statuses[drawn] : static_cast<int>(input.below(1000));
  const std::size_t lines = 1 + input.below(limits::bulk_lines_max);
  HttpAnswer answer{.status = status, .headers = {}, .body = {}};
  answer.headers.push_back({.name = "Retry-After", .value = std::string(input.line())});
  answer.headers.push_back({.name = "Date", .value = std::string(input.line())});
  if (input.flag()) answer.headers.push_back({.name = "Content-Encoding", .value = "gzip"});
  answer.body = input.rest();

  const Verdict verdict = judge(answer, lines, WallTime(std::chrono::milliseconds(1'795'435'200'000)));
  const bool taken = std::holds_alternative<verdict::Taken>(verdict);
  CHECK(!taken || status == 200);
  CHECK(taken || status != 200 || !answer.body.empty());
  if (taken) CHECK(!answer.body.contains('<') || answer.body.contains('{'));
  CHECK(std::holds_alternative<verdict::TokenRefused>(verdict) == (status == 401));
  CHECK(std::holds_alternative<verdict::TooLarge>(verdict) == (status == 413));
  if (const auto* partly = std::get_if<verdict::PartlyTaken>(&verdict)) {
    CHECK(status == 400 || status == 200);
    CHECK(partly->lines == lines && partly->named <= lines && partly->taken.value_or(0) <= lines);
    CHECK(status == 400 || partly->taken != lines);
    CHECK(partly->refused() == (partly->taken ? std::optional(lines - *partly->taken) : std::nullopt));
    CHECK(answer.body.contains("Line") || answer.body.contains('\\'));
    CHECK(partly->answer.size() <= limits::error_text_bytes_max + 3);
  }
  if (const auto* retry = std::get_if<verdict::Retry>(&verdict)) {
    CHECK(retry->answered && !retry->timed_out && retry->status == status);
    CHECK(retry->perhaps_taken || (status != 200 && status != 400));
    CHECK(!retry->retry_after ||
          (*retry->retry_after >= 0s && *retry->retry_after <= limits::retry_after_max));
    CHECK(!retry->text.empty() && retry->text.size() < 1000);
    for (const char c : retry->text) CHECK(c >= ' ' && c <= '~');
  }
  // The same answer from Okta is described for the log, within bounds.
  const std::string said = describe_okta_error(answer);
  CHECK(said.size() < 1000);
  for (const char c : said) CHECK(c >= ' ' && c <= '~');
  return 0;
}
