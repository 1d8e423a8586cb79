// EventLine: one event as a line for Logz.io.
//
// Okta's bytes, unchanged and in order, with these members spliced in front unless the event has a top-level
// key of that name:
//
//     {"type":"okta","tenant_name":"<domain>",<the tenant's constant fields>
//      "@timestamp":"<published>","message":<displayMessage>,
//      "logzio_okta":{...},   <- only when there is something to say
//      <the event after its opening brace>
//
// A line break between the tokens of a pretty-printed event becomes a space; no other byte is ever changed.
// Over limits::line_bytes_max the event is reduced to its most important fields and marked as reduced, and
// the caller sets the whole event aside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/logzio/line_constants.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

/// What "logzio_okta" says about an event.
struct Mark {
  bool possible_duplicate = false;  ///< It may have been delivered before (answer lost, crash, lost place).
  bool backfill = false;            ///< Older than the tenant's first start.
};

struct AppendedLine {
  /// Offset in the line of the byte after the event's opening brace (the first byte after our splice), so
  /// that the event can be restored: "{" + line.substr(event_at).
  std::size_t event_at = 0;
  bool reduced = false;  ///< Okta's bytes did not fit; the reduced form was appended.
};

/// Appends the line and its '\n' to `out`. `event.object` must hold and `event.newline_inside` must not.
/// `extra_bytes`: what the transport will add to the line (the token over TCP), counted against the limit.
AppendedLine append_line(std::string& out, const EventSlice& event, const LineConstants& constants, Mark mark,
                         std::size_t extra_bytes);

}  // namespace logzio_okta
