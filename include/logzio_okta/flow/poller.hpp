// Poller: follows one stream (an org's System Log under one query) and decides when to ask.
//
//             start            Opened / Saved            granted            answer
//     created ------> opening ---------------> waiting ----------> asking ----------> waiting ...
//                                              ^     |  five failures at one place, or the link was refused
//                           WindowRead, and it |     v
//                    is asked from the watermark     saving pages --Saved--> reading window
//
// A new stream first sends a request that only shows Okta's clock: its start is resolved by that clock, never
// by ours, and saved (saving start) before anything is read.
//
// Progress knows how far it is delivered, Question what to ask, Recogniser what was seen before, Reading what
// a page means, Setbacks how long to wait after failures. The Poller holds the states, decides when to ask,
// and decides what an answer without a usable page means for the others.
//
// Promises
// - Okta's next link is used byte for byte, and only if it stays with the org.
// - A 200 without a link, or with the same one, keeps the place; its events are not handed on twice.
// - Short and empty pages are not taken for the end of the log (tail.hpp); events that Okta returns twice
//   within a few pages are handed on once.
// - No failure is final: everything is retried at growing intervals, and five failures at one place change
//   the question.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/failure.hpp"
#include "logzio_okta/flow/lateness.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/org_facts.hpp"
#include "logzio_okta/flow/progress.hpp"
#include "logzio_okta/flow/question.hpp"
#include "logzio_okta/flow/reading.hpp"
#include "logzio_okta/flow/recogniser.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/retention.hpp"
#include "logzio_okta/flow/setbacks.hpp"
#include "logzio_okta/flow/wake.hpp"
#include "logzio_okta/okta/domain.hpp"
#include "logzio_okta/okta/page_reader.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {

class Poller {
 public:
  Poller(StreamId stream, const TenantSpec& spec, const Policy& policy, Random random);

  /// Requests the stream's place from the store.
  void start(Instant now);
  /// Waits for Opened: it was requested.
  void stand_by(Instant now);
  /// `began`: the start of this run; after an unclean end, events published before it may be repeats.
  void opened(Now now, const Opened& opened, Instant began, const OrgFacts& org);
  void window_read(Now now, const WindowRead& read);
  void saved(Now now, std::uint64_t number);
  void settled(Now now, const Settlement& settlement, const OrgFacts& org);
  /// Likewise, when nothing can be saved any longer: it is only counted.
  void settled_too_late(const Settlement& settlement);

  /// Whether it would ask now if granted; `probing`: for new events that the listener may take although it
  /// refuses the others.
  [[nodiscard]] bool wants_to_ask(Now now, bool probing = false) const;
  /// It should have asked a while ago, but its last pages are not delivered and saved yet.
  [[nodiscard]] bool held_up(Now now) const;
  /// When `wants_to_ask` may become true because time has passed.
  [[nodiscard]] Instant deadline() const;
  /// The last page reached up to Okta's present. Requests at the tail are granted before any backlog.
  [[nodiscard]] bool at_tail() const { return lateness_.at_tail(); }
  /// Since when it has been ready to ask.
  [[nodiscard]] Instant wanting_since() const { return ask_at_; }

  /// The target of the request that was granted.
  [[nodiscard]] std::string ask(Now now);
  /// Handles the answer to it. The batch, if any, points into the reader.
  [[nodiscard]] std::optional<Batch> answered(Now now, OktaResult&& result, const OrgFacts& org,
                                              PageReader& reader);
  /// Asks soon (a key was replaced): ends waits that are due to failures.
  void wake(Now now);
  /// A hook announced an event (wake.hpp).
  void hook_arrived(Now now, std::optional<WallTime> published, Duration pace);

  /// The last call before a clean end: saves what may have been taken, so that a restart marks it.
  void finish(Now now, bool doubtful);
  /// Stops asking; pages in flight are still settled and saved. An answer in flight is ignored.
  void stop();
  /// It is stopped, and another stream of its org continues under another filter, until it is resumed.
  void overtaken() { progress_.overtaken(); }
  /// Continues after stop(), from where it stopped.
  void resume(Now now);
  /// Uses these constants for lines read from now on.
  void take_constants(const TenantSpec& spec);
  /// The final call: forgets unsettled pages, which nothing will settle. If the tenant returns, they are read
  /// again, and marked if they may have arrived.
  void abandon(Now now, bool doubtful);
  /// Okta named a moment before which it must not be asked: saves it, so that a restart does not forget it.
  void keep_quiet(Now now, const OrgFacts& org);

