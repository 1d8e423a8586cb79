#include "model/spool.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta::model {

Spooled Spool::keep(const std::string& key, const SpoolEvents& events) {
  Spooled answer{.stream = events.stream, .hook = events.hook, .kept = true, .why_not = {}};
  std::array<Row, 2> made;  // One for new events, one for known events with other bytes.
  for (const SpoolEvents::Event& event : events.events) {
    const auto [known, fresh] = seen_.try_emplace({key, event.hash.uuid}, event.hash.bytes);
    if (!fresh && known->second == event.hash.bytes) {
      ++answer.duplicates;
      continue;
    }
    known->second = event.hash.bytes;
    Row& row = made[fresh ? 0 : 1];
    row.events += (row.events.empty() ? "[" : ",") + event.bytes;
    row.marked = !fresh;
    ++row.count;
  }
  for (Row& row : made) {
    if (row.count == 0) continue;
    row.number = answer.newest = ++made_;
    row.events += "]";
    row.at = events.at;
    row.source = events.source;
    row.event_id = events.event_id;
    row.event_time = events.event_time;
    row.key = key;
    answer.events += row.count;
    answer.bytes += spool_bytes_charged(row.text_bytes(), row.count);
    rows_.push_back(std::move(row));
  }
  return answer;
}

SpoolRead Spool::read(const std::string& key, const ReadSpool& request) const {
  SpoolRead read{.stream = request.stream, .rows = {}};
  std::size_t bytes = 0;
  for (const Row& row : rows_) {
    if (row.key != key || row.number <= request.after) continue;
    if (read.rows.size() == request.rows_max || bytes >= request.bytes_max) break;
    read.rows.push_back(row);
    bytes += row.events.size();
  }
  return read;
}

void Spool::apply(const std::string& key, const Save& save) {
  std::erase_if(rows_, [&](const Row& row) { return row.key == key && row.number <= save.spool_settled; });
  for (Row& row : rows_) row.marked = row.marked || (row.key == key && row.number <= save.spool_doubted);
}

void Spool::doubt() {
  std::map<std::string, std::size_t> places;
  for (Row& row : rows_) {
    if (places[row.key]++ < limits::spool_rows_unsettled_max) row.marked = true;
  }
}

SpoolFound Spool::found(const DestinationSpec& destination) const {
  std::map<std::string, SpoolFound::Stream> streams;
  for (const Row& row : rows_) {
    const auto route = HookRoute::of_key(row.key);
    if (!route) continue;
    SpoolFound::Stream& stream =
        streams
            .try_emplace(row.key,
                         SpoolFound::Stream{.route = *route, .destination = destination, .oldest = row.at})
            .first->second;
    stream.newest = row.number;
    stream.events += row.count;
    stream.bytes += spool_bytes_charged(row.text_bytes(), row.count);
  }
  SpoolFound found;
  for (auto& [key, stream] : streams) found.streams.push_back(std::move(stream));
  return found;
}

}  // namespace logzio_okta::model
