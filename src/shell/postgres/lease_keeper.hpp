// LeaseKeeper: this replica as one of several: it keeps it alive in the database, and knows which orgs it
// holds and how long it may act on that.
//
//     keeper.want(orgs, now);                                      // All that should be followed.
//     keeper.work(now);                                            // Each turn.
//     while (auto change = keeper.next_change()) handle(*change);  // Taken, lost, to give away, ...
//     if (keeper.may_act()) send();                                // Right before anything is sent.
//
// It works in rounds, a seventh of a lease apart (a second while others hold some of its orgs), on a
// connection of its own, so that no large save delays a round. In a round it reports that it is alive, reads
// which replicas are alive and what each holds, takes what is free and due to it (Fleet), and names an org to
// give away when it has too many.
//
// Promises
// - An org that it calls its own belonged to it, according to the database, after the last round began.
// - It may act until a moment before its leases can be taken: a lease after the last successful round was
//   SENT, less the margin, by a clock that goes on while the machine sleeps.
// - It stops being an owner only when the database says so. A lease that ran out but was not taken goes on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "shell/postgres/connection.hpp"
#include "shell/postgres/fleet.hpp"

namespace logzio_okta {

class LeaseKeeper {
 public:
  /// Since the machine started, its sleep included.
  using SinceBoot = std::function<Duration()>;

  struct Taken {
    std::string org;
  };
  struct LostOrg {
    std::string org;
    std::string holder;  ///< Empty if no replica holds it now.
  };
  /// Another replica should have it.
  struct GiveOrg {
    std::string org;
  };
  /// The fleet was read.
  struct Round {};
  /// Another replica has spooled for an org of ours. The look after each round would find it too, later.
  struct Called {};
  /// A `check` has found a key that works.
  struct RetryKeys {};
  /// A standby of the database took over.
  struct FailedOver {
    std::string warning;
  };
  using Change = std::variant<Taken, LostOrg, GiveOrg, Round, Called, RetryKeys, FailedOver>;

  static constexpr Duration round_patience = 3s;
  /// Nothing more is sent for this long before a lease can end.
  [[nodiscard]] static Duration margin(Duration lease);

  /// The access must outlive it.
  LeaseKeeper(const StoreAccess& access, std::string name, Duration lease, SinceBoot since_boot);

  void want(std::set<std::string> orgs, Instant now);
  void work(Instant now);
  [[nodiscard]] std::optional<Change> next_change();
  /// The next round need not wait.
  void hurry() { round_at_ = {}; }

  /// The last round went well, in this session.
  [[nodiscard]] bool in_touch() const { return in_touch_; }
  [[nodiscard]] bool may_act() const;
  /// It was allowed to act before, and no longer is.
  [[nodiscard]] bool has_run_out() const { return beat_at_ && !may_act(); }
  /// Why it is not in touch.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// The epoch of an org that is ours.
  [[nodiscard]] std::optional<std::int64_t> epoch_of(const std::string& org) const;
  [[nodiscard]] std::vector<std::string> owned() const;
  [[nodiscard]] const Fleet& fleet() const { return fleet_; }
  /// As people should see it; nothing before the first round.
  [[nodiscard]] std::optional<FleetReport> report(Instant now) const;
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Duration lease() const { return lease_; }

  /// All of it is saved and nothing is on its way: another replica may take it.
  void give(const std::string& org, Instant now);
  /// If so, it must not be used until it is taken again.
  [[nodiscard]] bool is_giving(const std::string& org) const { return giving_.contains(org); }
  /// Another part has found that another replica holds its lease.
  void forget(const std::string& org) { owned_.erase(org); }
  /// Gives everything back; calls `done` when that is committed or has failed.
  void leave(Instant now, bool clean, std::function<void(bool)> done);

  [[nodiscard]] const PgConnection& connection() const { return connection_; }
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  void enter();
  void check_version();
  void begin_round();
  void judge(Fleet fleet, Duration sent);
  void take();
  void note_timeline(const PgRows& answer);
  void fail_round(const PgFailure& why);
  /// Time left until the margin begins.
  [[nodiscard]] Duration left_to_act() const;

  PgConnection connection_;
  std::string id_;
  std::string name_;
  Duration lease_;
  SinceBoot since_boot_;
  std::set<std::string> wanted_;
  std::map<std::string, std::int64_t> owned_;
  std::set<std::string> giving_;  ///< Orgs that are on their way back.
  std::optional<std::string> to_give_;
  Fleet fleet_;
  std::optional<Instant> fleet_read_;  ///< When the fleet was last read.
  std::string timeline_;
  std::deque<Change> changes_;
  std::uint64_t session_ = 0;  ///< The session in which the tables were found.
  Instant now_{};              ///< When this turn began.
  bool busy_ = false;
  bool beat_failed_ = false;
  bool entered_ = false;
  bool in_touch_ = false;
  bool left_ = false;
  std::string trouble_ = "the database has not been reached yet";
  Instant round_at_{};
  std::optional<Duration> beat_at_;  ///< When the last successful round was sent, since the boot.
  Instant act_until_ = never;        ///< The same as a deadline, as of the last turn.
};

}  // namespace logzio_okta