  [[nodiscard]] std::optional<Output> next_output();
  [[nodiscard]] bool opening() const { return std::holds_alternative<Opening>(state_); }
  [[nodiscard]] bool asking() const { return std::holds_alternative<Asking>(state_); }
  [[nodiscard]] bool saves_pending() const { return progress_.saves_pending(); }
  [[nodiscard]] bool drained() const { return progress_.drained(); }
  /// --once: everything from before its first answer is read, delivered and saved.
  [[nodiscard]] bool finished() const { return reading_.all_read() && drained() && !asking(); }
  [[nodiscard]] bool partly_settled() const { return progress_.partly_settled(); }
  /// Part of an unsettled page may have arrived at a destination that gave it back: a stop leaves it in
  /// doubt.
  void may_have_arrived(std::uint64_t page) { progress_.may_have_arrived(page); }
  /// When it last made progress: the start was saved, a page had new events, or some of them were settled.
  [[nodiscard]] Instant last_progress() const { return last_progress_; }

  /// Reports impending loss once an hour (retention.hpp).
  void watch_retention(Now now, const OrgFacts& org);

  [[nodiscard]] StreamId stream() const { return progress_.stream(); }
  [[nodiscard]] const Domain& domain() const { return domain_; }
  [[nodiscard]] const LogQuery& query() const { return query_; }
  [[nodiscard]] const std::shared_ptr<const LineConstants>& constants() const { return constants_; }
  [[nodiscard]] const std::string& key_cure() const { return key_cure_; }
  [[nodiscard]] const Place& place() const { return progress_.place(); }
  /// Its own part of the tenant's report; the scheduler adds what the org knows.
  [[nodiscard]] TenantReport report(Now now) const;

 private:
  struct Created {};
  struct Opening {};      ///< Waits for Opened.
  struct SavingStart {};  ///< Waits until its start is on disk.
  struct SavingPages {    ///< Waits until settled pages are on disk before it recovers.
    std::uint32_t limit = 0;
  };
  struct ReadingWindow {  ///< Waits for WindowRead, to recover with this limit or just to continue.
    std::optional<std::uint32_t> recover_with;
    std::vector<EventHash> unsettled;  ///< In its pages, not in the window on disk.
  };
  struct Waiting {};  ///< For ask_at_, a grant, or memory.
  struct Asking {
    Question::Asked asked;
  };
  using State = std::variant<Created, Opening, SavingStart, SavingPages, ReadingWindow, Waiting, Asking>;

  void begin(Now now, const OrgFacts& org);
  void take_clock(Now now, OktaReply& reply, const OrgFacts& org, PageReader& reader);
  [[nodiscard]] std::optional<Batch> take_page(Now now, const OktaReply& reply, const OrgFacts& org,
                                               const std::vector<EventSlice>& events, std::string_view unfit);
  void keep(LogPage&& page, Batch& batch, bool moved);
  void go_on(Now now, const ReadPage& read);
  [[nodiscard]] std::optional<Batch> take_unreadable(Now now, const OktaReply& reply, const OrgFacts& org,
                                                     PageReader& reader, const UnreadableBody& why);
  [[nodiscard]] bool has_room_for(std::size_t events) const;
  void date_of_answer(Now now, const OrgFacts& org);
  void all_is_well(Now now);

  void take_refusal(Now now, const OktaReply& reply, const OrgFacts& org);
  void failed(Now now, const Failure& failure);
  /// Whether the saved link may be followed; otherwise it is dropped.
  bool judge_saved_link();
  void recover(std::uint32_t limit);
  void recover_if_saved();
  void ask_from_watermark(Now now, std::uint32_t limit);
  [[nodiscard]] WallTime recovery_start(Now now) const;

  void pop_settled(Now now, const OrgFacts& org);
  [[nodiscard]] bool room_for_a_page(std::size_t events_max = limits::events_unsaved_max) const;
  void send(std::optional<Save>&& save);
  void note(Level level, std::string text);

  Domain domain_;
  LogQuery query_;
  std::shared_ptr<const LineConstants> constants_;
  std::string key_cure_;  ///< TenantSpec::key_cure.
  Policy policy_;

  State state_ = Created{};
  Progress progress_;
  Question question_;
  Recogniser recogniser_;
  Reading reading_;
  Setbacks setbacks_;
  Instant ask_at_{};
  Wake wake_;
  bool stopping_ = false;
  Complaint asks_again_;  ///< Never healed: it comes and goes.
  Retention retention_;
  Instant last_progress_{};
  Lateness lateness_;
  TenantReport seen_;  ///< Its own part of the report.
  std::deque<Output> outputs_;
};

}  // namespace logzio_okta
