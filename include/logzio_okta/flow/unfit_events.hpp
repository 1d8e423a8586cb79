// UnfitEvents: the events of a batch that cannot become a line, and their settlement.
//
//     UnfitEvents unfit(batch);
//     for (const BatchEvent& event : batch.events) {
//       if (!unfit.take(event, protocol)) add(event);
//     }
//     if (unfit.any()) emit(std::move(unfit).settlement());
#pragma once

#include <cstddef>
#include <map>
#include <string_view>

#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/logzio/endpoint.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {

class UnfitEvents {
 public:
  explicit UnfitEvents(const Batch& batch) : settlement_{.stream = batch.stream, .page = batch.page} {}

  /// True if the event cannot become a line; it is set aside then.
  [[nodiscard]] bool take(const BatchEvent& event, Protocol protocol);
  /// Its line was reduced to fit: keeps the whole event.
  void keep_whole(const EventSlice& event);

  /// Whether something is to be kept.
  [[nodiscard]] bool any() const { return !settlement_.kept.empty(); }
  /// How many events were kept for which reason, for people.
  [[nodiscard]] std::map<std::string_view, std::size_t> by_reason() const;
  [[nodiscard]] Settlement settlement() && { return std::move(settlement_); }

 private:
  Settlement settlement_;
};

}  // namespace logzio_okta
