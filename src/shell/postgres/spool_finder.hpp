// SpoolFinder: finds what waits in the shared spool without the core knowing: what earlier runs left, and
// what other replicas have taken since.
//
//     finder.look(now);                         // After each round, and when another replica has called.
//     if (finder.has_looked()) open_streams();  // The core hears of the spool before that.
//     finder.add_ours(key, rows);               // What we spooled ourselves: the core knows of it.
//     for (SpoolSummary& sum : finder.take_found()) tell(std::move(sum));
//
// It looks at streams of orgs that are ours and of orgs that no replica holds. A look is one short question,
// and one more for each stream with something new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "shell/postgres/connection.hpp"
#include "shell/postgres/lease_keeper.hpp"
#include "shell/state/spool_summary.hpp"

namespace logzio_okta {

class SpoolFinder {
 public:
  /// Both must outlive it. `may_ask`: whether the connection may be asked at this moment. `after_look`: told
  /// of each look that went well.
  SpoolFinder(PgConnection& connection, const LeaseKeeper& leases, std::function<bool()> may_ask,
              std::function<void()> after_look)
      : connection_(connection),
        leases_(leases),
        may_ask_(std::move(may_ask)),
        after_look_(std::move(after_look)) {}

  /// Does nothing while a look is under way, or while it may not ask.
  void look(Instant now);
  /// Another replica has spooled for one of our orgs: looks as soon as that is possible.
  void call() { called_ = true; }
  [[nodiscard]] bool is_called() const { return called_; }
  [[nodiscard]] bool has_looked() const { return looked_; }
  [[nodiscard]] std::vector<SpoolSummary> take_found();
  void add_ours(const std::string& key, const std::vector<std::int64_t>& rows);
  /// The stream is no longer ours: when it is opened again, it is told of everything.
  void forget(const std::string& key) { told_.erase(key); }

 private:
  /// What the core knows of a stream's spool.
  struct Told {
    std::uint64_t up_to = 0;
    std::vector<std::int64_t> ours;  ///< Later rows that it knows because it had them written.
  };
  [[nodiscard]] bool is_for_us(const std::string& key) const;
  void sum(Instant now, const std::string& key, std::uint64_t last);
  void end();

  PgConnection& connection_;
  const LeaseKeeper& leases_;
  std::function<bool()> may_ask_;
  std::function<void()> after_look_;
  std::map<std::string, Told> told_;
  std::vector<SpoolSummary> found_;
  std::size_t questions_ = 0;  ///< Unanswered.
  bool looked_ = false;
  bool called_ = false;
};

}  // namespace logzio_okta
