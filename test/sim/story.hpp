// Story: what happened in a run, as a hash always and as lines for people on request.
//
// A run is fast because it tells nobody; a seed that failed is run again with a listening story, and a second
// run of the same seed that ends in another hash is itself a bug.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::sim {

enum class Telling : std::uint8_t {
  hash_only,
  last_lines,  ///< Kept, up to Story::lines_max.
  aloud,       ///< On stdout, as it happens.
};

class Story {
 public:
  static constexpr std::size_t lines_max = 80;

  explicit Story(Telling telling = Telling::hash_only) : telling_(telling) {}

  /// `fact` goes into the hash; `text()` is only called if somebody listens.
  template <class Text>
  void tell(Instant now, std::uint64_t fact, Text text) {
    mix(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    mix(fact);
    if (telling_ != Telling::hash_only) write(now, text());
  }
  void next_step() { ++step_; }

  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t step() const { return step_; }
  [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }

 private:
  void mix(std::uint64_t fact) { hash_ = (hash_ ^ fact) * 0x9e3779b97f4a7c15U + (hash_ >> 29U); }
  void write(Instant now, std::string_view text);

  Telling telling_;
  std::uint64_t hash_ = 0;
  std::uint64_t step_ = 0;
  std::deque<std::string> lines_;
};

}  // namespace logzio_okta::sim
