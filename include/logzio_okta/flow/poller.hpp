// Poller: follows one stream (an org's System Log under one query) and knows when its place may move.
//
//             start            Opened / Saved            granted            answer
//     created ------> opening ---------------> waiting ----------> asking ----------> waiting ...
//                        ^                        |  five failures at one place, or the link was refused
//                        +---- window read back --+  (recovering: asked again from the watermark)
//
// A new stream first asks a question that only shows Okta's clock: its start is resolved by that, never by
// ours, and saved before anything is read.
//
// The reading half is one of the states above. The unsettled half is a queue of pages, of at most
// limits::in_doubt_events events, each with the place behind it; the stream's place moves to the newest page
// with nothing unsettled before it, and every move is one Save.
//
// Promises
// - The place never moves past an event that is not settled, and a Save never carries such a place.
// - Okta's next link is used byte for byte, and only if it stays with the org.
// - A 200 without a link, or with the same one, keeps the place; what was handed on from there is not handed
//   on twice.
// - Short and empty pages are not taken for the end of the log (tail.hpp); what Okta gives twice within a few
//   pages is handed on once.
// - After an unclean stop the events that may have been in flight are marked: those that were noted before
//   they were sent, or, where the machine went down with the process, those that can have been. Nothing
//   published after it is.
// - No failure is final: everything is tried again, ever more gently, and five failures at one place change
//   the question.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/flow/tail.hpp"
#include "logzio_okta/flow/window.hpp"
#include "logzio_okta/okta/domain.hpp"
#include "logzio_okta/okta/page.hpp"
#include "logzio_okta/okta/page_reader.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {

/// An answer of Okta as the poller needs it: with what its Org made of it.
struct OrgFacts {
  Standing standing = Standing::fine;
  bool all_keys_refused = false;
  std::optional<WallTime> quiet_until;  ///< By Okta's clock.
  std::chrono::milliseconds offset{0};  ///< Okta's clock minus ours.
  std::optional<Now> clock{};           ///< Okta's clock at an answer of this run, never ahead of it.
  std::optional<WallTime> date{};       ///< Of this answer, if it is believed.
};

class Poller {
 public:
  Poller(StreamId stream, const TenantSpec& spec, const Policy& policy, Random random);

  /// Asks for the stream's place.
  void start(Instant now);
  /// `began`: when this run did; after an unclean end, what was published before it may be a repeat.
  void opened(Now now, const Opened& opened, Instant began, const OrgFacts& org);
  void window_read(Now now, const WindowRead& read);
  void saved(Now now, std::uint64_t number);
  void settled(Now now, const Settlement& settlement, const OrgFacts& org);

  /// It would ask now, were it granted; `probing` for news that the listener might take where it refuses the
  /// rest.
  [[nodiscard]] bool wants_to_ask(Now now, bool probing = false) const;
  /// It would have asked a while ago, but its last pages are not delivered and saved yet.
  [[nodiscard]] bool held_up(Now now) const;
  /// When `wants_to_ask` can become true by time alone.
  [[nodiscard]] Instant deadline() const;
  /// The last page reached up to Okta's present. The tail is granted before any backlog.
  [[nodiscard]] bool at_tail() const { return at_tail_; }
  /// The moment since which it wants to ask.
  [[nodiscard]] Instant wanting_since() const { return ask_at_; }

  /// The target of the request that was granted.
  [[nodiscard]] std::string ask(Now now);
  /// The answer to it. The batch, if any, points into the reader.
  [[nodiscard]] std::optional<Batch> answered(Now now, OktaResult&& result, const OrgFacts& org,
                                              PageReader& reader);
  /// Ask soon (a key was replaced): waits that are about failures are over.
  void wake(Now now);

  /// A hook says that something happened: it asks as soon as it is at its tail and `pace` allows, and a few
  /// times more while nothing as new as `published` was read, since Okta may push an event before its log has
  /// it.
  void hook_arrived(Now now, std::optional<WallTime> published, Duration pace);

