// Verdict: what an answer of the listener means for the lines of a bulk (logzio.md section 2, DESIGN of the
// verdicts).
//
// Only a 200 with an empty body, the listener's own 400 with counts that add up, or the peer's end of stream
// (lines) settles anything. Everything else settles nothing and says whether the lines were perhaps taken all
// the same.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/http/message.hpp"

namespace logzio_okta {

/// The peer of a line connection closed its side in answer to ours (or kept it open with our queue empty).
struct LinesTaken {};

/// What the shell brings back for a bulk.
using BulkResult = std::variant<HttpAnswer, LinesTaken, TransportError>;

namespace verdict {
struct Taken {};
/// The listener's 400: `successful` lines are in, the rest is not, and it does not say which.
struct PartlyTaken {
  std::size_t malformed = 0;
  std::size_t oversized = 0;
  std::size_t empty = 0;
  std::size_t successful = 0;
  std::string answer;  ///< Its body, printable and bounded, to be kept with what is set aside.
  [[nodiscard]] std::size_t refused() const { return malformed + oversized + empty; }
};
struct TooLarge {};      ///< 413: halve.
struct TokenRefused {};  ///< 401: hold everything; "token or region".
/// Try again later, for ever.
struct Retry {
  bool perhaps_taken = false;  ///< True: cut, timeout, 408, 500, 502, 504, a 2xx that is not the listener's.
                               ///< False: no connection, 403, 429, 503 and the like.
  bool answered = false;       ///< An HTTP answer came: a refusal, which may be about this very bulk.
  int status = 0;              ///< 0 without an answer.
  std::optional<Duration> retry_after;
  std::string text;  ///< For the log.
  Urgency urgency = Urgency::waits;
};
}  // namespace verdict

using Verdict = std::variant<verdict::Taken, verdict::PartlyTaken, verdict::TooLarge, verdict::TokenRefused,
                             verdict::Retry>;

/// Judges the answer to a bulk of `lines` lines. A 400 whose counts do not add up to `lines` is not the
/// listener's (a proxy's, say): Retry, not taken.
[[nodiscard]] Verdict judge(const BulkResult& result, std::size_t lines, WallTime wall);

}  // namespace logzio_okta
