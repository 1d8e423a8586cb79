// Owners: which instance held which org, by the database, and whether one asked Okta without holding the org.
//
//     owners.install(server);                      // Once the tables exist: each hand-over leaves a row.
//     owners.read(server);                         // The rows since the last time.
//     auto late = owners.misplaced(domain, requests, grace);
//
// The database's clock and Okta's are this machine's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"

#include "postgres/server.hpp"

namespace logzio_okta::torture {

class Owners {
 public:
  /// A request to Okta, and the instance that made it.
  struct Asked {
    WallTime at;
    std::string by;
  };
  /// From `at` on; an empty name means no owner.
  struct Hold {
    WallTime at;
    std::string name;
  };

  void install(const test::PostgresServer& server);
  void read(const test::PostgresServer& server);
  /// The database went back in time: its present contents hold from now on.
  void begin_anew(const test::PostgresServer& server, WallTime now);

  /// The domains that this instance holds now.
  [[nodiscard]] std::vector<std::string> held_by(const std::string& name) const;
  /// The last request by an instance that had not held the org for longer than `grace`; nothing if there is
  /// none.
  [[nodiscard]] std::optional<Asked> misplaced(const std::string& domain, const std::vector<Asked>& asked,
                                               Duration grace) const;

 private:
  std::map<std::string, std::vector<Hold>> holds_;
  std::int64_t read_up_to_ = 0;
};

}  // namespace logzio_okta::torture
