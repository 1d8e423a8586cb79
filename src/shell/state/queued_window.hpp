// QueuedWindow: a stream's window as it will be once the queued saves are committed.
//
//     QueuedWindow window(key);
//     for (const Save& save : queued) window.add(save);  // This stream's, in order; they outlive it.
//     if (!window.list(tables, rows)) return complain("cannot read");
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/place.hpp"

#include "shell/state/stream_tables.hpp"

namespace logzio_okta {

class QueuedWindow {
 public:
  explicit QueuedWindow(std::string key) : key_(std::move(key)) {}

  void add(const Save& save);
  /// The window's rows without their events. False if the file cannot be read.
  [[nodiscard]] bool list(StreamTables& tables, std::vector<RowInfo>& rows) const;
  /// The newest rows with at most this many events, oldest first. False if the file cannot be read.
  [[nodiscard]] bool read(StreamTables& tables, std::size_t events_max, std::vector<WindowRow>& newest) const;

 private:
  std::string key_;
  std::uint64_t from_ = 0;  ///< Pages before this one leave the window.
  std::map<std::uint64_t, const WindowRow*> rows_;
};

}  // namespace logzio_okta
