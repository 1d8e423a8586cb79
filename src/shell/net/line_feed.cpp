#include "shell/net/line_feed.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

// Four TLS records.
constexpr std::size_t chunk_bytes = 64 * limits::KiB;

}  // namespace

LineFeed::LineFeed(std::string plain, Secret opening)
    : plain_(std::move(plain)), opening_(std::move(opening)) {
  // It never grows: growing would leave the old bytes behind, including the token.
  chunk_.reserve(chunk_bytes + opening_.expose().size());
}

LineFeed::~LineFeed() {
  wipe(chunk_);
}

std::string_view LineFeed::front() {
  if (written_ == chunk_.size()) refill();
  return std::string_view(chunk_).substr(written_);
}

void LineFeed::written(std::size_t bytes) {
  CHECK(bytes <= chunk_.size() - written_);
  written_ += bytes;
}

bool LineFeed::done() const {
  return taken_ == plain_.size() && written_ == chunk_.size();
}

void LineFeed::refill() {
  chunk_.clear();
  written_ = 0;
  while (taken_ < plain_.size() && chunk_.size() < chunk_bytes) {
    if (at_line_start_) {
      CHECK(plain_[taken_] == '{');
      ++taken_;
      chunk_.append(opening_.expose());
    }
    const std::size_t line_end = plain_.find('\n', taken_);
    CHECK(line_end != std::string::npos);
    const std::size_t room = chunk_bytes - std::min(chunk_bytes, chunk_.size());
    const std::size_t count = std::min(line_end + 1 - taken_, room);
    chunk_.append(plain_, taken_, count);
    taken_ += count;
    at_line_start_ = taken_ == line_end + 1;
  }
}

}  // namespace logzio_okta