  /// The last words before an orderly end: marks what may have been taken, so that a restart says so.
  void finish(Now now, bool doubtful);
  /// Nothing is asked any more; what is on its way is still settled and saved. An answer on its way is
  /// forgotten.
  void stop();
  /// Stopped, and another stream of its org goes on under another filter; until it is resumed.
  void overtaken() { overtaken_ = true; }
  /// Goes on after stop(), from where it stood.
  void resume(Now now);
  /// What its lines say from now on, of those read from now on.
  void take_constants(const TenantSpec& spec);
  [[nodiscard]] const std::string& key_cure() const { return key_cure_; }
  /// Its last: forgets what is not settled, which nobody will bring to an end. When the tenant comes back it
  /// is asked for again, marked where it may have arrived.
  void abandon(Now now, bool doubtful);
  /// Okta named a moment before which it wants to hear nothing: saved, so that a restart does not forget it.
  void keep_quiet(Now now, const OrgFacts& org);

  [[nodiscard]] std::optional<Output> next_output();
  [[nodiscard]] bool asking() const { return std::holds_alternative<Asking>(state_); }
  [[nodiscard]] bool saves_pending() const { return saves_made_ > saves_done_; }
  [[nodiscard]] bool drained() const { return pages_.empty() && !saves_pending(); }
  /// --once: everything from before its first answer is read, delivered and saved.
  [[nodiscard]] bool finished() const { return all_read_ && drained() && !asking(); }
  [[nodiscard]] bool partly_settled() const;
  /// Some of an unsettled page may have arrived at a destination that gave it back: a stop leaves it in
  /// doubt.
  void may_have_arrived(std::uint64_t page);
  /// When something last moved: the start was saved, a page brought news, some of it was settled.
  [[nodiscard]] Instant last_progress() const { return last_progress_; }

  /// Says once an hour what is at stake: the backlog's age, and the gap if Okta has forgotten.
  void watch_retention(Now now, const OrgFacts& org);

  [[nodiscard]] StreamId stream() const { return stream_; }
  [[nodiscard]] const Domain& domain() const { return domain_; }
  [[nodiscard]] const LogQuery& query() const { return query_; }
  [[nodiscard]] const std::shared_ptr<const LineConstants>& constants() const { return constants_; }
  std::string key_cure_;  ///< TenantSpec::key_cure.
  [[nodiscard]] const Place& place() const { return place_; }
  /// Its own part of the tenant's report; the scheduler adds what the org knows.
  [[nodiscard]] TenantReport report(Now now) const;

 private:
  struct Created {};
  struct Opening {};      ///< Waits for Opened.
  struct SavingStart {};  ///< Waits until its start is on disk.
  struct SavingPages {    ///< Waits until what is settled is on disk before it recovers.
    std::uint32_t limit = 0;
  };
  struct ReadingWindow {  ///< Waits for WindowRead, to recover with this limit or just to go on.
    std::optional<std::uint32_t> recover_with;
    std::vector<EventHash> unsettled;  ///< Known by its pages, not by the window on disk.
  };
  struct Waiting {};  ///< Until ask_at_, a grant, or room.
  struct Asking {
    std::string target;
    std::uint32_t limit = 0;
    bool own_question = false;  ///< Composed by us, not a link of Okta's.
  };
  using State = std::variant<Created, Opening, SavingStart, SavingPages, ReadingWindow, Waiting, Asking>;

  /// A page on its way, and what is true once all of it is settled.
  struct Page {
    std::uint64_t number = 0;
    std::uint32_t asked = 0;   ///< The limit it was asked with.
    std::uint32_t counts = 0;  ///< Of limits::events_unsaved_max.
    std::uint32_t passes = 0;  ///< Of what is in doubt; nothing where it may hold what was settled before.
    std::uint32_t unsettled = 0;
    bool touched = false;  ///< Some of it is settled, or may have arrived where it is not sent any more.
    std::string next;      ///< Where the place moves: Okta's link, or the same target again.
    bool repeated = false;
    bool ends_recovery = false;
    bool ends_doubt = false;            ///< Nothing behind it was in flight before the doubt began.
    std::optional<WallTime> tail_at;    ///< By Okta's clock: the tail was seen then.
    std::optional<WallTime> newest;     ///< Greatest `published` in it.
    std::optional<WallTime> watermark;  ///< `newest`, never later than the answer's Date.
    std::vector<EventHash> hashes;
    std::vector<SetAside> kept;
  };

