#include "logzio_okta/flow/twins.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

std::string Twins::brought(const std::string& domain, const std::vector<EventSlice>& events) {
  std::string twin;
  for (const EventSlice& event : events) {
    const std::uint64_t uuid = event.hash.uuid;
    if (uuid == 0 || uuid % limits::twin_sample_one_in != 0) continue;
    const auto [known, fresh] = brought_by_.try_emplace(uuid, domain);
    if (!fresh) {
      if (known->second != domain && is_news(domain, known->second)) twin = known->second;
      continue;
    }
    oldest_first_.push_back(uuid);
    if (oldest_first_.size() <= limits::twin_samples_max) continue;
    brought_by_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return twin;
}

bool Twins::is_news(const std::string& domain, const std::string& other) {
  if (told_.size() >= limits::tenants_max) return false;
  return told_.insert(std::minmax(domain, other)).second;
}

}  // namespace logzio_okta
