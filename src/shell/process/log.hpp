// Log: one line an entry, on stderr, without ever waiting for whoever reads it.
//
//     2026-11-23T12:00:00.123Z WARN  [acme.okta.com] message
//     {"time":"2026-11-23T12:00:00.123Z","level":"warn","tenant":"acme.okta.com","message":"message"}
//
// stderr is shared with other processes, so it cannot be made non-blocking for ourselves alone. A pipe or
// terminal is opened once more, non-blocking; a socket is asked not to wait for each write; what cannot be
// opened is written to only while poll(2) says there is room, in pieces that the kernel takes whole. A line
// that finds no room is dropped and counted, and the next one that gets through says how many are missing. A
// line once begun is finished before any other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"

namespace logzio_okta {

class Log {
 public:
  /// `fd` stays the caller's. SIGPIPE must be ignored: a reader that went away costs lines, not the process.
  Log(Level level, LogFormat format, int fd = 2);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Writes the entry unless its level is below ours. `tenant` may be empty. Control characters and what is
  /// not UTF-8 are shown as escapes, so that an entry is one line and cannot play with a terminal.
  void write(Level level, std::string_view tenant, std::string_view text, WallTime now);
  /// Lines lost so far for want of room.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  [[nodiscard]] std::string entry(Level level, std::string_view tenant, std::string_view text,
                                  WallTime now) const;
  /// Writes what there is room for. True when nothing is left.
  bool flush();
  [[nodiscard]] bool room() const;

  Level level_;
  LogFormat format_;
  int fd_;
  bool own_fd_ = false;
  bool socket_ = false;
  /// The rest of a line once begun; at most that line and the count of those dropped.
  std::string unwritten_;
  std::uint64_t dropped_ = 0;
  std::uint64_t dropped_said_ = 0;
};

}  // namespace logzio_okta
