#include "model/okta_org.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"

#include "model/query.hpp"

namespace logzio_okta::model {
namespace {

constexpr std::string_view path = "/api/v1/logs";
// A link of ours carries a hash of itself under this name, so that an edited one is known.
constexpr std::string_view seal_name = "seal";
constexpr Duration since_default = 7 * 24h;
constexpr std::string_view org_page = "/.well-known/okta-organization";
constexpr Duration since_max = 180 * 24h;  // E0000053 beyond it (docs/okta.md 1.5).
constexpr std::size_t limit_max = 1000;

std::string epoch_seconds(WallTime time) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

WallTime whole_second(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time);
}

bool accepts_gzip(const Request& request) {
  const auto accepted = find_header(request.headers, "Accept-Encoding");
  return accepted && accepted->contains("gzip");
}

bool is_get_of_logs(const Request& request) {
  const std::string_view target = request.target;
  return request.method == "GET" && target.substr(0, target.find('?')) == path;
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string key_of(const Request& request) {
  static constexpr std::string_view scheme = "SSWS ";
  const auto authorization = find_header(request.headers, "Authorization");
  if (!authorization || !authorization->starts_with(scheme)) return {};
  return std::string(authorization->substr(scheme.size()));
}

/// Consecutive gzip members are one stream (RFC 1952), so a bomb need not be inflated to be built.
std::string gzip_of_spaces(std::size_t plain_bytes) {
  static constexpr std::size_t member_bytes = std::size_t{16} << 20U;
  const std::string member = gzip(std::string(member_bytes, ' '));
  std::string bomb;
  for (std::size_t bytes = 0; bytes < plain_bytes; bytes += member_bytes) bomb += member;
  return bomb;
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

OktaOrg::OktaOrg(OrgSettings settings, std::shared_ptr<EventLog> log)
    : settings_(std::move(settings)), log_(std::move(log)), random_(settings_.seed) {}

void OktaOrg::inject(OktaFault fault, std::size_t times, Matcher matches) {
  faults_.inject(std::move(fault), times, std::move(matches));
}

WallTime OktaOrg::clock(WallTime wall) const {
  return wall + to_ms(settings_.clock_skew);
}

// Served on any of its hosts, without a key and outside every limit.
Answer OktaOrg::tell_id(WallTime at) const {
  Answer answer;
  answer.headers = {{"Date", format_http_date(at)}, {"Content-Type", "application/json"}};
  answer.status = settings_.id.empty() ? 404 : 200;
  if (!settings_.id.empty()) answer.set_body(R"({"id":")" + settings_.id + R"(","pipeline":"idx"})");
  return answer;
}

Answer OktaOrg::handle(const Request& request, WallTime wall) {
  if (request.target == org_page) return tell_id(clock(wall));
  if (request.target.starts_with("/oauth2/") && oauth_) return grant_token(request, wall);
  RequestRecord record;
  record.at = clock(wall);
  record.wall = wall;
  record.key = TokenEndpoint::carries_token(request) && oauth_ ? oauth_->client_of(request) : key_of(request);
  record.target = request.target;
  record.user_agent = find_header(request.headers, "User-Agent").value_or("");
  record.in_silence = quiet_until_ && record.at < *quiet_until_;
  log_->seen_at(record.at);
  served_.reset();

  Answer answer = honest_answer(request, record);
  const auto any = [](const OktaFault&) { return true; };
  for (const OktaFault& fault : faults_.take(request, any)) apply(fault, answer, request, record);
  record.status = answer.status;
  remember(std::move(record));
  return answer;
}

Answer OktaOrg::grant_token(const Request& request, WallTime wall) {
  oauth_->set_base(settings_.base);
  Answer answer = oauth_->handle(request, clock(wall));
  RequestRecord record;
  record.at = clock(wall);
  record.wall = wall;
  served_.reset();
  const auto any = [](const OktaFault&) { return true; };
  for (const OktaFault& fault : token_faults_.take(request, any)) apply(fault, answer, request, record);
  return answer;
}

Answer OktaOrg::honest_answer(const Request& request, RequestRecord& record) {
  Answer answer;
  answer.headers = {{"Date", format_http_date(record.at)},
                    {"Content-Type", "application/json"},
                    {"Server", "nginx"},
                    {"X-Okta-Request-Id", "req" + std::to_string(random_.next())}};
  const bool within_limit = spend(record, answer);
  if (const auto refusal = refusal_of_key(request, record)) {
    bend(answer, *refusal);
  } else if (!within_limit) {
    bend(answer,
         fault::okta_error(429, "E0000047", "API call exceeded rate limit due to too many requests."));
    record.quiet_until = whole_second(WallTime(WallTime::duration(
        (window_.number + 1) * to_ms(settings_.window).count() + to_ms(settings_.window_offset).count())));
    ++counts_.limited;
  } else if (!is_get_of_logs(request)) {
    record.misuse = "not a GET of the System Log";
    bend(answer, fault::okta_error(404, "E0000007", "Not found: Resource not found"));
  } else if (const auto query = read_query(request, record); !query) {
    bend(answer, query.error());
  } else {
    served_ = Served{*query, page_for(*query, record.at)};
    fill(answer, served_->page, request, record);
  }
  return answer;
}

std::optional<fault::Status> OktaOrg::refusal_of_key(const Request& request, RequestRecord& record) {
  if (oauth_ && TokenEndpoint::carries_token(request)) {
    oauth_->set_base(settings_.base);
    return oauth_->refusal_of(request, record.at, record.misuse);
  }
  const auto known = keys_.find(record.key);
  if (known == keys_.end() || known->second == KeyState::revoked) return fault::okta_unauthorized();
  if (known->second == KeyState::forbidden) return fault::okta_forbidden();
  return std::nullopt;
}

bool OktaOrg::spend(RequestRecord& record, Answer& answer) {
  const std::int64_t window = to_ms(settings_.window).count();
  const std::int64_t ms = record.at.time_since_epoch().count() - to_ms(settings_.window_offset).count();
  const std::int64_t number = ms / window;
  if (number != window_.number) window_ = RateWindow{.number = number};
  counts_.busiest_window = std::max(counts_.busiest_window, ++window_.asked);

  const auto known = keys_.find(record.key);
  const bool nobody = known == keys_.end() || known->second == KeyState::revoked;
  if (nobody && (!oauth_ || !oauth_->has_app(record.key))) return true;  // Nobody's budget.
  const std::int64_t others = settings_.others * (ms - number * window) / window;
  const bool room = window_.granted + others < settings_.rate_limit;
  if (room) ++window_.granted;
  const std::int64_t remaining = std::max<std::int64_t>(0, settings_.rate_limit - window_.granted - others);
  const WallTime end{WallTime::duration((number + 1) * window + to_ms(settings_.window_offset).count())};
  answer.set_header("X-Rate-Limit-Limit", std::to_string(settings_.rate_limit));
  answer.set_header("X-Rate-Limit-Remaining", std::to_string(remaining));
  answer.set_header("X-Rate-Limit-Reset", epoch_seconds(end));
  return room;
}

std::expected<OktaOrg::Query, fault::Status> OktaOrg::read_query(const Request& request,
                                                                 RequestRecord& record) const {
  const auto bad = [&](std::string_view code, std::string_view summary, std::string_view misuse) {
    record.misuse = misuse;
    return std::unexpected(fault::okta_error(400, code, summary));
  };
  const Parameters parameters = parameters_of(request.target);
  const auto since = find_parameter(parameters, "since");
  const auto after = find_parameter(parameters, "after");
  const auto until = find_parameter(parameters, "until");
  // Bounded, descending, of one event: what a check asks, and never a poll.
  const bool newest = find_parameter(parameters, "sortOrder") == "DESCENDING" && !after && until &&
                      find_parameter(parameters, "limit") == "1";
  if (until && !newest && !settings_.bounded) return bad("E0000001", "Api validation failed: until", "until");
  if (!newest && find_parameter(parameters, "sortOrder").value_or("ASCENDING") != "ASCENDING") {
    return bad("E0000001", "Api validation failed: sortOrder", "not a polling query");
  }
  const bool only_looks = !since && !after && find_parameter(parameters, "limit") == "1";
  if (!since && !only_looks) return bad("E0000001", "Api validation failed: since", "no since");
  const std::string looked_from = format_rfc3339(record.at - to_ms(since_default));
  const auto from = parse_rfc3339(since.value_or(looked_from));
  if (!from) {
    return bad("E0000030", "Bad request. Invalid date. Dates must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZZ",
               "bad since");
  }
  if (record.at - *from > since_max) {
    return bad("E0000053", "The since parameter is over 180 days prior to the current day.",
               "since too far back");
  }
  Query query{.since = std::string(since.value_or(looked_from)),
              .after = std::string(after.value_or("")),
              .place = 0};
  query.newest = newest;
  if (const auto limit = find_parameter(parameters, "limit")) {
    const auto number = whole_number<std::size_t>(*limit);
    if (!number || *number > limit_max) return bad("E0000001", "Api validation failed: limit", "bad limit");
    query.limit = *number;
  }
  const bool ours = after || find_parameter(parameters, seal_name);
  query.from = *from;
  query.q = find_parameter(parameters, "q").value_or("");
  if (until && !newest) {
    query.until = parse_rfc3339(*until);
    if (!query.until) return bad("E0000001", "Api validation failed: until", "bad until");
  }
  if (const auto filter = find_parameter(parameters, "filter")) {
    constexpr std::string_view known = "eventType eq \"";
    if (!filter->starts_with(known) || !filter->ends_with('"') || filter->size() <= known.size())
      return bad("E0000031", "Invalid search criteria.", "");
    query.event_type = filter->substr(known.size(), filter->size() - known.size() - 1);
  }
  if (ours && link_base() + request.target != link(query, query.after)) {
    return bad("E0000001", "Api validation failed: since and after", "edited link");
  }
  // A bounded query goes by when events were published, wherever they are in the log.
  const auto place = after ? log_->place_of(*after) : query.until ? 0 : log_->count_before(*from);
  if (!place) return bad("E0000001", "Api validation failed: after", "unknown cursor");
  query.place = *place;
  return query;
}

OktaOrg::Page OktaOrg::page_for(const Query& query, WallTime at) const {
  Page page;
  page.begin = query.place;
  page.self = link(query, query.after);
  const std::size_t visible = log_->count_until(at);
  const WallTime kept_from = at - to_ms(settings_.retention);
  // Only from the front: no event is persisted months after it was published.
  while (page.begin < visible && log_->events()[page.begin].published < kept_from) ++page.begin;
  if (query.newest && visible > page.begin) page.begin = visible - 1;
  const std::size_t most = std::min(query.limit, settings_.page_events_max);
  page.end = std::max(page.begin, std::min(page.begin + most, visible));
  if (!query.all()) {
    std::size_t wanted = 0;
    for (page.end = page.begin; page.end < visible && wanted < most; ++page.end)
      wanted += query.wants(log_->events()[page.end]) ? 1U : 0U;
    if (query.until && page.end == visible) return page;  // A bounded answer ends.
  }
  page.next = page.begin == page.end ? page.self : link(query, log_->cursor_at(page.end));
  return page;
}

bool OktaOrg::Query::wants(const LoggedEvent& event) const {
  if (until && (event.published < from || event.published >= *until)) return false;
  if (!event_type.empty() && !event.bytes.contains("\"eventType\":\"" + event_type + "\"")) return false;
  return event.bytes.contains(q);
}

std::string OktaOrg::Query::rest() const {
  std::string rest;
  if (until) rest += "&until=" + percent_encode(format_rfc3339(*until));
  if (!event_type.empty()) rest += "&filter=" + percent_encode("eventType eq \"" + event_type + "\"");
  if (!q.empty()) rest += "&q=" + percent_encode(q);
  return rest;
}

std::string OktaOrg::json_of(const Query& query, const Page& page) const {
  if (query.all()) return log_->page(page.begin, page.end);
  std::string json = "[";
  for (std::size_t i = page.begin; i < page.end; ++i) {
    const LoggedEvent& event = log_->events()[i];
    if (query.wants(event)) json += (json.size() > 1 ? "," : "") + event.bytes;
  }
  return json + "]";
}

std::string OktaOrg::link(const Query& query, std::string_view after) const {
  std::string target = std::string(path) + "?since=" + percent_encode(query.since) +
                       "&sortOrder=ASCENDING&limit=" + std::to_string(query.limit) + query.rest();
  if (!after.empty()) target += "&after=" + std::string(after);
  const std::string seal = std::to_string(hash64(target));
  return link_base() + target + '&' + std::string(seal_name) + '=' + seal + settings_.link_suffix;
}

// A number may be written in more than one way.
std::string OktaOrg::link_beside(const Query& query, std::size_t place) const {
  const std::string cursor = log_->cursor_at(place);
  return link(query, query.after == cursor ? "0" + cursor : cursor);
}

void OktaOrg::fill(Answer& answer, const Page& page, const Request& request, RequestRecord& record) {
  if (!served_->query.all()) {
    set_json(answer, json_of(served_->query, page), request);
  } else if (settings_.gzip && accepts_gzip(request)) {
    answer.body = log_->packed_page(page.begin, page.end);
    answer.set_header("Content-Encoding", "gzip");
  } else {
    answer.set_body(log_->page(page.begin, page.end));
  }
  if (settings_.immense_events && served_->query.all()) go_on_without_end(answer, page);
  set_links(answer, page.self, page.next);
  record.begin = page.begin;
  record.events = page.end - page.begin;
}

void OktaOrg::go_on_without_end(Answer& answer, const Page& page) const {
  for (std::size_t i = page.begin; i < page.end; ++i) {
    if (!log_->events()[i].bytes.ends_with(immense_end)) continue;
    std::string json = log_->page(page.begin, i + 1);
    json.pop_back();
    answer.remove_header("Content-Encoding");
    answer.set_body(json.append(limits::beginning_bytes_max, 'x'));
    answer.delivery.endless = true;
    return;
  }
}

void OktaOrg::set_json(Answer& answer, std::string json, const Request& request) const {
  const bool packed = settings_.gzip && accepts_gzip(request);
  answer.remove_header("Content-Encoding");
  if (packed) answer.set_header("Content-Encoding", "gzip");
  answer.set_body(packed ? gzip(json) : std::move(json));
}

void OktaOrg::set_links(Answer& answer, std::string_view self, std::string_view next) const {
  const std::string to_self = "<" + std::string(self) + ">; rel=\"self\"";
  const std::string to_next = "<" + std::string(next) + ">; rel=\"next\"";
  answer.remove_header("Link");
  if (next.empty()) {
    answer.headers.push_back({"link", to_self});
  } else if (settings_.links_joined) {
    answer.headers.push_back({"Link", to_self + ", " + to_next});
  } else {
    answer.headers.push_back({"link", to_self});
    answer.headers.push_back({"link", to_next});
  }
}

void OktaOrg::apply(const OktaFault& fault, Answer& answer, const Request& request, RequestRecord& record) {
  // Okta does not change the answer of an intermediary; only the network still does.
  const bool by_the_network = std::holds_alternative<fault::Cut>(fault) ||
                              std::holds_alternative<fault::Delay>(fault) ||
                              std::holds_alternative<fault::CloseAfter>(fault);
  if (!record.of_okta && !by_the_network) return;
  std::visit(
      Overloaded{
          [&](const fault::Status& status) { bend(answer, status); },
          [&](const fault::InBetween& page) {
            bend(answer, fault::Status{.status = page.status,
                                       .body = fault::html_page("Blocked by policy"),
                                       .headers = {{"Server", "squid"}}});
            for (const char* name :
                 {"X-Okta-Request-Id", "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"})
              answer.remove_header(name);
            answer.remove_header("DPoP-Nonce");
            answer.set_header("Date", format_http_date(record.at + to_ms(page.clock_off)));
            record.of_okta = false;
            record.events = 0;
            record.quiet_until.reset();
          },
          [&](const fault::Cut& cut) { bend(answer, cut); },
          [&](const fault::Delay& delay) { bend(answer, delay); },
          [&](const fault::CloseAfter& close) { bend(answer, close); },
          [&](const fault::RateLimited& limited) { limit(limited, answer, record); },
          [&](const fault::ConcurrencyLimited&) {
            limit({.reset = fault::RateLimited::Reset::honest, .ahead = 114s}, answer, record);
            answer.set_header("X-Rate-Limit-Limit", "0");
            answer.set_header("X-Rate-Limit-Remaining", "0");
            record.quiet_until.reset();  // "The reset is only a suggested value."
          },
          [&](const fault::Redirect& redirect) {
            bend(answer, fault::Status{.status = 302, .body = {}, .headers = {{"Location", redirect.url}}});
          },
          [&](const fault::HugeHeaders& huge) {
            for (std::size_t bytes = 0; bytes < huge.bytes; bytes += 1000) {
              answer.headers.push_back({"X-Padding", std::string(1000, 'x')});
            }
          },
          [&](const fault::RefuseCursor& refuse) {
            if (!request.target.contains("after=")) return;
            bend(answer, fault::okta_error(refuse.status, "E0000001", "Api validation failed: after"));
          },
          [&](const fault::Endless&) {
            answer.remove_header("Content-Encoding");
            answer.set_body(std::string(std::size_t{64} << 10U, ' '));
            answer.delivery.endless = true;
          },
          [&](const auto&) {
            if (served_) apply_to_page(fault, answer, request, record);
          },
      },
      fault);
}

void OktaOrg::apply_to_page(const OktaFault& fault, Answer& answer, const Request& request,
                            RequestRecord& record) {
  Page& page = served_->page;
  const auto plain = [&] { return json_of(served_->query, page); };
  std::visit(Overloaded{
                 [&](const fault::NextLink& link) { set_links(answer, page.self, link.url); },
                 [&](const fault::NoLink&) { answer.remove_header("Link"); },
                 [&](const fault::SameLink&) { set_links(answer, page.self, page.self); },
                 [&](const fault::RawLink& raw) {
                   answer.remove_header("Link");
                   answer.set_header("Link", raw.header);
                 },
                 [&](const fault::Body& body) {
                   set_json(answer, body.bytes, request);
                   answer.set_header("Content-Type", body.content_type);
                 },
                 [&](const fault::TruncatedJson&) {
                   std::string json = plain();
                   json.resize(json.size() - std::min<std::size_t>(10, json.size() / 2));
                   set_json(answer, std::move(json), request);
                 },
                 [&](const fault::RepeatEvents& repeat) {
                   const auto& events = log_->events();
                   for (std::size_t i = 0; i < repeat.count && page.begin > 0; ++i, --page.begin) {
                     const LoggedEvent& before = events[page.begin - 1];
                     if (repeat.which && !repeat.which(before.bytes)) break;
                     if (before.persisted < served_->query.from) break;
                   }
                   page.end = std::min(page.end, page.begin + served_->query.limit);
                   const std::string& self = page.self;
                   page.next = page.end == 0 ? self : link(served_->query, log_->cursor_at(page.end));
                   fill(answer, page, request, record);
                 },
                 [&](const fault::Surplus& surplus) {
                   if (!served_->query.all()) return;
                   // Only the beginning is read, and from that nobody could tell such a page from its event.
                   const bool hidden = settings_.immense_events && served_->query.limit == 1 &&
                                       page.begin < page.end &&
                                       log_->events()[page.begin].bytes.ends_with(immense_end);
                   if (hidden) return;
                   page.end = std::min(page.end + surplus.count, log_->count_until(record.at));
                   if (page.end > page.begin) page.next = link(served_->query, log_->cursor_at(page.end));
                   fill(answer, page, request, record);
                 },
                 [&](const fault::TwiceInPage& twice) {
                   if (page.begin == page.end || !served_->query.all()) return;
                   const std::string& last = log_->events()[page.end - 1].bytes;
                   if (twice.which && !twice.which(last)) return;
                   std::string json = plain();
                   json.insert(json.size() - 1, "," + last);
                   set_json(answer, std::move(json), request);
                 },
                 [&](const fault::ShortPage& brief) {
                   if (page.next.empty() || (brief.events > 0 && page.end - page.begin <= brief.events))
                     return;
                   if (brief.events == 0 && page.begin == 0) return;  // No cursor leads there.
                   page.end = page.begin + brief.events;
                   // Only repeats may be left of it; more follows, so the link leads on.
                   page.next = link_beside(served_->query, page.end);
                   fill(answer, page, request, record);
                 },
                 [&](const fault::SamePage& same) {
                   const auto since = parse_rfc3339(served_->query.since);
                   page.begin = log_->count_before(since.value_or(WallTime::min()));
                   page.end = std::min(page.begin + served_->query.limit, log_->count_until(record.at));
                   page.next = page.self;
                   fill(answer, page, request, record);
                   if (!same.link) answer.remove_header("Link");
                 },
                 [&](const fault::GzipBomb& bomb) {
                   answer.set_header("Content-Encoding", "gzip");
                   answer.set_body(gzip_of_spaces(bomb.plain_bytes));
                 },
                 [&](const fault::DamagedGzip&) {
                   std::string packed = gzip(plain());
                   packed[packed.size() - 6] =
                       static_cast<char>(packed[packed.size() - 6] ^ 1);  // In its checksum.
                   answer.set_header("Content-Encoding", "gzip");
                   answer.set_body(std::move(packed));
                 },
                 [&](const fault::NotReallyGzip&) {
                   answer.set_header("Content-Encoding", "gzip");
                   answer.set_body(plain());
                 },
                 [&](const auto&) {},  // Done by apply().
             },
             fault);
}

void OktaOrg::limit(const fault::RateLimited& fault, Answer& answer, RequestRecord& record) {
  using Reset = fault::RateLimited::Reset;
  bend(answer, fault::okta_error(429, "E0000047", "API call exceeded rate limit due to too many requests."));
  answer.set_header("X-Rate-Limit-Limit", std::to_string(settings_.rate_limit));
  answer.set_header("X-Rate-Limit-Remaining", "0");
  switch (fault.reset) {
    case Reset::honest:
      record.quiet_until = whole_second(record.at + fault.ahead);
      answer.set_header("X-Rate-Limit-Reset", epoch_seconds(*record.quiet_until));
      break;
    case Reset::missing:
      answer.remove_header("X-Rate-Limit-Reset");
      break;
    case Reset::garbage:
      answer.set_header("X-Rate-Limit-Reset", "soon");
      break;
    case Reset::past:
      answer.set_header("X-Rate-Limit-Reset", epoch_seconds(record.at - 1h));
      break;
    case Reset::absurd:
      answer.set_header("X-Rate-Limit-Reset", "99999999999");
      break;
  }
}

void OktaOrg::remember(RequestRecord record) {
  ++counts_.requests;
  if (record.in_silence) ++counts_.in_silence;
  if (!record.misuse.empty()) ++counts_.misuses;
  if (record.status == 200) counts_.events_served += record.events;
  if (record.quiet_until)
    quiet_until_ = std::max(quiet_until_.value_or(WallTime::min()), *record.quiet_until);
  records_.push_back(std::move(record));
  if (records_.size() > settings_.records_max) records_.pop_front();
}

}  // namespace logzio_okta::model