  void begin(Now now, const OrgFacts& org);
  void take_clock(Now now, OktaReply& reply, const OrgFacts& org, PageReader& reader);
  void all_is_well(Now now);
  [[nodiscard]] std::optional<Batch> take_page(Now now, const OktaReply& reply, const OrgFacts& org,
                                               const std::vector<EventSlice>& events, std::string_view unfit);
  static void fold(Page&& empty, Page& into);
  void date_of_answer(Now now, const OrgFacts& org);
  void take_link(const OktaReply& reply, bool empty, Page& page, std::string& why_not);
  [[nodiscard]] Batch choose(const std::vector<EventSlice>& events, std::string_view unfit, WallTime date,
                             Page& page);
  [[nodiscard]] Mark mark_of(const EventSlice& event, bool changed, bool doubted) const;
  [[nodiscard]] bool may_have_been_in_flight(const EventSlice& event, WallTime date);
  [[nodiscard]] std::uint32_t doubt_left() const;
  [[nodiscard]] std::optional<Batch> take_unreadable(Now now, const OktaReply& reply, const OrgFacts& org,
                                                     PageReader& reader, const UnreadableBody& why);
  [[nodiscard]] bool unreadable_alone(Now now, const OktaReply& reply, std::string_view body);
  [[nodiscard]] bool unreadable_for_good(Now now, std::string_view body, BodyFault fault) const;
  void refuse_surplus(Now now, std::size_t events);
  [[nodiscard]] bool take_nameless(const EventHash& hash);

  void take_refusal(Now now, const std::string& said);
  void take_status(Now now, const OktaReply& reply, const OrgFacts& org);
  void take_foreign(Now now, const HttpAnswer& answer);
  void take_transport_error(Now now, const TransportError& error);
  struct Failure {
    std::string_view kind;  ///< For telling one failure from another.
    std::string text;
    bool stuck = false;         ///< Another question may cure it, ...
    bool at_once = false;       ///< ... and the same again would not.
    Level level = Level::warn;  ///< At least.
    Urgency urgency = Urgency::waits;
  };
  void failed(Now now, const Failure& failure);
  /// Whether the saved link may be followed; one that may not is forgotten.
  bool judge_saved_link();
  /// What was published up to `since` may have been delivered before; so many events are looked at.
  void doubt(Now now, Instant since, std::uint32_t events);
  void learn_clock(Now now, const OrgFacts& org);
  [[nodiscard]] bool undated() const;
  [[nodiscard]] std::string take_doubt(Now now, const Opened& opened, Instant began);
  void recover(std::uint32_t limit);
  void recover_if_saved();
  void ask_from_watermark(Now now, std::uint32_t limit);
  [[nodiscard]] WallTime reached() const;
  [[nodiscard]] WallTime recovery_start(Now now) const;
  void restore_limit(Now now);
  [[nodiscard]] bool has_place() const;
  void ask_again_if_woken(Now now, bool empty);

  void pop_settled(Now now, const OrgFacts& org);
  void move_place(const OrgFacts& org, Page& page, Save& save);
  [[nodiscard]] std::uint32_t limit_of_next() const;
  [[nodiscard]] std::uint32_t unsaved() const;
  [[nodiscard]] bool has_room_for(std::size_t events) const;
  [[nodiscard]] bool room_for_a_page(std::size_t events_max = limits::events_unsaved_max) const;
  [[nodiscard]] WallTime okta_time(Now now) const;
  void trim_window(Save& save);
  void save_place(const std::vector<SetAside>& kept = {});
  void save(Save&& save, std::uint32_t counts);
  void note(Level level, std::string text);

  StreamId stream_;
  Domain domain_;
  LogQuery query_;
  std::shared_ptr<const LineConstants> constants_;
  Policy policy_;
  Random random_;

  State state_ = Created{};
  bool beginning_ = false;  ///< New, and Okta's clock was not seen yet: there is no place.
  Place place_;
  /// In doubt are these and no others, if it is known: in order, and whether each was met again.
  struct InFlight {
    std::vector<EventHash> events;
    std::vector<bool> met;
    std::size_t left = 0;

