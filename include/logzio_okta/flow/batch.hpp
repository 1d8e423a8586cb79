// Messages between a Poller and a Shipper: events one way, settlements the other. The scheduler carries both;
// neither knows the other.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/logzio/event_line.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

struct BatchEvent {
  const EventSlice* event = nullptr;
  Mark mark;
  std::string_view unfit{};  ///< Why it cannot become a line, if its bytes alone do not show it.
};

/// The events of one page to be shipped. Points into the page: valid only during the call.
struct Batch {
  StreamId stream;
  std::uint64_t page = 0;
  std::shared_ptr<const LineConstants> constants;
  std::vector<BatchEvent> events;
  /// It is all that its stream had, with nothing else in flight: tenants that catch up wait for this.
  bool newest = false;
};

/// Some events of a page are settled. `delivered + set_aside` over all settlements of a page add up to its
/// batch.
struct Settlement {
  StreamId stream;
  std::uint64_t page = 0;
  std::uint32_t delivered = 0;
  std::uint32_t marked = 0;   ///< Delivered events.
  std::uint32_t reduced = 0;  ///< Delivered events.
  std::uint32_t set_aside = 0;
  bool in_doubt = false;       ///< Some of the events set aside may have been taken anyway.
  std::vector<SetAside> kept;  ///< To be saved with the page, before the place moves past it.
};

}  // namespace logzio_okta
