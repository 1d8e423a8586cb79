#include "sandbox/live_view.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

namespace logzio_okta::sandbox {
namespace {

constexpr auto plain_interval = 2s;

bool is_terminal(std::FILE* file) {
  const char* term = std::getenv("TERM");
  return isatty(fileno(file)) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

LiveView::LiveView(std::FILE* out) : out_(out), live_(is_terminal(out)) {}

LiveView::~LiveView() {
  let_stand();
}

void LiveView::erase_block() {
  if (block_lines_ > 0) fmt::print(out_, "\x1b[{}A\x1b[J", block_lines_);
  block_lines_ = 0;
}

void LiveView::show(const std::vector<std::string>& block) {
  if (live_) {
    erase_block();
    for (const std::string& line : block) fmt::print(out_, "{}\n", line);
    block_lines_ = block.size();
  } else {
    const auto now = std::chrono::steady_clock::now();
    if (block.empty() || now - last_plain_ < plain_interval) return;
    last_plain_ = now;
    fmt::print(out_, "{}\n", block.back());
  }
  std::fflush(out_);
}

void LiveView::say(const std::string& line) {
  erase_block();
  fmt::print(out_, "{}\n", line);
  std::fflush(out_);
}

void LiveView::let_stand() {
  block_lines_ = 0;
}

std::string bar(std::size_t part, std::size_t whole, std::size_t width) {
  const std::size_t full = whole == 0 ? width : std::min(width, width * part / whole);
  return std::string(full, '#') + std::string(width - full, '.');
}

}  // namespace logzio_okta::sandbox
