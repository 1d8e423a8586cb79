// Strong integer names: a StreamId is not a RequestId.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace logzio_okta {

template <class Tag>
struct Id {
  std::uint64_t value = 0;
  friend auto operator<=>(const Id&, const Id&) = default;
};

using OrgId = Id<struct OrgTag>;                  ///< One Okta org (one domain).
using StreamId = Id<struct StreamTag>;            ///< One org's log under one query.
using CredentialId = Id<struct CredentialTag>;    ///< One API key; the shell's keyring knows its bytes.
using DestinationId = Id<struct DestinationTag>;  ///< One listener with one token.
using RequestId = Id<struct RequestTag>;          ///< One request to Okta.
using BulkId = Id<struct BulkTag>;                ///< One sending of one bulk; never reused.
using HookId = Id<struct HookTag>;                ///< One delivery to our event hook.

}  // namespace logzio_okta

template <class Tag>
struct std::hash<logzio_okta::Id<Tag>> {
  std::size_t operator()(const logzio_okta::Id<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
