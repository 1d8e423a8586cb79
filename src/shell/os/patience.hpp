// Patience: the timeouts of the network, and the clock they are measured by.
#pragma once

#include <chrono>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"

namespace logzio_okta {

/// The program uses the defaults; tests shorten those they wait for.
struct Patience {
  Duration connect = limits::connect_timeout;      ///< Name, connection, tunnel and TLS together.
  Duration ask_stall = limits::ask_stall_timeout;  ///< Without a byte in either direction.
  Duration ask_whole = limits::ask_timeout;
  Duration bulk_stall = limits::bulk_stall_timeout;
  Duration bulk_whole = limits::bulk_timeout;
  Duration line_close = limits::line_close_wait;  ///< For the peer's end of stream after ours.

  /// Extended by the core's factor for a slow listener.
  [[nodiscard]] Duration stall_of(const SendBulk& bulk) const { return bulk.patience * bulk_stall; }
  [[nodiscard]] Duration whole_of(const SendBulk& bulk) const {
    return bulk_whole + (bulk.patience - 1) * bulk_stall;
  }
};

[[nodiscard]] inline Instant steady_now() {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace logzio_okta
