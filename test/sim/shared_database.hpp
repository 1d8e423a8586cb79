// SharedDatabase: the state of several replicas in one database, as shell/postgres promises it: which
// replicas live, which holds which org, and what was saved under that.
//
// Each call is one transaction, at the moment it reaches the server. Leases are judged by the server's own
// clock. A failover puts an earlier moment back under another timeline, as an asynchronous standby does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"

namespace logzio_okta::sim {

/// A process's random id: none is ever given twice.
using ReplicaId = std::uint64_t;
inline constexpr ReplicaId nobody = 0;

class SharedDatabase {
 public:
  enum class End : std::uint8_t { clean, unclean, lost_saves };
  struct Stream {
    Place place;
    End end = End::clean;
    std::uint64_t epoch = 0;   ///< The epoch of its last save,
    std::uint64_t number = 0;  ///< and that save's number.
    std::map<std::uint64_t, WindowRow> rows;
  };
  struct Lease {
    ReplicaId owner = nobody;
    std::uint64_t epoch = 0;
    bool clean = true;
    WallTime given_back{};
  };
  struct Instance {
    std::string name;
    WallTime seen;
  };
  struct Tables {
    std::map<ReplicaId, Instance> instances;
    std::map<std::string, Lease> leases;  ///< By org.
    std::map<std::string, Stream> streams;
    std::vector<SetAside> set_aside;
    std::uint64_t timeline = 1;             ///< As noted.
    std::optional<WallTime> failed_over{};  ///< When a failover was last noticed.
  };
  /// The caller, and what its own clock shows.
  struct Caller {
    ReplicaId id = nobody;
    std::string name;
    WallTime clock;
  };
  struct Fence {
    std::string org;
    ReplicaId owner = nobody;
    std::uint64_t epoch = 0;
  };

  SharedDatabase(Duration lease, std::function<WallTime()> clock) : lease_(lease), clock_(std::move(clock)) {}

  /// The caller lives. Returns the server's timeline; one that differs from the noted one puts everything in
  /// doubt.
  std::uint64_t beat(const Caller& caller);
  [[nodiscard]] bool lives(ReplicaId id, const Caller& caller) const;
  [[nodiscard]] bool is_free(const std::string& org, const Caller& caller) const;
  /// The new epoch, if the org was free.
  [[nodiscard]] std::optional<std::uint64_t> take(const std::string& org, const Caller& caller);
  void give_back(const Fence& fence, bool clean);
  /// False if the fence does not hold. A save that was made before is not made again.
  [[nodiscard]] bool save(const Fence& fence, const std::string& key, std::uint64_t number, const Save& save);
  [[nodiscard]] Opened open(const OpenStream& request) const;
  [[nodiscard]] WindowRead read(StreamId stream, const std::string& key) const;

  [[nodiscard]] const Tables& tables() const { return tables_; }
  void fail_over(Tables&& earlier);

  /// Called for each save that is made.
  std::function<void(const Fence& fence, const std::string& key, const Save& save)> on_saved;

 private:
  Duration lease_;
  std::function<WallTime()> clock_;
  Tables tables_;
  std::uint64_t timeline_ = 1;
};

}  // namespace logzio_okta::sim
