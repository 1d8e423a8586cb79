// Verdict: what an answer of the listener means for the lines of a bulk (docs/logzio.md 2).
//
// Lines are settled by the listener's own 200, by its counts (a JSON object with any of the four), or by the
// peer's end of stream (newline JSON). Any other answer settles nothing and says whether the lines may have
// been taken anyway.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// The peer of a line connection closed its side after ours (or kept it open with our queue empty).
struct LinesTaken {};

/// The shell's result for a bulk.
using BulkResult = std::variant<HttpAnswer, LinesTaken, TransportError>;

namespace verdict {
struct Taken {};
/// The listener's own counts, most often in a 400: some lines may be in, the rest are not, and it does not
/// say which. They need not add up: every line not counted as successful was refused, because a count may be
/// missing, and a line break at the end may be counted as an empty line.
struct PartlyTaken {
  std::size_t lines = 0;             ///< In the bulk.
  std::optional<std::size_t> taken;  ///< How many of these. Nothing if not given, or impossible.
  std::size_t named = 0;             ///< Those it counted as refused, at most `lines`.
  std::string answer;                ///< Its body, printable and bounded, kept with what is set aside.
  /// How many are not in, if it said how many are.
  [[nodiscard]] std::optional<std::size_t> refused() const {
    return taken ? std::optional(lines - *taken) : std::nullopt;
  }
};
struct TooLarge {};      ///< 413: halve.
struct TokenRefused {};  ///< 401: hold everything; "token or region".
/// Try again later, for ever.
struct Retry {
  bool perhaps_taken = false;  ///< True: cut, timeout, 408, 500, 502, 504, and a 2xx or 400 that is not the
                               ///< listener's. False: no connection, 403, 429, 503 and the like.
  bool answered = false;       ///< An HTTP answer came: a refusal, which may be about this very bulk.
  bool timed_out = false;      ///< It was sent, and no answer came in time.
  int status = 0;              ///< 0 without an answer.
  std::optional<Duration> retry_after;
  std::string text;  ///< For the log.
  Urgency urgency = Urgency::lasting;
};
}  // namespace verdict

using Verdict = std::variant<verdict::Taken, verdict::PartlyTaken, verdict::TooLarge, verdict::TokenRefused,
                             verdict::Retry>;

/// Judges the answer to a bulk of `lines` lines.
[[nodiscard]] Verdict judge(const BulkResult& result, std::size_t lines, WallTime wall);

}  // namespace logzio_okta
