// Notify: messages to the service manager, sd_notify(3) by hand.
//
// Sends a datagram to the socket that systemd names in NOTIFY_SOCKET; without that variable it does nothing.
// By hand, because it is one system call and its protocol is stable (systemd.io/PORTABILITY_AND_STABILITY),
// while libsystemd would load four compression and crypto libraries.
//
//     Notify notify(environment);
//     notify.say("READY=1");
//     if (now >= next) notify.say("WATCHDOG=1");  // Every notify.watchdog().
#pragma once

#include <optional>
#include <string_view>

#include "logzio_okta/base/time.hpp"

#include "shell/os/descriptor.hpp"
#include "shell/os/environment.hpp"

namespace logzio_okta {

class Notify {
 public:
  explicit Notify(const Environment& environment);

  [[nodiscard]] bool has_listener() const { return socket_.get() >= 0; }
  /// Lines of NAME=VALUE. Never blocks and never fails: an unresponsive manager does not stop us.
  void say(std::string_view lines) const;
  /// RELOADING=1 with the timestamp that newer managers compare; READY=1 must follow when it is done.
  void say_reloading() const;
  /// How often WATCHDOG=1 is due: half of the manager's timeout. Nothing without a watchdog.
  [[nodiscard]] std::optional<Duration> watchdog() const { return watchdog_; }

 private:
  Descriptor socket_;
  std::optional<Duration> watchdog_;
};

}  // namespace logzio_okta
