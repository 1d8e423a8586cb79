// LiveView: one block of lines that is redrawn in place on a terminal; elsewhere plain lines, few of them.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::sandbox {

class LiveView {
 public:
  /// Draws on `out`, in place if that is a terminal.
  explicit LiveView(std::FILE* out);
  ~LiveView();
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  [[nodiscard]] bool live() const { return live_; }
  /// The state of things. On a terminal it replaces the block before it; elsewhere only its last line is
  /// written, and not more often than every two seconds.
  void show(const std::vector<std::string>& block);
  /// A line that stays.
  void say(const std::string& line);
  /// Leaves the block as it is; what is shown next begins below it.
  void let_stand();

 private:
  void erase_block();

  std::FILE* out_;
  bool live_;
  std::size_t block_lines_ = 0;
  std::chrono::steady_clock::time_point last_plain_;
};

/// "######......", `width` characters of which part/whole are full. Full if the whole is nothing.
[[nodiscard]] std::string bar(std::size_t part, std::size_t whole, std::size_t width);

}  // namespace logzio_okta::sandbox
