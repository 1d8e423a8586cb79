// History: what is in one org's log, decided before the run: small events with a uuid and a date, bursts,
// late ones, and a few that are odd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"

#include "model/events.hpp"
#include "sim/plan.hpp"

namespace logzio_okta::sim {

struct PastEvent {
  std::string bytes;
  std::string mark;  ///< A unique text that is in it and in every line made of it.
  WallTime published;
  WallTime persisted;
  model::Fate fate = model::Fate::whole;
  bool known_by_uuid = true;
  bool dated = true;
  bool poison = false;    ///< The listener refuses any bulk it is in.
  bool objected = false;  ///< The listener counts it as refused.
  bool plain = false;     ///< Not an odd one: no key clashes with the members put in front.
};

/// What is in the events that the listener objects to.
inline constexpr std::string_view objectionable = "objectionable";

/// Events between `begin` and `end` by the org's clock and, ever more rarely, until `fade_out`; in the order
/// they are persisted.
[[nodiscard]] std::vector<PastEvent> make_history(const Plan& plan, std::uint64_t seed, std::size_t events,
                                                  WallTime begin, WallTime end, WallTime fade_out);

}  // namespace logzio_okta::sim
