#include "logzio_okta/flow/hook_orgs.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

void HookOrgs::arrived(Now now, const HookArrived& arrived, PageReader& reader, bool closing) {
  ledger_.received(now);
  const auto hook = read_hook(arrived.body, reader.cutter());
  if (!hook && hook.error().too_many)
    return refuse(now, arrived.id, HookRefusal::too_large, 413, hook.error().text);
  if (!hook) return refuse(now, arrived.id, HookRefusal::malformed, 400, hook.error().text);
  Tenant* tenant = roster_.find(hook->source);
  const auto& accounts = arrived.accounts;
  if (!accounts.empty() && (!tenant || std::ranges::find(accounts, tenant->destination) == accounts.end())) {
    return refuse(now, arrived.id, HookRefusal::source, 403, "this org's hooks need another token");
  }
  if (!tenant && std::ranges::find(orgs_, hook->source) != orgs_.end())
    return keep(now, arrived, *hook, reader.events(), closing);
  if (!tenant)
    return refuse(now, arrived.id, HookRefusal::source, 403, "this org's hooks are not taken here");
  std::optional<WallTime> published;
  for (const EventSlice& event : reader.events()) published = std::max(published, event.published_at);
  tenant->poller.hook_arrived(now, published, tenant->org->pace(now.steady));
  ledger_.woke();
  outputs_.emplace_back(AnswerHook{.id = arrived.id, .status = 204, .why = {}});
}

void HookOrgs::refuse(Now now, HookId id, HookRefusal kind, int status, std::string why) {
  outputs_.emplace_back(AnswerHook{.id = id, .status = status, .why = std::move(why)});
  say(ledger_.refused(now, kind, 1));
}

void HookOrgs::keep(Now now, const HookArrived& arrived, const Hook& hook,
                    const std::vector<EventSlice>& events, bool closing) {
  const std::size_t bytes = HookStream::bytes_charged(events);
  const bool full = spool_bytes() + bytes > spool_bytes_max_;
  if (full) {
    say(ledger_.cannot_keep(now, "the spool is full (" + std::to_string(spool_bytes_max_ / limits::MiB) +
                                     " MiB), because more arrives than the listener takes"));
  }
  std::size_t arriving = bytes;
  for (const auto& [id, hooked] : streams_) arriving += hooked.stream.arriving_bytes();
  if (full || closing || arriving > limits::hook_bodies_bytes_max) {
    return refuse(now, arrived.id, HookRefusal::unavailable, 503, "it cannot be kept now; try again");
  }
  const HookRoute route{.source = hook.source, .region = arrived.region};
  stream_of(route, arrived.destination, {.route = route, .destination = {}, .oldest = {}})
      .deliver(now, arrived.id, hook, events);
}

HookStream& HookOrgs::stream_of(const HookRoute& route, const DestinationSpec& destination,
                                const SpoolFound::Stream& found) {
  const auto known = std::ranges::find_if(streams_, [&](const auto& each) {
    return !each.second.stream.lost() && each.second.stream.route() == route;
  });
  if (known != streams_.end()) return known->second.stream;
  roster_.take_destination(destination);
  const StreamId id = roster_.next_stream();
  HookStream& stream =
      streams_.emplace(id, HookedOrg{.stream = HookStream(id, route, destination.id, fields_)})
          .first->second.stream;
  stream.start(found);
  if (shared_) stream.look();
  return stream;
}

void HookOrgs::lost(HookStream& stream, const std::string& holder, bool goes_on) {
  if (stream.lost()) return;
  lost_counts_ += settled(stream.report().events);
  stream.lose();
  Shipper& shipper = roster_.shippers().at(stream.destination());
  shipper.forget(stream.stream());
  say(Note{.level = Level::warn,
           .tenant = stream.route().source.name(),
           .text = "its deliveries are " +
                   std::string(holder.empty()
                                   ? "read again: the database has lost saves that it had acknowledged"
                                   : "taken over by " + holder + ", which marks what both may have sent")});
  if (!goes_on) return;
  const DestinationSpec destination = shipper.destination();
  const HookRoute route = stream.route();
  stream_of(route, destination, {.route = route, .destination = {}, .oldest = {}});
}

