// Input: a fuzzer's bytes, read as small decisions and pieces of text.
//
//     Input input(data, size);
//     if (input.flag()) ... input.below(5) ... input.text() ... input.rest()
//
// At the end of the bytes every decision is 0 and every text is empty, so that any input means something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

// Every fuzzer's check: a failed one aborts with its place, which libFuzzer keeps as a finding.
#include "logzio_okta/base/check.hpp"

namespace logzio_okta::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  [[nodiscard]] bool flag() { return (byte() & 1U) != 0; }
  /// In [0, bound); a byte for up to 256.
  [[nodiscard]] std::size_t below(std::size_t bound) {
    std::size_t value = byte();
    if (bound > 256) value = value << 8U | byte();
    return bound == 0 ? 0 : value % bound;
  }
  [[nodiscard]] std::uint64_t number() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8U | byte();
    return value;
  }
  /// Up to a line break, which is easier to write than a length, for people and in dictionaries.
  [[nodiscard]] std::string_view line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }
  [[nodiscard]] std::string_view take(std::size_t bytes) {
    const std::string_view text = rest_.substr(0, bytes);
    rest_.remove_prefix(text.size());
    return text;
  }
  [[nodiscard]] std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace logzio_okta::fuzz
