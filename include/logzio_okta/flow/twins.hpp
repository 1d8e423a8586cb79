// Twins: detects one org that is followed under two names, by an event that came from both.
//
// An event's uuid is unique (docs/okta.md 2), so the same one from two domains proves that they are one org.
// Checking one uuid in limits::twin_sample_one_in, selected by its own value, is enough: both names select
// the same ones.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

class Twins {
 public:
  using Pair = std::pair<std::string, std::string>;

  /// Takes events from `domain`; returns the other name of its org, if one is proved and was not reported
  /// before.
  [[nodiscard]] std::string brought(const std::string& domain, const std::vector<EventSlice>& events);

 private:
  [[nodiscard]] bool is_news(const std::string& domain, const std::string& other);

  std::unordered_map<std::uint64_t, std::string> brought_by_;  ///< The domain, by the uuid's hash.
  std::deque<std::uint64_t> oldest_first_;
  std::set<Pair> told_;
};

}  // namespace logzio_okta
