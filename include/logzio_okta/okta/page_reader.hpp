// PageReader: decodes an answer of the System Log and cuts it into events, bounded in bytes and elements.
// Owns the memory for it, which is reused from page to page.
//
//     PageReader reader;
//     if (reader.read(answer)) take(reader.events());
//     reader.let_go();  // When nothing points into it any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/http/message.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

enum class BodyFault : std::uint8_t {
  damaged,     ///< Not gzip, or cut.
  encoding,    ///< A Content-Encoding that was not asked for.
  too_large,   ///< More than limits::answer_bytes_max as received, or limits::page_bytes_max decoded.
  too_many,    ///< More than limits::page_elements_max elements.
  not_a_page,  ///< Not a complete array.
};
/// "a damaged or truncated gzip body"
[[nodiscard]] std::string describe_fault(BodyFault fault);

struct UnreadableBody {
  BodyFault fault = BodyFault::not_a_page;
  std::size_t bytes = 0;  ///< Size of the decoded body, at least.
};

class PageReader {
 public:
  /// Moves the decoded body out of the answer and cuts it into events, or says what is wrong with it. On
  /// failure body() has what was decoded; if it is too large or has too many elements, only its beginning
  /// (limits::beginning_bytes_max), which is the same each time.
  [[nodiscard]] std::expected<void, UnreadableBody> read(HttpAnswer& answer);

  /// They point into the body; valid until the next read() or let_go().
  [[nodiscard]] const std::vector<EventSlice>& events() const { return cutter_.events(); }
  [[nodiscard]] std::string_view body() const { return body_; }

  /// The whole body as one event, identified by its bytes: its uuid cannot be read.
  [[nodiscard]] EventSlice whole() const { return {.bytes = body_, .hash = EventHash::of(body_, body_)}; }
  /// The same as a batch of one event that cannot become a line for this reason; empty: its bytes show why.
  [[nodiscard]] const std::vector<EventSlice>& take_whole(std::string reason);
  /// That reason; empty for a page that was cut.
  [[nodiscard]] std::string_view unfit() const { return unfit_; }

  /// Releases memory beyond what a usual page needs.
  void let_go();
  /// For other arrays of events, which share its memory.
  [[nodiscard]] PageCutter& cutter() { return cutter_; }

 private:
  std::string body_;
  PageCutter cutter_;
  std::vector<EventSlice> whole_;
  std::string unfit_;
};

}  // namespace logzio_okta
