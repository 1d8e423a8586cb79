#include "logzio_okta/flow/hook_route.hpp"

#include <utility>

namespace logzio_okta {
namespace {

constexpr std::string_view prefix = "hooks ";
constexpr std::string_view no_region = "-";

}  // namespace

std::string HookRoute::key() const {
  return std::string(prefix) + (region.empty() ? std::string(no_region) : region) + " " +
         source.origin().text();
}

std::optional<HookRoute> HookRoute::of_key(std::string_view key) {
  if (!key.starts_with(prefix)) return std::nullopt;
  key.remove_prefix(prefix.size());
  const std::size_t space = key.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto source = Domain::parse(key.substr(space + 1));
  if (!source) return std::nullopt;
  const std::string_view region = key.substr(0, space);
  return HookRoute{.source = std::move(*source),
                   .region = region == no_region ? std::string() : std::string(region)};
}

}  // namespace logzio_okta
