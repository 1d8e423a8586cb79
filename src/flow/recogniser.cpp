#include "logzio_okta/flow/recogniser.hpp"

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {

void Recogniser::open(const Place& place, const std::vector<WindowRow>& recent) {
  recent_ = Recent(recent);
  filtering_ = place.recovering;
  if (filtering_) after_question_.begin(*filtering_ + to_ms(limits::recovery_overlap));
  repeating_ = place.repeated;
}

void Recogniser::note_nameless(const Unsettled<LogPage>& on_its_way) {
  nameless_.clear();
  for (const LogPage& page : on_its_way) {
    for (const EventHash& hash : page.hashes) {
      if (hash.uuid == 0) ++nameless_[hash.bytes];
    }
  }
}

void Recogniser::take_window(const std::vector<WindowRow>& rows, const std::vector<EventHash>& on_its_way,
                             std::optional<WallTime> from) {
  window_ = Window(rows);
  window_.add(on_its_way);
  window_from_ = from;
}

void Recogniser::filter_until(WallTime watermark) {
  filtering_ = watermark;
  after_question_.begin(watermark + to_ms(limits::recovery_overlap));
  repeating_ = false;
}

std::vector<Recogniser::Seen> Recogniser::look(const std::vector<EventSlice>& events) {
  std::vector<Seen> all(events.size(), Seen::fresh);
  const bool in_window = filtering_ || repeating_;
  Window::Page window(window_, repeating_);
  const std::vector<Window::Known> seen_lately = recent_.look_up_and_add(events);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EventHash& hash = events[i].hash;
    Window::Known found = in_window ? window.look_up(hash) : Window::Known::no;
    if (found == Window::Known::no) found = seen_lately[i];
    const bool under_way = filtering_ && hash.uuid == 0 && take_nameless(hash);
    const bool known = found == Window::Known::yes || under_way;
    after_question_.pass(events[i].published_at, known);
    if (known) {
      all[i] = Seen::known;
    } else if (found == Window::Known::changed || cannot_be_known(events[i])) {
      all[i] = Seen::perhaps;
    }
  }
  return all;
}

// Once for each time it is in flight.
bool Recogniser::take_nameless(const EventHash& hash) {
  const auto found = nameless_.find(hash.bytes);
  if (found == nameless_.end() || found->second == 0) return false;
  --found->second;
  return true;
}

// When asked again: older than the window, or without a uuid to be known by.
bool Recogniser::cannot_be_known(const EventSlice& event) const {
  const auto published = event.published_at;
  const bool beyond_window =
      (filtering_ || repeating_) && window_from_ && (!published || *published <= *window_from_);
  return beyond_window || (filtering_ && event.uuid.empty());
}

bool Recogniser::settled_before(const EventHash& event) const {
  return filtering_ && Window::Page(window_, false).look_up(event) == Window::Known::yes;
}

void Recogniser::passed(std::span<const EventHash> handed_on, bool repeated, bool ends_recovery) {
  if (repeated) window_.add(handed_on);
  if (ends_recovery) {
    filtering_.reset();
    nameless_.clear();
  }
  repeating_ = repeated;
  if (filtering_ || repeating_) return;
  window_ = Window();
  window_from_.reset();
}

bool Recogniser::overgrown() const {
  return repeating_ && window_.size() > 2 * limits::window_events_max;
}

}  // namespace logzio_okta
