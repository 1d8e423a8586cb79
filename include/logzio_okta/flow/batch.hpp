// What a Poller hands to a Shipper, and what comes back. The scheduler carries both; neither knows the other.
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
  std::string_view unfit{};  ///< Why it cannot become a line, where its bytes alone do not say so.
};

/// The events of one page that are to be shipped. Points into the page: valid only while it is handed over.
struct Batch {
  StreamId stream;
  std::uint64_t page = 0;
  std::shared_ptr<const LineConstants> constants;
  std::vector<BatchEvent> events;
  bool newest = false;  ///< All its stream had, and nothing of it is still on its way: what others catch up
                        ///< on may wait for this.
};

/// Some events of a page are settled. `delivered + set_aside` over all settlements of a page make up its
/// batch.
struct Settlement {
  StreamId stream;
  std::uint64_t page = 0;
  std::uint32_t delivered = 0;
  std::uint32_t marked = 0;   ///< Of the delivered.
  std::uint32_t reduced = 0;  ///< Of the delivered.
  std::uint32_t set_aside = 0;
  bool in_doubt = false;       ///< Some of what is set aside may have been taken all the same.
  std::vector<SetAside> kept;  ///< To be saved with the page, before its place moves.
};

}  // namespace logzio_okta
