// HookRoute: source and destination of an event hook's deliveries, if their org is not polled.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

struct HookRoute {
  Domain source;
  std::string region;  ///< The account's, as the hook names it: "eu"; empty: the default listener.

  /// The stream's key in the store: "hooks eu https://acme.okta.com", "hooks - https://...".
  [[nodiscard]] std::string key() const;
  /// Nothing for the key of any other stream.
  static std::optional<HookRoute> of_key(std::string_view key);
  friend bool operator==(const HookRoute&, const HookRoute&) = default;
};

}  // namespace logzio_okta
