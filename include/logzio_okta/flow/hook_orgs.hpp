// HookOrgs: what Okta pushes. A delivery of an org that is polled wakes its tenant, whose log brings the
// event itself: complete, in order, once. One of an org that only pushes is kept and shipped
// (hook_stream.hpp), because its events come no other way. Any other is refused.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/hook_ledger.hpp"
#include "logzio_okta/flow/hook_stream.hpp"
#include "logzio_okta/flow/memory.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/roster.hpp"
#include "logzio_okta/okta/hook.hpp"
#include "logzio_okta/okta/page_reader.hpp"

namespace logzio_okta {

class HookOrgs {
 public:
  /// An org that pushes and is not polled, to one destination.
  struct HookedOrg {
    HookStream stream;
    bool probed = false;  ///< While the destination was in trouble, it gave it a fresh bulk.
  };

  /// `orgs`: those whose deliveries are shipped if they are not polled; `fields`: put into each of their
  /// lines; `shared`: other replicas put deliveries into the same spool. The references must outlive it.
  HookOrgs(std::vector<Domain> orgs, std::vector<ConstantField> fields, std::size_t spool_bytes_max,
           bool shared, ActiveRoster& roster, std::deque<Output>& outputs)
      : orgs_(std::move(orgs)),
        fields_(std::move(fields)),
        spool_bytes_max_(spool_bytes_max),
        shared_(shared),
        roster_(roster),
        outputs_(outputs) {}

  /// `closing`: nothing more is kept.
  void arrived(Now now, const HookArrived& arrived, PageReader& reader, bool closing);
  void verified(Now now, bool let_in) { say(ledger_.verified(now, let_in)); }
  void refused(Now now, HookRefusal kind, std::uint64_t count) { say(ledger_.refused(now, kind, count)); }
  /// Sends out what earlier runs left in the spool.
  void found(const SpoolFound& found);
  void spooled(Now now, const Spooled& spooled);
  void read(Now now, const SpoolRead& read, PageReader& reader);

  /// Another replica has taken this stream's org. `goes_on`: another stream begins.
  void lost(HookStream& stream, const std::string& holder, bool goes_on);
  /// Those that give way and have finished, and what is left of those that were lost.
  void let_go();

  /// Reads back what there is room for. `held`: nothing can be saved.
  void read_spool(const Memory& memory, bool held);
  /// Whether any of them go there.
  [[nodiscard]] bool serve(DestinationId destination) const;
  [[nodiscard]] HookStream* find(StreamId stream);
  [[nodiscard]] std::map<StreamId, HookedOrg>& streams() { return streams_; }
  [[nodiscard]] const std::map<StreamId, HookedOrg>& streams() const { return streams_; }
  [[nodiscard]] HookReport report() const;
  /// The counts of streams that were lost.
  [[nodiscard]] const EventCounts& lost_counts() const { return lost_counts_; }

 private:
  void keep(Now now, const HookArrived& arrived, const Hook& hook, const std::vector<EventSlice>& events,
            bool closing);
  HookStream& stream_of(const HookRoute& route, const DestinationSpec& destination,
                        const SpoolFound::Stream& found);
  void refuse(Now now, HookId id, HookRefusal kind, int status, std::string why);
  [[nodiscard]] bool may_read(StreamId stream, const HookedOrg& hooked, const Memory& memory) const;
  [[nodiscard]] std::size_t spool_bytes() const;
  void say(std::optional<Note>&& note);

  std::vector<Domain> orgs_;
  std::vector<ConstantField> fields_;
  std::size_t spool_bytes_max_;
  bool shared_;
  EventCounts lost_counts_;
  ActiveRoster& roster_;
  std::deque<Output>& outputs_;
  HookLedger ledger_;
  std::map<StreamId, HookedOrg> streams_;
};

}  // namespace logzio_okta
