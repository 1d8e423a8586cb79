#include "logzio_okta/inspect/log_reader.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/okta/error.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {
namespace {

bool is_relative(const LogReader::Span& span) {
  return std::holds_alternative<SinceAgo>(span.since) ||
         (span.until && std::holds_alternative<SinceAgo>(*span.until));
}

WallTime moment(const Since& since, WallTime now) {
  const auto* ago = std::get_if<SinceAgo>(&since);
  return ago != nullptr ? now - to_ms(ago->ago) : std::get<SinceAt>(since).at;
}

}  // namespace

LogReader::LogReader(Now now, const TenantSpec& spec, const Span& span, const Policy& policy, Random random)
    : domain_(spec.domain),
      query_(spec.query),
      span_(span),
      policy_(policy),
      random_(random),
      org_(now.steady, spec.credentials, policy.rate_share, Random(random_.next()), spec.service_apps),
      target_(clock_target()),
      ask_at_(now.steady),
      last_progress_(now.steady),
      tail_(policy.poll_interval) {
  if (!is_relative(span)) begin(now.wall);
}

// Date has whole seconds: "now" extends to the end of that second.
void LogReader::begin(WallTime okta_now) {
  moments_ = Moments{.since = moment(span_.since, okta_now), .until = std::nullopt};
  target_ = first_target(moments_->since, limits::page_events_max, query_);
  if (!span_.until) return;
  moments_->until = moment(*span_.until, okta_now + 1s);
  target_ += "&until=" + format_rfc3339(*moments_->until);
}

std::optional<MintToken> LogReader::next_mint(Now now) {
  const auto key = done_ ? std::nullopt : org_.mint_due(now, false);
  if (!key) return std::nullopt;
  org_.minting(now, *key);
  mintings_[RequestId{++asks_}] = {*key, now};
  return MintToken{.id = RequestId{asks_},
                   .credential = *key,
                   .origin = domain_.origin(),
                   .proof = org_.mint_of(*key)->proof(),
                   .okta_ahead = org_.offset()};
}

void LogReader::minted(Now now, const TokenAnswer& answer) {
  const auto [key, asked] = mintings_.at(answer.id);
  mintings_.erase(answer.id);
  const WallTime asked_wall = now.wall - to_ms(now.steady - asked.steady);
  const MintEnd end = org_.minted(now, asked_wall, key, answer.result);
  if (end.next == Mint::Next::held || end.next == Mint::Next::again) return;
  if (org_.all_refused()) return give_up(end.text);
  if (span_.until && now.steady >= last_progress_ + limits::once_patience)
    return give_up("no progress for 5 minutes: " + end.text);
  if (trouble_.failed(now.steady, end.text))
    notes_.push_back({.level = Level::warn, .tenant = domain_.name(), .text = end.text + "; retrying"});
}

std::optional<AskOkta> LogReader::next_ask(Now now) {
  if (done_ || asking_ || now.steady < ask_at_) return std::nullopt;
  const auto key = org_.grant(now);
  if (!key) return std::nullopt;
  asking_ = true;
  asked_ = now;
  key_ = *key;
  org_.asked(now, key_);
  ask_ = RequestId{++asks_};
  return AskOkta{.id = ask_,
                 .credential = key_,
                 .origin = domain_.origin(),
                 .target = target_,
                 .okta_ahead = org_.offset()};
}

Instant LogReader::deadline(Now now) const {
  if (done_) return never;
  const Instant mint = org_.next_mint(now, false);
  return asking_ ? mint : std::min(mint, std::max(ask_at_, org_.next_chance(now)));
}

std::vector<std::string_view> LogReader::answered(Now now, OktaAnswer&& answer) {
  CHECK(asking_ && answer.id == ask_);
  asking_ = false;
  // By our clock as it is now: it may have been set since the request.
  const WallTime asked_wall = now.wall - to_ms(now.steady - asked_.steady);
  OktaResult reply = read_reply(std::move(answer.result));
  const Standing standing = org_.answered(now, asked_wall, key_, reply);
  if (!reply || reply->status() != 200) {
    take_failure(now, reply, standing);
    return {};
  }
  const auto taken = reader_.read(reply->answer);
  if (!taken) {
    failed(now, "Okta answered 200 with " + describe_fault(taken.error().fault));
    return {};
  }
  if (!moments_) {
    all_is_well(now);
    begin(org_.clock() ? org_.clock()->wall : now.wall);
    return {};
  }
  return take_page(now, *reply);
}

