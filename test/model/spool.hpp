// Spool: what shell/state/store.hpp promises of the spool of event hooks, in memory: rows of a stream in
// order, an event kept once.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/flow/message.hpp"

namespace logzio_okta::model {

class Spool {
 public:
  struct Row : SpoolRow {
    std::string key;  ///< Its stream's key.
    std::size_t count = 0;
  };

  /// As durable now; a day's forgetting is not modelled.
  Spooled keep(const std::string& key, const SpoolEvents& events);
  [[nodiscard]] SpoolRead read(const std::string& key, const ReadSpool& request) const;
  /// What a durable Save says of the stream's rows.
  void apply(const std::string& key, const Save& save);
  /// A run ended without order: what may have been in flight is marked.
  void doubt();
  /// Sent at the start of a run.
  [[nodiscard]] SpoolFound found(const DestinationSpec& destination) const;
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
  std::uint64_t made_ = 0;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> seen_;
};

}  // namespace logzio_okta::model
