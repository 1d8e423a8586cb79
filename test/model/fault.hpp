// Faults a test may ask of a model, and the plan that keeps them.
//
//     org.inject(fault::bad_gateway(), 3);                      // the next three requests
//     org.inject(fault::RefuseCursor{});                        // until clear_faults()
//     org.inject(fault::unauthorized(), always, match::key(k)); // only requests with that key
//
// The model works out its honest answer first; every fault that matches then bends it, in the order they were
// injected. So a delay and a status may be had together.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/answer.hpp"

namespace logzio_okta::model {

using Matcher = std::function<bool(const Request&)>;
inline constexpr std::size_t always = unlimited;

namespace match {
[[nodiscard]] Matcher any();
/// Requests that carry this API key.
[[nodiscard]] Matcher key(std::string key);
/// Requests whose target holds this text, e.g. "after=".
[[nodiscard]] Matcher target(std::string text);
}  // namespace match

namespace fault {

// Faults of both models.

/// This answer instead.
struct Status {
  int status = 500;
  std::string body;
  std::string content_type = "text/html";
  Headers headers;
};
/// This many bytes of the answer, then this ending.
struct Cut {
  std::size_t bytes = 0;
  Ending ending = Ending::fin;
};
/// The answer comes late.
struct Delay {
  Duration time{};
};
/// The answer is whole, then the connection ends, as when a server closes an idle one.
struct CloseAfter {
  Ending ending = Ending::fin;
};

[[nodiscard]] Status bad_gateway();      ///< 502 with a load balancer's HTML.
[[nodiscard]] Status unavailable();      ///< 503 with HTML.
[[nodiscard]] Status proxy_forbidden();  ///< 403 with a proxy's HTML.
[[nodiscard]] std::string html_page(std::string_view title);
[[nodiscard]] Status proxy_bad_request();  ///< 400 with a proxy's HTML.
/// 503 or 429 with Retry-After.
[[nodiscard]] Status retry_after(int status, std::chrono::seconds wait);
/// No answer ever comes.
[[nodiscard]] inline Cut hang() {
  return {.bytes = 0, .ending = Ending::stall};
}

// Faults of Okta.

/// An error body as Okta writes it.
[[nodiscard]] Status okta_error(int status, std::string_view code, std::string_view summary);
[[nodiscard]] Status okta_timeout();       ///< 500 E0000009, Okta's own 30 s.
[[nodiscard]] Status okta_unavailable();   ///< 503 E0000181.
[[nodiscard]] Status okta_forbidden();     ///< 403 E0000006.
[[nodiscard]] Status okta_unauthorized();  ///< 401 E0000011.
/// What the System Log says of a token or its proof (okta.md 5), in WWW-Authenticate.
[[nodiscard]] Status okta_challenge(int status, std::string_view error, std::string_view description);

/// A proxy's or a firewall's page instead of Okta's: none of Okta's headers, and a clock of its own.
struct InBetween {
  int status = 403;
  Duration clock_off{};  ///< How far its clock is from the org's.
};

/// 429 E0000047 as for a spent window.
struct RateLimited {
  enum class Reset : std::uint8_t { honest, missing, garbage, past, absurd };
  Reset reset = Reset::honest;
  std::chrono::seconds ahead{60};  ///< How far away an honest reset is.
};
/// 429 with limit 0 and remaining 0.
struct ConcurrencyLimited {};
/// 302 to this URL.
struct Redirect {
  std::string url;
};
/// The `next` link names this URL.
struct NextLink {
  std::string url;
};
struct NoLink {};    ///< A 200 without any Link header.
struct SameLink {};  ///< `next` equals `self`, whatever the page holds.
/// A Link header of this text.
struct RawLink {
  std::string header;
};
/// A 200 with this body.
struct Body {
  std::string bytes;
  std::string content_type = "application/json";
};
struct TruncatedJson {};  ///< A 200 whose body ends in the midst of an event, complete as far as HTTP knows.
/// The page begins with this many events from before the requested place, as far back as `which` allows them.
struct RepeatEvents {
  std::size_t count = 0;
  std::function<bool(std::string_view)> which{};  ///< By their bytes; without it all of them.
};
/// The page's last event is in it twice, if `which` allows it.
struct TwiceInPage {
  std::function<bool(std::string_view)> which{};
};
/// At most this many events, whatever follows; even with none, the link leads on.
struct ShortPage {
  std::size_t events = 0;
};
/// Every query is answered with the first page, without a Link or with one that does not move.
struct SamePage {
  bool link = false;
};
struct Endless {};  ///< A body that never stops.
/// A gzip body that inflates to this many bytes.
struct GzipBomb {
  std::size_t plain_bytes = std::size_t{1} << 30U;
};
struct DamagedGzip {};    ///< gzip with a broken checksum.
struct NotReallyGzip {};  ///< Content-Encoding: gzip over a plain body.
/// This many bytes of headers.
struct HugeHeaders {
  std::size_t bytes = 128 * std::size_t{1024};
};
/// For every request with `after`.
struct RefuseCursor {
  int status = 400;
};
/// The page holds this many more events than were asked for, as far as the log goes.
struct Surplus {
  std::size_t count = 0;
};

// Faults of the listener.

/// The lines are taken, then this answer is sent instead of the honest one.
struct StoredThen {
  Status status;
};
/// The request is read, and the lines are taken or not; no answer comes, only this ending.
struct Unanswered {
  bool stored = true;
  Ending ending = Ending::fin;
};
/// Only this many bytes of the request's body (or of a line connection) are read, then this ending. 0: closed
/// before reading. Lines complete by then are taken on a line connection, and none of a bulk.
struct CutRequest {
  std::size_t bytes = 0;
  Ending ending = Ending::fin;
};
struct SilentEnd {};  ///< A line connection's end of stream is never answered.

}  // namespace fault

/// Which faults are due, counted down as they are taken.
template <class Fault>
class FaultPlan {
 public:
  void inject(Fault fault, std::size_t times, Matcher matches) {
    rules_.push_back({std::move(fault), times, std::move(matches)});
  }
  void clear() { rules_.clear(); }
  [[nodiscard]] bool empty() const { return rules_.empty(); }

  /// The faults for this request that `wanted` accepts, in the order they were injected.
  template <class Wanted>
  [[nodiscard]] std::vector<Fault> take(const Request& request, Wanted wanted) {
    std::vector<Fault> due;
    for (Rule& rule : rules_) {
      if (!wanted(rule.fault) || !rule.matches(request)) continue;
      due.push_back(rule.fault);
      if (rule.times != always) --rule.times;
    }
    std::erase_if(rules_, [](const Rule& rule) { return rule.times == 0; });
    return due;
  }

 private:
  struct Rule {
    Fault fault;
    std::size_t times;
    Matcher matches;
  };
  std::vector<Rule> rules_;
};

/// Bends an answer as the faults of both models do.
void bend(Answer& answer, const fault::Status& fault);
void bend(Answer& answer, const fault::Cut& fault);
void bend(Answer& answer, const fault::Delay& fault);
void bend(Answer& answer, const fault::CloseAfter& fault);

}  // namespace logzio_okta::model
