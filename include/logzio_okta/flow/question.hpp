// Question: what a stream asks Okta next, and for how many events.
//
//     const Question::Asked asked = question.next(link, limit, since);
//     question.answered();                                                  // With a page; or it failed:
//     if (auto smaller = question.stuck(now, at_once)) recover(*smaller);
//     if (auto full = question.try_full_pages(now, reach)) recover(*full);  // Something was settled.
//
// Usually that is Okta's next link, byte for byte. Where there is no progress five times at one place, our
// own question takes its place: from the watermark, for 500 events, then 100, 10, 1, and 1000 again.
//
// Small pages help past what cannot be had in a large one. An outage looks the same and needs no cure, so the
// full size is on trial as soon as anything was answered; when that fails, ever more rarely until the
// watermark is past the trouble.
//
// A page of one event that is unreadable for long will be so for ever: no other question would cure it.
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

  /// Goes on with pages of this size.
  void open(Instant now, std::uint32_t limit);
  /// `link` was asked with `limit`; empty: the stream begins, at `since`.
  [[nodiscard]] Asked next(const std::string& link, std::uint32_t limit, WallTime since) const;
  /// The limit of that.
  [[nodiscard]] std::uint32_t limit_of_next(std::uint32_t limit) const { return own_ ? limit_ : limit; }
  /// Our own takes the link's place, from this moment.
  void ask_from(WallTime since, std::uint32_t limit);
  [[nodiscard]] std::string target_from(WallTime since) const { return first_target(since, limit_, query_); }
  /// Our own is to be asked, and has not been answered.
  [[nodiscard]] bool own() const { return own_.has_value(); }

  /// With a page.
  void answered();
  /// Our own was refused, perhaps for going back further than Okta keeps.
  void refused() { refused_ = true; }
  [[nodiscard]] bool was_refused() const { return refused_; }
  /// Failed in a way that another question may cure; `at_once`: and the same again would not. The page size
  /// to recover with, if it is time for that.
  [[nodiscard]] std::optional<std::uint32_t> stuck(Instant now, bool at_once);
  void unstuck() { stuck_ = 0; }

  struct Reach {
    std::optional<WallTime> watermark;      ///< Place::watermark
    std::optional<WallTime> restore_limit;  ///< Place::restore_limit
    bool at_tail = false;
  };
  /// The full page size, if it is time to try it.
  [[nodiscard]] std::optional<std::uint32_t> try_full_pages(Instant now, const Reach& reach);

  /// An unreadable page of one single event whose next link is good. Counts how often it came.
  [[nodiscard]] bool unreadable_alone(Instant now, const Asked& asked, std::string_view body, bool leads_on);
  /// The same bytes for long: something broken in between would not last. What is seen to be one event that
  /// is too large needs no such proof.
  [[nodiscard]] bool unreadable_for_good(Instant now, std::string_view body, BodyFault fault) const;
  /// It is passed; full pages would only meet it again.
  void pass_unreadable(Instant now);

  /// Events a page under our latest question.
  [[nodiscard]] std::uint32_t limit() const { return limit_; }
  [[nodiscard]] bool full_pages() const { return limit_ == full_limit; }

 private:
  LogQuery query_;
  std::optional<std::string> own_;  ///< To be asked instead of following the link.
  bool refused_ = false;
  std::uint32_t limit_ = 0;
  int stuck_ = 0;  ///< Failures of the kind that another question may cure, at this place.
  /// The full page size, which goes back to the small one if it fails before the watermark is at `until`.
  struct Trial {
    std::uint32_t fall_back = 0;
    WallTime until;
  };
  std::optional<Trial> trial_;
  Instant trial_at_{};  ///< With small pages: no trial before.
  int failed_trials_ = 0;
  struct Unreadable {
    std::uint64_t hash = 0;
    int times = 0;
    Instant since{};
  };
  Unreadable unreadable_;  ///< The last page of one event that could not be read, and how often it came.
};

}  // namespace logzio_okta
