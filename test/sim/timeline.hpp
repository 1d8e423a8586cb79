// Timeline: virtual time and what is to happen in it. Nothing waits: the clock jumps to the next event.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::sim {

class Timeline {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Instant now() const { return now_; }
  /// Events at the same moment happen in the order they were planned.
  void at(Instant when, Action action) {
    events_.push_back({std::max(when, now_), ++planned_, std::move(action)});
    std::push_heap(events_.begin(), events_.end());
  }
  void after(Duration wait, Action action) { at(now_ + wait, std::move(action)); }

  /// `never` if nothing is planned.
  [[nodiscard]] Instant next() const { return events_.empty() ? never : events_.front().when; }
  void happen() {
    std::pop_heap(events_.begin(), events_.end());
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.when;
    event.action();
  }
  void advance_to(Instant when) { now_ = std::max(now_, when); }

 private:
  struct Event {
    Instant when;
    std::uint64_t number = 0;
    Action action;
    /// For the heap: the earliest event is the greatest.
    friend bool operator<(const Event& a, const Event& b) {
      return a.when != b.when ? a.when > b.when : a.number > b.number;
    }
  };

  Instant now_{};
  std::uint64_t planned_ = 0;
  std::vector<Event> events_;  ///< A heap: moved out of it, since an action may hold a whole answer.
};

}  // namespace logzio_okta::sim
