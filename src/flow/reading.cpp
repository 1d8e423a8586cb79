#include "logzio_okta/flow/reading.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {
namespace {

/// Fills in what holds once all of the page is settled.
void weigh(const PageAnswer& answer, const Progress& progress, const Recogniser& recogniser, ReadPage& read) {
  LogPage& page = read.page;
  const bool end = read.tail == Tail::Seen::end;
  if (read.tail != Tail::Seen::no) page.tail_at = answer.okta_now;
  page.unsettled = static_cast<std::uint32_t>(read.batch.events.size());
  page.counts = counts_for(page.unsettled);
  page.passes = page.repeated || recogniser.filtering() ? 0 : page.unsettled;
  if (page.newest) page.watermark = std::min(*page.newest, answer.date);
  page.ends_recovery = recogniser.recovery_ends(end);
  page.ends_doubt = progress.doubt_ends(end, answer.okta_now);
}

}  // namespace

std::uint32_t counts_for(std::size_t events) {
  return static_cast<std::uint32_t>(std::max(events, limits::page_counts_min));
}

ReadPage Reading::read(const PageAnswer& answer, const Origin& origin, Progress& progress,
                       Recogniser& recogniser, EventCounts& counts) {
  const std::size_t events = answer.events.size();
  ReadPage read{
      .batch = {.stream = progress.stream()}, .events = events, .full = events >= answer.asked.limit};
  follow_link(answer, origin, read);
  read.page.repeated = !read.moved && (events > 0 || recogniser.repeating());
  choose(answer, progress, recogniser, counts, read);
  read.news = read.moved || !read.batch.events.empty();
  if (read.why_not.empty()) {
    read.tail = tail_.look({.events = events,
                            .new_events = read.batch.events.size(),
                            .limit = answer.asked.limit,
                            .moved = read.moved && !answer.reply.leads_to_itself(),
                            .newest = newest_up_to(answer.date, answer.events),
                            .date = answer.date});
  }
  all_read_ = all_read_ || read.tail == Tail::Seen::end || after_start_.seen();
  weigh(answer, progress, recogniser, read);
  recogniser.passed(read.page.hashes, read.page.repeated, read.page.ends_recovery);
  return read;
}

// Okta may spell our query differently, so its self link decides whether next leads on.
void Reading::follow_link(const PageAnswer& answer, const Origin& origin, ReadPage& read) {
  const OktaReply& reply = answer.reply;
  read.page.asked = answer.asked.limit;
  read.page.next = answer.asked.target;
  if (reply.next && (read.events == 0 || !reply.leads_to_itself())) {
    auto next = reply.next_target(origin);
    if (next) {
      read.page.next = std::move(*next);
      std::string other = other_name_in(origin, *reply.next);
      if (!other.empty() && !std::exchange(other_name_said_, true)) read.other_name = std::move(other);
    } else {
      read.why_not = std::move(next.error());
    }
  }
  read.moved = read.page.next != answer.asked.target;
}

void Reading::choose(const PageAnswer& answer, Progress& progress, Recogniser& recogniser,
                     EventCounts& counts, ReadPage& read) {
  const std::vector<EventSlice>& events = answer.events;
  LogPage& page = read.page;
  read.batch.events.reserve(events.size());
  page.hashes.reserve(events.size());
  const std::uint32_t in_doubt = progress.doubt_left();
  const WallTime first_start = progress.place().first_start;
  const std::vector<Recogniser::Seen> seen = recogniser.look(events);
  CHECK(seen.size() == events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventSlice& event = events[i];
    ++counts.fetched;
    if (event.will_be_flattened) ++counts.flattened;
    const bool known = seen[i] == Recogniser::Seen::known;
    after_start_.pass(event.published_at, known);
    progress.pass(event, known);
    if (known) {
      ++counts.deduplicated;
      continue;
    }
    const bool doubted = in_doubt > 0 && progress.may_have_been_in_flight(event, answer.date);
    Mark mark;
    mark.backfill = event.published_at && *event.published_at < first_start;
    mark.possible_duplicate = doubted || seen[i] == Recogniser::Seen::perhaps;
    read.batch.events.push_back({.event = &event, .mark = mark, .unfit = answer.unfit});
    page.hashes.push_back(event.hash);
    page.newest = std::max(page.newest, event.published_at);
  }
}

}  // namespace logzio_okta
