// HookRoute: where deliveries of an event hook come from and go to, when their org is not polled.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/okta/domain.hpp"

namespace logzio_okta {

struct HookRoute {
  Domain source;
  std::string region;  ///< Of the account, as the hook says it: "eu"; empty: the usual listener.

  /// What the store knows such a stream by: "hooks eu https://acme.okta.com", "hooks - https://...".
  [[nodiscard]] std::string key() const;
  /// Nothing for the key of any other stream.
  static std::optional<HookRoute> of_key(std::string_view key);
  friend bool operator==(const HookRoute&, const HookRoute&) = default;
};

}  // namespace logzio_okta
