// Daemon: the program under test as a child process, watched from outside.
//
//     Daemon daemon({.binary = LOGZIO_OKTA_BINARY,
//                    .args = {"--tenants", tenants, "--listener", world.listener_address(0), "--state-dir",
//                    state}, .env = {{"LOGZIO_TOKEN", world.token()}}});
//     REQUIRE(daemon.wait_log("ready", 10s));
//     daemon.signal(SIGTERM);
//     REQUIRE(daemon.wait_exit(10s) == 0);
//
// Its environment is only what is given. A thread reads its output as it comes, so that it never waits for
// us. Whatever happens, the child is gone when this object is.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "logzio_okta/base/time.hpp"

#include "sandbox/stream.hpp"

namespace logzio_okta::sandbox {

struct ProcessSpec {
  std::filesystem::path binary;
  std::vector<std::string> args = {};
  std::vector<std::pair<std::string, std::string>> env = {};
  std::filesystem::path directory = "/";  ///< Its working directory: not that of the tests.
};

class Daemon {
 public:
  /// Starts it. Throws std::system_error if there is no such program.
  explicit Daemon(ProcessSpec spec);
  /// Kills it if it still runs.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number);
  /// kill -9, and gone when this returns.
  void kill_hard();

  /// Its exit code, or 128 plus the signal that ended it; nothing if it still runs after `limit`.
  [[nodiscard]] std::optional<int> wait_exit(Duration limit);
  [[nodiscard]] bool running() const;
  /// Waits until it has written this text to stderr; false if it does not in time or ends without.
  [[nodiscard]] bool wait_log(std::string_view text, Duration limit);

  [[nodiscard]] std::string log() const;  ///< Its stderr so far.
  [[nodiscard]] std::string out() const;  ///< Its stdout so far.
  /// The last lines of its stderr.
  [[nodiscard]] std::string log_tail(std::size_t lines) const;

  [[nodiscard]] std::size_t rss_bytes() const;       ///< Resident now; 0 when it is gone.
  [[nodiscard]] std::size_t rss_peak_bytes() const;  ///< At its highest.
  [[nodiscard]] Duration cpu_time() const;           ///< User and system.

 private:
  void start(const ProcessSpec& spec);
  void watch(const std::stop_token& stop);
  void end_with(int status);
  [[nodiscard]] std::string proc(std::string_view file) const;
  [[nodiscard]] std::size_t status_bytes(std::string_view field) const;

  pid_t pid_ = -1;
  Fd pid_fd_;
  Fd stdout_;
  Fd stderr_;
  Fd wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_;
  std::string log_;
  std::optional<int> exit_;
  std::jthread watcher_;
};

}  // namespace logzio_okta::sandbox
