// OktaOrg: one Okta org's System Log API, as strict as the service (docs/okta.md), able to misbehave on
// request.
//
//     OktaOrg org({.base = "https://acme.okta.com"});
//     org.set_key("00key", KeyState::good);
//     org.append({bytes, published, persisted});
//     Answer answer = org.handle({.target = "/api/v1/logs?since=...", .headers = {...}}, now);
//     org.inject(fault::RateLimited{.ahead = 5s}, 1);
//
// What it holds to:
// - Polling (docs/okta.md 1.2): `since` is compared with the moment an event was persisted, inclusively; the
//   order is that of persistence; `self` and `next` always; the next link of an empty page is its self link.
// - A `next` link must come back byte for byte: one that was edited or composed is a misuse and gets 400. So
//   are `until`, DESCENDING and a query without `since`, but for one of a single event: Okta goes back seven
//   days.
// - X-Rate-Limit-* by fixed windows that are not in step with the wall's minutes, shared with the org's other
//   clients; beyond the limit 429 until the window ends (docs/okta.md 4).
// - Everything happens by the org's own clock, which may be far from ours.
// It keeps a record of every request, so that a test can judge the client's behaviour from outside.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"

#include "model/answer.hpp"
#include "model/event_log.hpp"
#include "model/fault.hpp"
#include "model/token_endpoint.hpp"

namespace logzio_okta::model {

struct OrgSettings {
  std::string base = "https://acme.okta.com";  ///< Where it is reached.
  std::string link_base;          ///< How its links begin, where they name another of its hosts than `base`.
  std::string id;                 ///< Served at /.well-known/okta-organization; empty: no such page.
  std::int64_t rate_limit = 120;  ///< Requests per window, all clients together.
  std::int64_t others = 0;        ///< The part other clients spend, evenly over each window.
  Duration window = 60s;
  Duration window_offset = 20s;  ///< How long after the wall clock's minute a window begins.
  Duration clock_skew{};         ///< The org's clock minus ours.
  Duration retention = 90 * 24h;
  bool bounded = false;       ///< Queries with `until` are not a misuse.
  bool gzip = true;           ///< When the client asks for it.
  bool links_joined = false;  ///< One Link header joined by a comma, as some proxies do, instead of two.
  std::string link_suffix = "&trace=a,b%2Cc";  ///< After every link's query: links hold commas and escapes.
  std::size_t page_events_max = 1000;          ///< The most a page holds, whatever is asked for.
  std::size_t records_max = 1'000'000;         ///< Older ones are forgotten; the counters are not.
  std::uint64_t seed = 1;                      ///< For the request ids.
  bool immense_events = false;                 ///< Look for such events (immense_end).
};

enum class KeyState : std::uint8_t { good, revoked, forbidden };

/// One request and what became of it.
struct RequestRecord {
  WallTime at;      ///< By the org's clock.
  WallTime wall;    ///< By ours.
  std::string key;  ///< As sent after "SSWS "; for a token, the client id.
  std::string target;
  std::string user_agent;
  int status = 0;
  bool of_okta = true;    ///< False: an intermediary has answered.
  std::size_t begin = 0;  ///< Where the page begins in the log; it covers `events` events.
  std::size_t events = 0;
  std::optional<WallTime> quiet_until;  ///< By the org's clock: the moment this answer, a 429, named.
  bool in_silence = false;              ///< It came before a moment an earlier answer had named.
  std::string misuse;                   ///< What the client did that it must never do; empty if nothing.
};

struct RequestCounts {
  std::size_t requests = 0;
  std::size_t in_silence = 0;
  std::size_t misuses = 0;
  std::size_t limited = 0;          ///< 429 by a spent window.
  std::int64_t busiest_window = 0;  ///< Most requests we sent in one window.
  std::size_t events_served = 0;    ///< In answers with 200, repeats counted.
};

using OktaFault =
    std::variant<fault::Status, fault::InBetween, fault::Cut, fault::Delay, fault::CloseAfter,
                 fault::RateLimited, fault::ConcurrencyLimited, fault::Redirect, fault::NextLink,
                 fault::NoLink, fault::SameLink, fault::RawLink, fault::Body, fault::TruncatedJson,
                 fault::RepeatEvents, fault::TwiceInPage, fault::ShortPage, fault::SamePage, fault::Endless,
                 fault::GzipBomb, fault::DamagedGzip, fault::NotReallyGzip, fault::HugeHeaders,
                 fault::RefuseCursor, fault::Surplus>;

/// An event that ends in this goes on for more bytes than any client takes: it has no end in the log, and
/// neither has an answer that holds it.
inline constexpr std::string_view immense_end = R"("immense":")";

class OktaOrg {
 public:
  explicit OktaOrg(OrgSettings settings, std::shared_ptr<EventLog> log = std::make_shared<EventLog>());