void HookOrgs::let_go() {
  const auto on_its_way = [&](StreamId id, const HookedOrg& hooked) {
    return roster_.shippers().at(hooked.stream.destination()).holds(id);
  };
  for (auto& [id, hooked] : streams_) {
    if (hooked.stream.gives_way()) hooked.stream.let_go(on_its_way(id, hooked));
  }
  std::erase_if(streams_, [&](const auto& each) {
    const auto& [id, hooked] = each;
    return hooked.stream.lost() && hooked.stream.arriving_bytes() == 0 && !on_its_way(id, hooked);
  });
}

void HookOrgs::spooled(Now now, const Spooled& spooled) {
  HookStream* stream = find(spooled.stream);
  CHECK(stream != nullptr);
  AnswerHook answer = stream->spooled(spooled);
  if (spooled.kept) {
    ledger_.spooled();
    say(ledger_.can_keep(now));
    outputs_.emplace_back(std::move(answer));
  } else {
    say(ledger_.cannot_keep(now, spooled.why_not));
    refuse(now, answer.id, HookRefusal::unavailable, answer.status, std::move(answer.why));
  }
}

void HookOrgs::read(Now now, const SpoolRead& read, PageReader& reader) {
  HookStream* stream = find(read.stream);
  CHECK(stream != nullptr);
  Shipper& shipper = roster_.shippers().at(stream->destination());
  stream->rows_read(read, reader.cutter(), [&](const Batch& batch) { shipper.take(now, batch); });
}

void HookOrgs::found(const SpoolFound& found) {
  for (const SpoolFound::Stream& each : found.streams) {
    const auto known = std::ranges::find_if(streams_, [&](const auto& other) {
      return !other.second.stream.lost() && other.second.stream.route() == each.route;
    });
    if (known != streams_.end()) {
      known->second.stream.found_more(each);
    } else {
      stream_of(each.route, each.destination, each);
    }
  }
}

// As for a tenant: while its destination is in trouble nothing is read but what shows whether it refuses just
// this bulk. One that holds nothing always has room for a little.
bool HookOrgs::may_read(StreamId stream, const HookedOrg& hooked, const Memory& memory) const {
  const Shipper& shipper = roster_.shippers().at(hooked.stream.destination());
  if (!hooked.stream.wants_rows() || shipper.waits_for_room(stream)) return false;
  const bool room =
      shipper.held_bytes() == 0 || memory.used() + limits::spool_read_bytes_max <= limits::memory_budget;
  return room && (shipper.healthy() || (shipper.wants_fresh_bulk() && !hooked.probed));
}

void HookOrgs::read_spool(const Memory& memory, bool held) {
  for (auto& [id, hooked] : streams_) {
    const bool healthy = roster_.shippers().at(hooked.stream.destination()).healthy();
    if (healthy) hooked.probed = false;
    if (held || !may_read(id, hooked, memory)) continue;
    hooked.probed = !healthy;
    hooked.stream.read();
  }
}

bool HookOrgs::serve(DestinationId destination) const {
  return std::ranges::any_of(
      streams_, [&](const auto& each) { return each.second.stream.destination() == destination; });
}

std::size_t HookOrgs::spool_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, hooked] : streams_) bytes += hooked.stream.waiting_bytes();
  return bytes;
}

HookStream* HookOrgs::find(StreamId stream) {
  const auto found = streams_.find(stream);
  return found != streams_.end() ? &found->second.stream : nullptr;
}

HookReport HookOrgs::report() const {
  HookReport report = ledger_.report();
  for (const auto& [id, hooked] : streams_) {
    if (!hooked.stream.lost()) report.streams.push_back(hooked.stream.report());
  }
  return report;
}

void HookOrgs::say(std::optional<Note>&& note) {
  if (note) outputs_.emplace_back(std::move(*note));
}

}  // namespace logzio_okta
