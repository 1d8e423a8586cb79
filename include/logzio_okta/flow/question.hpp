// Question: what a stream asks Okta next, and for how many events.
//
//     const Question::Asked asked = question.next(link, limit, since);
//     question.answered();                                                  // With a page; or it failed:
//     if (auto smaller = question.stuck(now, at_once)) recover(*smaller);
//     if (auto full = question.try_full_pages(now, reach)) recover(*full);  // Something was settled.
//
// Usually that is Okta's next link, byte for byte. After five attempts without progress at one place, our own
// question replaces it: from the watermark, for 500 events, then 100, 10, 1, and 1000 again.
//
// Small pages get past an event that spoils a large one. An outage looks the same but needs no such cure, so
// the full size is tried again as soon as anything was answered; if that fails, ever more rarely until the
// watermark is past the trouble.
//
// A page of a single event that stays unreadable for long will stay so for ever: no other question helps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/okta/log_query.hpp"
#include "logzio_okta/okta/page_reader.hpp"

namespace logzio_okta {

class Question {
 public:
  static constexpr auto full_limit = static_cast<std::uint32_t>(limits::page_events_max);

  struct Asked {
    std::string target;
    std::uint32_t limit = 0;
    bool own = false;  ///< Composed by us, not a link of Okta's.
  };

  explicit Question(LogQuery query) : query_(std::move(query)) {}

  /// Starts with pages of this size.
  void open(Instant now, std::uint32_t limit);
  /// The next question. `link` has the limit `limit`; an empty link: the stream begins at `since`.
  [[nodiscard]] Asked next(const std::string& link, std::uint32_t limit, WallTime since) const;
  /// The limit of that.
  [[nodiscard]] std::uint32_t limit_of_next(std::uint32_t limit) const { return own_ ? limit_ : limit; }
  /// Our own question replaces the link, from `since`.
  void ask_from(WallTime since, std::uint32_t limit);
  [[nodiscard]] std::string target_from(WallTime since) const { return first_target(since, limit_, query_); }
  /// Our own question is pending.
  [[nodiscard]] bool own() const { return own_.has_value(); }

  /// With a page.
  void answered();
  /// Our own question was refused, perhaps because it goes back further than Okta keeps.
  void refused() { refused_ = true; }
  [[nodiscard]] bool was_refused() const { return refused_; }
  /// Failed in a way that another question may cure; `at_once`: repeating the same one would not help.
  /// Returns the page size to recover with, if it is time for that.
  [[nodiscard]] std::optional<std::uint32_t> stuck(Instant now, bool at_once);
  void unstuck() { stuck_ = 0; }

  struct Reach {
    std::optional<WallTime> watermark;      ///< Place::watermark
    std::optional<WallTime> restore_limit;  ///< Place::restore_limit
    bool at_tail = false;
  };
  /// The full page size, if it is time to try it.
  [[nodiscard]] std::optional<std::uint32_t> try_full_pages(Instant now, const Reach& reach);

  /// Whether the page is a single unreadable event with a good next link. Counts how often it came.
  [[nodiscard]] bool unreadable_alone(Instant now, const Asked& asked, std::string_view body, bool leads_on);
  /// The same bytes came for long: a fault in between would not last. A page that is visibly one event that
  /// is too large needs no such proof.
  [[nodiscard]] bool unreadable_for_good(Instant now, std::string_view body, BodyFault fault) const;
  /// The event is passed; full pages would only meet it again.
  void pass_unreadable(Instant now);

  /// Events per page of our latest question.
  [[nodiscard]] std::uint32_t limit() const { return limit_; }
  [[nodiscard]] bool full_pages() const { return limit_ == full_limit; }

 private:
  LogQuery query_;
  std::optional<std::string> own_;  ///< To be asked instead of the link.
  bool refused_ = false;
  std::uint32_t limit_ = 0;
  int stuck_ = 0;  ///< Failures at this place that another question may cure.
  /// A trial of the full page size: back to the small one if it fails before the watermark reaches `until`.
  struct Trial {
    std::uint32_t fall_back = 0;
    WallTime until;
  };
  std::optional<Trial> trial_;
  Instant trial_at_{};  ///< With small pages: no trial earlier.
  int failed_trials_ = 0;
  struct Unreadable {
    std::uint64_t hash = 0;
    int times = 0;
    Instant since{};
  };
  Unreadable unreadable_;  ///< The last page of one event that could not be read, and how often it came.
};

}  // namespace logzio_okta
