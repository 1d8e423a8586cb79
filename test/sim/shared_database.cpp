#include "sim/shared_database.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta::sim {

std::uint64_t SharedDatabase::beat(const Caller& caller) {
  if (tables_.timeline != timeline_) {
    for (auto& [key, stream] : tables_.streams) stream.end = End::lost_saves;
    tables_.timeline = timeline_;
    tables_.failed_over = clock_();
  }
  tables_.instances[caller.id] = {.name = caller.name, .seen = clock_()};
  return timeline_;
}

bool SharedDatabase::lives(ReplicaId id, const Caller& /*caller*/) const {
  const auto found = tables_.instances.find(id);
  return found != tables_.instances.end() && found->second.seen + to_ms(lease_) > clock_();
}

// After a failover the last beats may be gone, and so may a lease that was taken. A live replica renews it
// within a lease, and one that cannot stops itself. An org released since then has no owner.
bool SharedDatabase::is_free(const std::string& org, const Caller& caller) const {
  const auto found = tables_.leases.find(org);
  if (tables_.failed_over && *tables_.failed_over + to_ms(lease_) > clock_())
    return found != tables_.leases.end() && found->second.owner == nobody &&
           found->second.given_back > *tables_.failed_over;
  if (found == tables_.leases.end() || found->second.owner == nobody) return true;
  return !lives(found->second.owner, caller);
}

std::optional<std::uint64_t> SharedDatabase::take(const std::string& org, const Caller& caller) {
  if (!is_free(org, caller)) return std::nullopt;
  Lease& lease = tables_.leases[org];
  for (auto& [key, stream] : tables_.streams) {
    if (!lease.clean && org_of_stream_key(key) == org) stream.end = std::max(stream.end, End::unclean);
  }
  lease = {.owner = caller.id, .epoch = lease.epoch + 1, .clean = false};
  return lease.epoch;
}

void SharedDatabase::give_back(const Fence& fence, bool clean) {
  Lease& lease = tables_.leases[fence.org];
  if (lease.owner == fence.owner && lease.epoch == fence.epoch) {
    lease.owner = nobody;
    lease.clean = clean;
    lease.given_back = clock_();
  }
}

bool SharedDatabase::save(const Fence& fence, const std::string& key, std::uint64_t number,
                          const Save& save) {
  const Lease& lease = tables_.leases[fence.org];
  if (lease.owner != fence.owner || lease.epoch != fence.epoch) return false;
  Stream& stream = tables_.streams[key];
  if (stream.epoch == fence.epoch && stream.number >= number) return true;
  stream.epoch = fence.epoch;
  stream.number = number;
  stream.place = save.place;
  stream.end = save.overtaken ? End::lost_saves : End::clean;
  stream.rows.erase(stream.rows.begin(), stream.rows.lower_bound(save.rows_from));
  for (const WindowRow& row : save.rows) stream.rows.insert_or_assign(row.page, row);
  std::ranges::copy(save.set_aside, std::back_inserter(tables_.set_aside));
  if (on_saved) on_saved(fence, key, save);
  return true;
}

Opened SharedDatabase::open(const OpenStream& request) const {
  Opened opened{.stream = request.stream, .place = {}, .rows = {}};
  const auto found = tables_.streams.find(request.key);
  if (found == tables_.streams.end()) return opened;
  const Stream& stream = found->second;
  opened.place = stream.place;
  opened.clean = stream.end == End::clean;
  opened.overtaken = stream.end == End::lost_saves;
  if (opened.overtaken) opened.others_act_for = lease_;
  for (const auto& [page, row] : stream.rows) {
    opened.rows.push_back(
        {.page = page, .newest = row.newest, .events = static_cast<std::uint32_t>(row.events.size())});
    opened.recent.push_back(row);
  }
  std::size_t events = 0;
  auto oldest = opened.recent.end();
  while (oldest != opened.recent.begin() &&
         events + std::prev(oldest)->events.size() <= limits::recent_events_max)
    events += (--oldest)->events.size();
  opened.recent.erase(opened.recent.begin(), oldest);
  return opened;
}

WindowRead SharedDatabase::read(StreamId stream, const std::string& key) const {
  WindowRead read{.stream = stream, .rows = {}};
  const auto found = tables_.streams.find(key);
  if (found == tables_.streams.end()) return read;
  for (const auto& [page, row] : found->second.rows) read.rows.push_back(row);
  return read;
}

void SharedDatabase::fail_over(Tables&& earlier) {
  tables_ = std::move(earlier);
  ++timeline_;
}

}  // namespace logzio_okta::sim
