#include "sim/disk.hpp"

#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta::sim {

void Disk::open() {
  crash();
  keys_.clear();
  if (!clean_) {
    spool_.doubt();
    for (auto& [key, stream] : streams_) stream.unclean = true;
  }
  clean_ = false;
}

Opened Disk::answer(const OpenStream& request) {
  keys_[request.stream] = request.key;
  Opened opened{.stream = request.stream, .place = {}, .clean = true, .rows = {}};
  bool known = streams_.contains(request.key);
  for (const Save& save : queue_) known = known || keys_.at(save.stream) == request.key;
  if (!known) return opened;
  const Stream stream = view(request.key);
  opened.place = stream.place;
  opened.clean = !stream.unclean;
  opened.overtaken = stream.overtaken;
  for (const auto& [page, row] : stream.rows) {
    opened.rows.push_back(
        {.page = page, .newest = row.newest, .events = static_cast<std::uint32_t>(row.events.size())});
  }
  opened.recent = newest_rows(stream, limits::recent_events_max);
  if (stream.in_flight_known) {
    opened.in_flight.emplace();
    for (const auto& [page, events] : stream.in_flight)
      opened.in_flight->insert(opened.in_flight->end(), events.begin(), events.end());
  }
  return opened;
}

WindowRead Disk::answer(const ReadWindow& request) const {
  return {.stream = request.stream,
          .rows = newest_rows(view(keys_.at(request.stream)), limits::window_events_max)};
}

std::vector<WindowRow> Disk::newest_rows(const Stream& stream, std::size_t events_max) {
  std::vector<WindowRow> rows;
  for (const auto& [page, row] : stream.rows) rows.push_back(row);
  std::size_t events = 0;
  auto oldest = rows.end();
  while (oldest != rows.begin() && events + std::prev(oldest)->events.size() <= events_max)
    events += (--oldest)->events.size();
  rows.erase(rows.begin(), oldest);
  return rows;
}

Disk::Stream Disk::view(const std::string& key) const {
  const auto found = streams_.find(key);
  Stream stream = found != streams_.end() ? found->second : Stream{};
  for (const Save& save : queue_) {
    if (keys_.at(save.stream) == key) apply(stream, save);
  }
  return stream;
}

void Disk::apply(Stream& stream, const Save& save) {
  stream.unclean = false;
  stream.overtaken = save.overtaken;
  stream.place = save.place;
  if (save.in_flight_from > 0) {
    stream.in_flight.erase(stream.in_flight.begin(), stream.in_flight.lower_bound(save.in_flight_from));
    stream.in_flight_known = true;
  }
  stream.rows.erase(stream.rows.begin(), stream.rows.lower_bound(save.rows_from));
  for (const WindowRow& row : save.rows) stream.rows.insert_or_assign(row.page, row);
}

void Disk::note(NoteInFlight&& note, bool fails) {
  if (fails || !notes_.empty()) return notes_.push_back(std::move(note));
  streams_.at(keys_.at(note.stream)).in_flight.emplace(note.page, std::move(note.events));
}

void Disk::lose_power() {
  for (auto& [key, stream] : streams_) {
    stream.in_flight_known = false;
    stream.in_flight.clear();
  }
}

std::vector<Input> Disk::commit() {
  for (NoteInFlight& note : std::exchange(notes_, {}))
    streams_.at(keys_.at(note.stream)).in_flight.emplace(note.page, std::move(note.events));
  std::map<StreamId, std::uint64_t> newest;
  for (const Save& save : std::exchange(queue_, {})) {
    const std::string& key = keys_.at(save.stream);
    if (on_durable) on_durable(key, save);
    apply(streams_[key], save);
    for (auto& [other, stream] : streams_) {
      if (other != key && !save.overtaken)
        stream.overtaken |= org_of_stream_key(other) == org_of_stream_key(key);
    }
    spool_.apply(key, save);
    newest[save.stream] = save.number;
  }
  std::vector<Input> answers;
  for (const auto& [stream, number] : newest) answers.emplace_back(Saved{.stream = stream, .number = number});
  for (const SpoolEvents& events : std::exchange(spool_queue_, {})) {
    CHECK(streams_.contains(keys_.at(events.stream)));  // Saved before.
    answers.emplace_back(spool_.keep(keys_.at(events.stream), events));
  }
  return answers;
}

std::vector<Spooled> Disk::refuse_spool() {
  std::vector<Spooled> answers;
  for (const SpoolEvents& events : std::exchange(spool_queue_, {})) {
    answers.push_back({.stream = events.stream, .hook = events.hook, .why_not = "disk full"});
  }
  return answers;
}

}  // namespace logzio_okta::sim
