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
  return opened;
}

WindowRead Disk::answer(const ReadWindow& request) const {
  WindowRead read{.stream = request.stream, .rows = {}};
  for (auto& [page, row] : view(keys_.at(request.stream)).rows) read.rows.push_back(row);
  std::size_t events = 0;
  auto oldest = read.rows.end();
  while (oldest != read.rows.begin() &&
         events + std::prev(oldest)->events.size() <= limits::window_events_max) {
    events += (--oldest)->events.size();
  }
  read.rows.erase(read.rows.begin(), oldest);
  return read;
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
  stream.rows.erase(stream.rows.begin(), stream.rows.lower_bound(save.rows_from));
  for (const WindowRow& row : save.rows) stream.rows.insert_or_assign(row.page, row);
}

std::vector<Input> Disk::commit() {
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
