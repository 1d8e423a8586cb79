// Trial: one run of the daemon under a load, watched from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "bench/load.hpp"

namespace logzio_okta::bench {

struct TrialSpec {
  LoadSpec load;
  std::string poll_interval = "1s";
  std::string store = {};  ///< The URL of a PostgreSQL; empty: a state directory.
  bool copies = false;     ///< With --copy-to, onto the disk that also has the state.
  bool turns = false;      ///< The turns of its loop are counted, by its own metric.
  /// The daemon is told to end after this time, or when every org has nothing left to ask for.
  std::optional<Duration> lasts = std::nullopt;
};

struct Trial {
  int exit_code = -1;
  std::string log;            ///< What the daemon said.
  double start_ms = 0;        ///< From exec to its first request.
  double cpu_s = 0;           ///< The daemon's, user and system, from its first request on.
  double start_cpu_s = 0;     ///< Before that.
  std::size_t start_rss = 0;  ///< What it had touched by then, bytes.
  double server_cpu_s = 0;    ///< This process's meanwhile.
  double wall_s = 0;          ///< From the first request to the last bulk.
  std::size_t rss_peak = 0;   ///< The daemon's, bytes.
  std::size_t pages = 0;
  std::size_t bulks = 0;
  std::size_t bytes_in = 0;
  std::size_t bytes_out = 0;
  std::uint64_t turns = 0;
  std::uint64_t long_turns = 0;  ///< Longer than 10 ms.
  Proof proof;

  [[nodiscard]] double events_per_cpu_s() const { return static_cast<double>(proof.delivered) / cpu_s; }
  [[nodiscard]] double cpu_us_per_event() const { return cpu_s * 1e6 / static_cast<double>(proof.delivered); }
};

/// Runs it on the first processor, the world around it on the last.
[[nodiscard]] Trial run_trial(const std::filesystem::path& daemon, const Pages& pages, const TrialSpec& spec);

/// Pins a process (0: this one) to one of the processors it may use.
void pin(pid_t process, bool first);

}  // namespace logzio_okta::bench
