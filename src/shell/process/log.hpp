// Log: one line per entry, on stderr, without ever waiting for the reader.
//
//     2026-11-23T12:00:00.123Z WARN  [acme.okta.com] message
//     {"time":"2026-11-23T12:00:00.123Z","level":"warn","tenant":"acme.okta.com","message":"message"}
//
// stderr is shared with other processes, so it cannot be made non-blocking for us alone. A pipe or terminal
// is opened once more, non-blocking; a socket gets a no-wait flag for each write; anything that cannot be
// opened is written to only while poll(2) reports room, in pieces that the kernel takes whole. A line without
// room is dropped and counted, and the next one that is written says how many are missing. A line once begun
// is finished before any other.
//
// Logger, levels and patterns are spdlog's; its registry, threads and clock are not used.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

class Log {
 public:
  /// The caller keeps `fd`. SIGPIPE must be ignored: a missing reader costs lines, not the process.
  Log(Level level, LogFormat format, int fd = 2);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Writes the entry unless its level is below ours. `tenant` may be empty. Control characters and invalid
  /// UTF-8 are shown as escapes, so that an entry is one line and cannot control a terminal.
  void write(Level level, std::string_view tenant, std::string_view text, WallTime now);
  /// Lines dropped so far for lack of room.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  class Logger;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<Logger> logger_;
};

}  // namespace logzio_okta
