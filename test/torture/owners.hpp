// Owners: who held which org, as the database has it, and whether anybody asked Okta who did not.
//
//     owners.install(server);                      // Once the tables are there: each hand-over leaves a row.
//     owners.read(server);                         // Those since the last time.
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
  /// A question that Okta was asked, and by which instance.
  struct Asked {
    WallTime at;
    std::string by;
  };
  /// From `at` on; an empty name is nobody's.
  struct Hold {
    WallTime at;
    std::string name;
  };

  void install(const test::PostgresServer& server);
  void read(const test::PostgresServer& server);
  /// The database went back in time: what it says now holds from now on.
  void begin_anew(const test::PostgresServer& server, WallTime now);

  /// The domains that this instance holds now.
  [[nodiscard]] std::vector<std::string> held_by(const std::string& name) const;
  /// The last question by somebody who had not held the org for longer than `grace`; nothing if there is
  /// none.
  [[nodiscard]] std::optional<Asked> misplaced(const std::string& domain, const std::vector<Asked>& asked,
                                               Duration grace) const;

 private:
  std::map<std::string, std::vector<Hold>> holds_;
  std::int64_t read_up_to_ = 0;
};

}  // namespace logzio_okta::torture
