// Twins: notices one org that is followed under two names, by an event that came from both.
//
// An event's uuid is its own (docs/okta.md 2), so that the same one from two orgs proves them one. Looking at
// one uuid in limits::twin_sample_one_in, chosen by itself, is enough: both names bring the same ones.
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

  /// Events that `domain` has brought; the other name of its org, if one is proved that was not told before.
  [[nodiscard]] std::string brought(const std::string& domain, const std::vector<EventSlice>& events);

 private:
  [[nodiscard]] bool is_news(const std::string& domain, const std::string& other);

  std::unordered_map<std::uint64_t, std::string> brought_by_;  ///< By the uuid's hash: the domain.
  std::deque<std::uint64_t> oldest_first_;
  std::set<Pair> told_;
};

}  // namespace logzio_okta
