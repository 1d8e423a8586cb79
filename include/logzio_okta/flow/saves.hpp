// Saves: the saves of one stream in one run. Only this class creates a Save: each gets the next number and is
// pending until the store reports that it, or a later one, is on disk.
//
//     Save save = saves.next(place);
//     saves.saved(save.number);
//     if (!saves.pending()) rest();
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/flow/place.hpp"

namespace logzio_okta {

class Saves {
 public:
  explicit Saves(StreamId stream) : stream_(stream) {}

  /// `counts`: what its pages count against limits::events_unsaved_max until it is on disk.
  [[nodiscard]] Save next(const Place& place, std::uint32_t counts = 0);
  /// This one and all before it are on disk.
  void saved(std::uint64_t number);

  [[nodiscard]] bool pending() const { return made_ > done_; }
  /// The sum for all saves not yet on disk.
  [[nodiscard]] std::uint32_t counts() const { return counts_; }
  [[nodiscard]] StreamId stream() const { return stream_; }

 private:
  StreamId stream_;
  std::uint64_t made_ = 0;
  std::uint64_t done_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint32_t>> waiting_;  ///< Number and counts, oldest first.
  std::uint32_t counts_ = 0;
};

}  // namespace logzio_okta
