#include "model/event_log.hpp"

#include <algorithm>
#include <charconv>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"

namespace logzio_okta::model {
namespace {

constexpr std::size_t packed_pages_max = 1024;
constexpr std::size_t packed_events_min = 1000;

}  // namespace

void EventLog::append(LoggedEvent event) {
  CHECK(event.persisted >= seen_at_);
  const auto behind = std::ranges::upper_bound(events_, event.persisted, {}, &LoggedEvent::persisted);
  // Pages ahead of every reader may have been packed by a reader of a shared log whose clock runs ahead.
  if (behind != events_.end()) packed_.clear();
  events_.insert(behind, std::move(event));
}

void EventLog::seen_at(WallTime moment) {
  seen_at_ = std::max(seen_at_, moment);
}

std::size_t EventLog::count_before(WallTime moment) const {
  const auto found = std::ranges::lower_bound(events_, moment, {}, &LoggedEvent::persisted);
  return static_cast<std::size_t>(found - events_.begin());
}

std::size_t EventLog::count_until(WallTime moment) const {
  const auto found = std::ranges::upper_bound(events_, moment, {}, &LoggedEvent::persisted);
  return static_cast<std::size_t>(found - events_.begin());
}

std::string EventLog::cursor_at(std::size_t count) const {
  CHECK(count > 0 && count <= events_.size());
  const WallTime last = events_[count - 1].persisted;
  return std::to_string(last.time_since_epoch().count()) + '_' + std::to_string(count - count_before(last));
}

std::optional<std::size_t> EventLog::place_of(std::string_view cursor) const {
  WallTime::rep ms = 0;
  std::size_t nth = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto [underscore, fault] = std::from_chars(cursor.data(), end, ms);
  if (fault != std::errc() || underscore == end || *underscore != '_') return std::nullopt;
  const auto [rest, nth_fault] = std::from_chars(underscore + 1, end, nth);
  if (nth_fault != std::errc() || rest != end || nth == 0) return std::nullopt;
  const WallTime moment{WallTime::duration(ms)};
  const std::size_t place = count_before(moment) + nth;
  return place <= count_until(moment) ? std::optional(place) : std::nullopt;
}

std::string EventLog::page(std::size_t begin, std::size_t end) const {
  CHECK(begin <= end && end <= events_.size());
  std::size_t bytes = 2;
  for (std::size_t i = begin; i < end; ++i) bytes += events_[i].bytes.size() + 1;
  std::string json;
  json.reserve(bytes);
  json += '[';
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin) json += ',';
    json += events_[i].bytes;
  }
  json += ']';
  return json;
}

std::shared_ptr<const std::string> EventLog::packed_page(std::size_t begin, std::size_t end) {
  const bool keep = end - begin >= packed_events_min;
  if (keep) {
    if (const auto found = packed_.find({begin, end}); found != packed_.end()) return found->second;
  }
  auto packed = std::make_shared<const std::string>(gzip(page(begin, end)));
  if (keep) {
    if (packed_.size() >= packed_pages_max) packed_.clear();
    packed_[{begin, end}] = packed;
  }
  return packed;
}

}  // namespace logzio_okta::model
