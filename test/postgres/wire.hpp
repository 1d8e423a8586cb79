// Wire: a port of 127.0.0.1 in front of another one, and everything that can happen to a connection.
//
//     Wire wire(server.port());
//     store_on(server.url("okta", wire.port()));
//     wire.cut();                       // Resets what is open; new connections go through.
//     wire.swallow_answers();           // The next request is done, its answer lost: then a reset.
//     wire.stall(Wire::Way::back);      // Connections stay open, and no answer comes.
//     wire.delay(200ms);
//     wire.lead_to(standby.port());     // For new connections.
//
// Knows bytes only. Serves from a thread of its own; its functions may be called from any other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::test {

class Wire {
 public:
  enum class Way : std::uint8_t { none, there, back, both };

  explicit Wire(std::uint16_t leads_to);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  /// Resets every connection.
  void cut();
  /// Connections are reset as they come, and open ones at once, until told otherwise.
  void refuse(bool refused);
  /// On each open connection the next request goes through and its answer does not; then the connection is
  /// reset.
  void swallow_answers();
  /// How many have been reset that way.
  [[nodiscard]] std::size_t swallowed() const;
  /// From now on nothing passes this way; what was held goes on with Way::none.
  void stall(Way way);
  /// The delay each way.
  void delay(Duration time);
  void lead_to(std::uint16_t port);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace logzio_okta::test