  void set_key(std::string key, KeyState state) { keys_[std::move(key)] = state; }
  void forget_key(const std::string& key) { keys_.erase(key); }
  void append(LoggedEvent event) { log_->append(std::move(event)); }
  /// From now on it has a token endpoint; before, 404.
  void enable_oauth(Crypto crypto) { oauth_.emplace(std::move(crypto), settings_.base, settings_.seed); }
  [[nodiscard]] TokenEndpoint& oauth() { return *oauth_; }
  /// Faults of the token endpoint only; those of inject() affect only the System Log.
  void inject_token(OktaFault fault, std::size_t times = always) {
    token_faults_.inject(std::move(fault), times, match::any());
  }
  void clear_token_faults() { token_faults_.clear(); }

  [[nodiscard]] Answer handle(const Request& request, WallTime wall);

  void inject(OktaFault fault, std::size_t times = always, Matcher matches = match::any());
  void clear_faults() { faults_.clear(); }

  [[nodiscard]] OrgSettings& settings() { return settings_; }
  [[nodiscard]] EventLog& log() { return *log_; }
  [[nodiscard]] WallTime clock(WallTime wall) const;
  [[nodiscard]] const std::deque<RequestRecord>& records() const { return records_; }
  void forget_records() { records_.clear(); }
  [[nodiscard]] const RequestCounts& counts() const { return counts_; }
  /// By the org's clock: the latest moment a 429 has named.
  [[nodiscard]] std::optional<WallTime> quiet_until() const { return quiet_until_; }

 private:
  /// What a valid query asks for.
  struct Query {
    std::string since;  ///< Decoded, as written.
    std::size_t limit = 100;
    std::string after;                ///< Empty on a first query.
    std::size_t place = 0;            ///< Events before the asked place.
    std::string event_type{};         ///< From the filter, the only kind that is known here.
    std::string q{};                  ///< Bytes an event must hold.
    std::optional<WallTime> until{};  ///< The end of a bounded query.
    WallTime from{};                  ///< `since`, as a moment.
    bool newest = false;              ///< Bounded and descending: the newest event, which nothing follows.

    [[nodiscard]] bool all() const { return event_type.empty() && q.empty() && !until; }
    [[nodiscard]] bool wants(const LoggedEvent& event) const;
    /// What its links hold besides since and limit.
    [[nodiscard]] std::string rest() const;
  };
  /// The events [begin, end) of the log and the links around them.
  struct Page {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string self;
    std::string next;
  };
  struct Served {
    Query query;
    Page page;
  };
  struct RateWindow {
    std::int64_t number = 0;
    std::int64_t asked = 0;    ///< By us, whatever the outcome.
    std::int64_t granted = 0;  ///< Those within the limit.
  };

  [[nodiscard]] Answer tell_id(WallTime at) const;
  [[nodiscard]] const std::string& link_base() const {
    return settings_.link_base.empty() ? settings_.base : settings_.link_base;
  }
  [[nodiscard]] Answer grant_token(const Request& request, WallTime wall);
  [[nodiscard]] Answer honest_answer(const Request& request, RequestRecord& record);
  [[nodiscard]] std::optional<fault::Status> refusal_of_key(const Request& request, RequestRecord& record);
  [[nodiscard]] std::expected<Query, fault::Status> read_query(const Request& request,
                                                               RequestRecord& record) const;
  /// Counts the request into its window; true if the limit has room for it.
  [[nodiscard]] bool spend(RequestRecord& record, Answer& answer);
  [[nodiscard]] Page page_for(const Query& query, WallTime at) const;
  [[nodiscard]] std::string link(const Query& query, std::string_view after) const;
  /// Another link to the same place.
  [[nodiscard]] std::string link_beside(const Query& query, std::size_t place) const;
  /// The events of a page that the query wants.
  [[nodiscard]] std::string json_of(const Query& query, const Page& page) const;

  void fill(Answer& answer, const Page& page, const Request& request, RequestRecord& record);
  void go_on_without_end(Answer& answer, const Page& page) const;
  void set_json(Answer& answer, std::string json, const Request& request) const;
  void set_links(Answer& answer, std::string_view self, std::string_view next) const;
  void apply(const OktaFault& fault, Answer& answer, const Request& request, RequestRecord& record);
  void apply_to_page(const OktaFault& fault, Answer& answer, const Request& request, RequestRecord& record);
  void limit(const fault::RateLimited& fault, Answer& answer, RequestRecord& record);
  void remember(RequestRecord record);

  OrgSettings settings_;
  std::shared_ptr<EventLog> log_;
  std::map<std::string, KeyState> keys_;
  std::optional<TokenEndpoint> oauth_;
  FaultPlan<OktaFault> faults_;
  FaultPlan<OktaFault> token_faults_;
  Random random_;
  RateWindow window_;
  std::optional<WallTime> quiet_until_;
  std::optional<Served> served_;  ///< By the request in hand, for the faults that bend pages.
  std::deque<RequestRecord> records_;
  RequestCounts counts_;
};

}  // namespace logzio_okta::model
