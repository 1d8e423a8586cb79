// Patience: waits for a while, or until somebody asks us to stop.
#pragma once

#include <csignal>
#include <ctime>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::sandbox {

/// Blocks SIGINT and SIGTERM, in this thread and those it starts, so that they can be waited for. Create it
/// first in main.
class Patience {
 public:
  Patience() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  /// False if one of them came meanwhile.
  [[nodiscard]] bool wait(Duration time) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
    return sigtimedwait(&signals_, nullptr, &limit) < 0;
  }

 private:
  sigset_t signals_{};
};

}  // namespace logzio_okta::sandbox