    explicit InFlight(std::vector<EventHash> noted);
    /// Whether it is one of them; it is met from now on.
    [[nodiscard]] bool meet(const EventHash& event);
  };
  std::optional<InFlight> in_flight_;
  std::optional<Instant> doubt_since_;  ///< When this run began, after an unclean end of the last.
  WallTime doubted_before_ =
      WallTime::min();                   ///< InDoubt::before of an earlier doubt, which this one goes on.
  std::optional<Now> okta_clock_;        ///< Okta's time in a moment of ours, at its last answer.
  bool place_dirty_ = false;             ///< Holds something that no Save has carried yet.
  std::optional<std::string> question_;  ///< Our own, to be asked instead of following the link.
  bool question_refused_ = false;        ///< Our own was, perhaps for going back further than Okta keeps.
  std::uint32_t limit_ = 0;              ///< Events a page under our latest question.
  Instant ask_at_{};
  Instant asked_at_{};  ///< When it last asked.
  bool at_tail_ = false;
  /// By a hook, and what it told of was not read yet.
  struct Woken {
    std::optional<WallTime> published;
    int asked = 0;  ///< How often since.
    Duration pace{};
  };
  std::optional<Woken> woken_;
  std::optional<WallTime> newest_read_;  ///< Greatest `published` of all pages read.
  std::optional<WallTime> tail_at_;      ///< By Okta's clock: when the tail was last seen.
  Tail tail_;
  LaterEvents after_start_;     ///< For --once: after its first answer.
  LaterEvents after_question_;  ///< After we asked from the watermark.
  LaterEvents after_doubt_;     ///< After the restart that left something in doubt.
  bool all_read_ = false;       ///< For --once.
  bool stopping_ = false;
  bool overtaken_ = false;

  std::deque<Page> pages_;  ///< Not settled, oldest first.
  std::deque<std::pair<std::uint64_t, std::uint32_t>>
      unacknowledged_;  ///< Saves not on disk yet, and what their pages count.
  std::uint64_t pages_made_ = 0;
  std::uint64_t saves_made_ = 0;
  std::uint64_t saves_done_ = 0;

  Window window_;                        ///< In use while filtering_ is set or the newest place repeats.
  std::optional<WallTime> window_from_;  ///< Like Place::window_from, but of what is in use.
  std::optional<WallTime> filtering_;    ///< Like Place::recovering, but of what is being read.
  bool repeating_ = false;               ///< Like Place::repeated, but of what is being read.
  Recent recent_;                        ///< What was read last, be it delivered or not.
  std::deque<RowInfo> rows_;             ///< What the window on disk holds.
  std::size_t row_events_ = 0;
  /// Events without a uuid that were on their way when a recovery began: their bytes, and how often.
  std::map<std::uint64_t, std::uint32_t> nameless_;

  int tries_ = 0;  ///< Failures in a row.
  struct Unreadable {
    std::uint64_t hash = 0;
    int times = 0;
    Instant since{};
  };
  Unreadable unreadable_;  ///< The last page of one event that could not be read, and how often it came.
  int stuck_ = 0;          ///< Of the kind that another question may cure, at this place.
  /// The full page size, which goes back to the small one if it fails before the watermark is at `until`.
  struct Trial {
    std::uint32_t fall_back = 0;
    WallTime until;
  };
  std::optional<Trial> trial_;
  Instant trial_at_{};  ///< With small pages: no trial before.
  int failed_trials_ = 0;
  Complaint trouble_;
  Complaint backlog_{Complaint::Rhythm::hourly};
  Instant last_progress_{};

  EventCounts counts_;
  RequestCounts requests_;
  std::uint64_t hostile_links_ = 0;
  bool other_name_said_ = false;  ///< That Okta's links name another of its hosts.
  std::uint64_t gaps_ = 0;
  std::optional<WallTime> last_answer_;
  std::optional<WallTime> last_delivery_;
  std::string last_error_;
  std::deque<Output> outputs_;
};

}  // namespace logzio_okta
