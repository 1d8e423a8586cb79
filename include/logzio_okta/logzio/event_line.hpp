// EventLine: one event as the line Logz.io takes.
//
// The bytes Okta sent, unchanged and in order, with these spliced in front unless the event has a top-level
// key of that name:
//
//     {"type":"okta","tenant_name":"<domain>",<the tenant's constant fields>
//      "@timestamp":"<published>","message":<displayMessage>,
//      "logzio_okta":{...},   <- only when there is something to say
//      <the event from behind its opening brace>
//
// A line break between the tokens of a pretty-printed event becomes a space, the only byte that ever changes:
// a line is a line. Over limits::line_bytes_max the event goes out reduced to the fields a hunter needs
// first, says so, and the caller sets the whole event aside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/logzio/line_constants.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

/// What "logzio_okta" has to say about an event.
struct Mark {
  bool possible_duplicate = false;  ///< It may have been delivered before (answer lost, crash, lost place).
  bool backfill = false;            ///< Older than the tenant's first start.
};

struct AppendedLine {
  /// Offset within the line of the byte behind the event's opening brace (in the line: the first byte after
  /// our splice), so that the event can be had back: "{" + line.substr(event_at).
  std::size_t event_at = 0;
  bool reduced = false;  ///< Okta's bytes did not fit; what was appended is the reduced form.
};

/// Appends the line and its '\n' to `out`. `event.object` must hold and `event.newline_inside` must not.
/// `extra_bytes`: what the transport will still put into the line (the token over TCP), counted against the
/// limit.
AppendedLine append_line(std::string& out, const EventSlice& event, const LineConstants& constants, Mark mark,
                         std::size_t extra_bytes);

}  // namespace logzio_okta
