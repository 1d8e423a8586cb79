// Daemon: the shell around the core. Carries out the scheduler's outputs and feeds it the inputs.
//
//     auto daemon = Daemon::start(std::move(settings), environment, log);
//     if (!daemon) return give_up(daemon.error());  // Nothing was sent anywhere.
//     return (*daemon)->run();
//
// One loop: sockets, signals, the admin server and timers are all waited for in CurlClient::wait.
// Between two waits every input is handled, its outputs are performed, and saves are committed just before
// the loop would block.
#pragma once

#include <expected>
#include <memory>

#include "shell/process/kept.hpp"
#include "shell/process/log.hpp"
#include "shell/settings/settings.hpp"

namespace logzio_okta {

class Daemon {
 public:
  /// Reads the tenants, opens the state, starts the admin server. Contacts nobody yet. The environment must
  /// outlive the daemon.
  static std::expected<std::unique_ptr<Daemon>, StartFailure> start(Settings settings,
                                                                    const Environment& environment, Log& log);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Runs until a signal, or until --once is done. Returns the process's exit code.
  [[nodiscard]] int run();

 private:
  struct Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
