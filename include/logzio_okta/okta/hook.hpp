// Hook: a delivery of an Okta event hook (docs/okta.md 7), an envelope around a few events.
//
//     {"eventType":"com.okta.event_hook",...,"source":"https://acme.okta.com/api/v1/eventHooks/who7hphp39...",
//      "eventId":"85b60edb-...","data":{"events":[{...},...]},"eventTime":"2023-03-28T17:03:37.093Z",...}
//
// The same cutter as for pages cuts out the events, so they keep Okta's bytes. Unlike a page, a delivery must
// be strict JSON as a whole: an unreadable one is refused, which Okta's administrator can see.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/okta/domain.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

/// Points into the body it was read from.
struct Hook {
  Domain source;                 ///< The org that pushed it.
  std::string_view source_text;  ///< The whole of "source", with its quotes.
  std::string_view event_id;     ///< The delivery's id, not an event's; with its quotes. Empty if missing.
  std::string_view event_time;   ///< The same.
};

/// Why a delivery is refused: one line for its sender, which quotes nothing of the body.
struct HookFault {
  std::string text;
  bool too_many = false;  ///< It was refused only for the number of its events.
};

/// The events are left in `cutter`; each is an object, and there are limits::hook_events_max of them at most.
[[nodiscard]] std::expected<Hook, HookFault> read_hook(std::string_view body, PageCutter& cutter);

/// The answer to a one-time verification: {"verification":"<challenge>"}. The challenge must be visible
/// ASCII.
[[nodiscard]] std::string verification_answer(std::string_view challenge);

}  // namespace logzio_okta