void LogReader::all_is_well(Now now) {
  static_cast<void>(trouble_.healed(now.steady));
  tries_ = 0;
  last_progress_ = now.steady;
}

std::vector<std::string_view> LogReader::take_page(Now now, const OktaReply& reply) {
  all_is_well(now);
  on_one_line_.clear();
  on_one_line_.reserve(reader_.events().size());
  std::vector<std::string_view> events;
  std::multiset<std::uint64_t> seen;
  const std::vector<Window::Known> lately = recent_.look_up_and_add(reader_.events());
  for (std::size_t i = 0; i < lately.size(); ++i) {
    const EventSlice& event = reader_.events()[i];
    const std::uint64_t hash = hash64(event.bytes);
    seen.insert(hash);
    if (const auto known = repeated_.find(hash); known != repeated_.end()) {
      repeated_.erase(known);
      continue;
    }
    if (lately[i] == Window::Known::yes) continue;
    reached_ = std::max(reached_, event.published_at);
    ++events_;
    if (!event.newline_between) {
      events.push_back(event.bytes);
      continue;
    }
    std::string& line = on_one_line_.emplace_back(event.bytes);
    std::ranges::replace_if(line, [](char c) { return c == '\r' || c == '\n'; }, ' ');
    events.push_back(line);
  }
  const auto next = reply.next_target(domain_.origin());
  if (reply.next && !next) {
    give_up("Okta's next link " + describe_refused_link(next.error()) + " and is not followed");
    return events;
  }
  const bool moved = next && *next != target_ && !reply.leads_to_itself();
  const Tail::Seen tail = tail_.look({.events = reader_.events().size(),
                                      .new_events = events.size(),
                                      .limit = limits::page_events_max,
                                      .moved = moved,
                                      .newest = newest_up_to(now.wall + org_.offset(), reader_.events()),
                                      .date = now.wall + org_.offset()});
  if (span_.until) {
    done_ = !moved || tail == Tail::Seen::end;  // A bounded query has more as long as there is a link.
  } else {
    ask_at_ = now.steady + (tail != Tail::Seen::no || !moved ? policy_.poll_interval : 0s);
  }
  repeated_ = moved ? std::multiset<std::uint64_t>() : std::move(seen);
  if (next) target_ = *next;
  return events;
}

void LogReader::take_failure(Now now, const OktaResult& result, Standing standing) {
  if (!result) return failed(now, with_cure(result.error()));
  if (standing == Standing::renewing || standing == Standing::unproved) {
    ask_at_ = now.steady;
    return;
  }
  const std::string said = std::to_string(result->status()) + " " + describe_okta_error(result->answer);
  if (org_.all_refused()) {
    return give_up("Okta refuses every key of " + domain_.name() + " (" + said +
                   "); put a valid one into the tenants file");
  }
  if (standing == Standing::limited || standing == Standing::crowded) {
    const auto until = org_.quiet_until();
    if (trouble_.failed(now.steady, "429")) {
      notes_.push_back({.level = Level::warn,
                        .tenant = domain_.name(),
                        .text = "Okta's rate limit is reached (429); waiting until " +
                                format_rfc3339(until.value_or(now.wall))});
    }
    return;
  }
  if (standing == Standing::foreign)
    return failed(now, "a proxy or firewall answered in Okta's place: " + said);
  if (result->status() == 404) {
    return give_up("Okta has no System Log under " + domain_.name() + " (" + said +
                   "); if the org was renamed, write its new domain into the tenants file");
  }
  if (result->status() == 400) {
    return give_up("Okta refuses the query (" + said + "); check --filter, --keywords, --since and --until");
  }
  failed(now, "Okta answered " + said);
}

void LogReader::failed(Now now, std::string text) {
  ask_at_ = now.steady + backoff(limits::ask_backoff_base, limits::ask_backoff_max, tries_++, random_);
  if (span_.until && now.steady >= last_progress_ + limits::once_patience) {
    return give_up("no progress for 5 minutes: " + text);
  }
  if (trouble_.failed(now.steady, text))
    notes_.push_back(
        {.level = Level::warn, .tenant = domain_.name(), .text = std::move(text) + "; retrying"});
}

void LogReader::give_up(std::string text) {
  done_ = true;
  failure_ = std::move(text);
}

std::optional<Note> LogReader::next_note() {
  if (notes_.empty()) return std::nullopt;
  Note note = std::move(notes_.front());
  notes_.erase(notes_.begin());
  return note;
}

}  // namespace logzio_okta
