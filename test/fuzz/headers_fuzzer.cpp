// Times and limits in the headers of Okta and of the listener, and in the operator's settings: nothing
// overflows, every wait is bounded, and whatever is formatted is read back as the same value.
#include <string>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/http/retry_after.hpp"
#include "logzio_okta/okta/rate_limit.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

namespace {

const WallTime birth = *parse_rfc3339("2026-11-23T12:00:00Z");

void judge_moment(WallTime moment) {
  const std::string text = format_rfc3339(moment);
  CHECK(parse_rfc3339(text) == moment);
  const auto whole = std::chrono::floor<std::chrono::seconds>(moment);
  CHECK(parse_http_date(format_http_date(moment)) == WallTime(whole));
}

void judge_words(std::string_view text) {
  if (const auto moment = parse_rfc3339(text)) judge_moment(*moment);
  if (const auto moment = parse_http_date(text)) judge_moment(*moment);
  if (const auto duration = parse_duration(text)) {
    CHECK(*duration > 0s);
    CHECK(!describe(*duration).empty());
  } else {
    CHECK(!duration.error().text.empty());
  }
  if (const auto since = parse_since(text, birth)) {
    const auto* at = std::get_if<SinceAt>(&*since);
    if (at != nullptr) CHECK(at->at <= birth && birth - at->at <= to_ms(limits::retention));
  }
  if (const auto share = parse_rate_share(text)) CHECK(*share >= 0.05 && *share <= 1);
  static_cast<void>(parse_address(text, "127.0.0.1:9810"));
  static_cast<void>(parse_level(text));
}

/// An org that hears one answer after another keeps within its own bounds.
void hear(Org& org, Now& now, const Headers& headers, int status) {
  const auto key = org.grant(now);
  if (!key) {
    // It may not go silent for longer than the longest wait it knows: all keys refused, or idle ones.
    const Instant chance = org.next_chance(now);
    CHECK(chance > now.steady);
    CHECK(chance <= now.steady + limits::refused_retry_max + limits::rate_wait_max + 2 * limits::rate_window);
    const auto pause = chance - now.steady;
    now.steady += pause;
    now.wall += to_ms(pause);
    return;
  }
  org.asked(now, *key);
  static_cast<void>(
      org.answered(now, now.wall, *key, OktaReply({.status = status, .headers = headers, .body = {}})));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Now now{.steady = Instant(1h), .wall = birth};
  Org org(now.steady, {CredentialId{1}, CredentialId{2}}, 0.5, Random(1));
  for (int answers = 0; answers < 8 && !input.empty(); ++answers) {
    constexpr int statuses[] = {200, 429, 401, 403, 503};
    const int status = statuses[input.below(5)];
    Headers headers;
    for (const char* name :
         {"X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset", "Date", "Retry-After"}) {
      const std::string_view value = input.line();
      judge_words(value);
      if (!value.empty()) headers.push_back({.name = name, .value = std::string(value)});
    }
    const RateLimit rate = read_rate_limit(headers);
    CHECK(rate.limit.value_or(0) >= 0 && rate.remaining.value_or(0) >= 0);
    if (const auto wait = retry_after(headers, now.wall)) {
      CHECK(*wait >= 0s && *wait <= limits::retry_after_max);
    }
    hear(org, now, headers, status);
    // Our own clock may be set at any time.
    if (input.flag()) now.wall += std::chrono::seconds(static_cast<std::int32_t>(input.number()));
  }
  return 0;
}
