// Judge: keeps its own record of a run and convicts. It trusts no counter of the code under test.
//
// It hears everything that crosses the core's border: what Okta holds, what is asked, sent, taken, answered,
// made durable. Whatever breaks a promise is thrown as a Violation.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/http/url.hpp"

#include "model/event_log.hpp"
#include "model/ledger.hpp"
#include "sim/history.hpp"
#include "sim/plan.hpp"

namespace logzio_okta::sim {

struct Violation {
  std::string text;
  std::optional<std::size_t> org{};    ///< The org it concerns,
  std::optional<std::size_t> event{};  ///< and which event, by the judge's numbers.
};

/// What the judge must know of an org.
struct Charge {
  std::string name;
  std::string stream;    ///< The name of its stream on disk.
  std::string filter{};  ///< Text that the requested events must hold, ...
  std::string q{};       ///< ... with this one. All events if both are empty.
  Origin origin;
  const model::EventLog* log = nullptr;
  std::int64_t rate_limit = 0;
  Duration window{};
  Duration window_offset{};
  Duration since_ago{};  ///< How far before its start it is to begin.
};

class Judge {
 public:
  explicit Judge(const Plan& plan);

  using OrgIndex = std::size_t;
  OrgIndex add_org(Charge charge, const std::vector<PastEvent>& history);

  // Runs of the daemon.
  void run_begins(Instant now);
  /// The stream's place was brought at this moment, by the org's clock.
  void opened(OrgIndex org, const Opened& opened, WallTime okta_time);
  /// `orderly`: exit code 0 and everything on disk.
  void run_ends(bool orderly, bool crashed, const std::vector<WallTime>& okta_times);
  void wall_jumped();
  /// Between two runs: the state is gone, or is an earlier one, which `durable` is told.
  void state_replaced();

  // Okta.
  /// The keys of the org in the tenants file are these from now on; those of `apps` are service apps.
  void holds_keys(OrgIndex org, const std::vector<CredentialId>& keys, const std::vector<CredentialId>& apps,
                  Instant now);
  /// False if the request is made only to use the key, and the answer is not needed.
  bool asked(OrgIndex org, const AskOkta& ask, WallTime okta_time, Now now);
  struct Heard {
    int status = 0;
    bool of_okta = true;                  ///< False: an intermediary has answered.
    std::optional<WallTime> quiet_until;  ///< By the org's clock.
    std::optional<std::int64_t> remaining;
    std::size_t begin = 0;  ///< The requested events in it, by their place in the log.
    std::size_t events = 0;
    WallTime asked_at;  ///< When it reached the org, by its clock.
    WallTime sent_at;   ///< When the core asked, by the org's clock.
    Duration took{};    ///< From the request to the answer.
    CredentialId credential{};
  };
  void heard(OrgIndex org, const Heard& heard, Instant now);
  void answer_lost(OrgIndex org, WallTime sent_at, Instant now);
  /// The core asks for an access token.
  void minting(OrgIndex org, const MintToken& mint, Instant now);
  /// The outcome, as far as the core was told.
  struct Minted {
    std::optional<Duration> life{};     ///< Granted, for this long.
    bool refused = false;               ///< Okta itself does not accept the credential as it is.
    std::optional<Duration> silence{};  ///< Named by a 429.
  };
  void minted(OrgIndex org, const MintToken& mint, const Minted& minted, Instant now);
  /// Before a restart: a 429 received long enough ago must be remembered, a fresh one may be forgotten.
  void forget_fresh_silences(Instant now, bool disk_was_fine);
  /// The org's entry in the tenants file from now on. `constants`: what each of its lines says.
  void listed(OrgIndex org, bool in_file, DestinationId account, const std::string& constants);
  /// An answer with these events of its log has come back, given at this moment by the org's clock.
  void brought(OrgIndex org, std::size_t begin, std::size_t events, WallTime at);

  // Listener.
  /// What is in a bulk. Read once, since the core sends the same bytes again until they are taken.
  struct Contents {
    std::size_t lines = 0;
    std::size_t bytes = 0;
    std::vector<std::size_t> events;  ///< By the judge's numbers; a line of a hook's event has none.
    bool poison = false;
  };
  [[nodiscard]] Contents read(std::string_view plain) const;
  void sent(const SendBulk& bulk, const Contents& contents);
  void stored(std::string_view line, DestinationId account, WallTime wall);
  void bulk_is_in() const { judge_ledger(); }
  void account_forgotten(DestinationId account) { listeners_gone_.erase(account); }
  /// Whether the answer to it says something of the listener: it is the first one, and the bulk is more than
  /// lines that a 400 has counted, sent again to find the refused ones.
  [[nodiscard]] bool concerns_listener(BulkId id) const;
  void answered(BulkId id, const BulkResult& result);

  // Copies.
  /// A copy to be kept as it is; on disk with the next commit.
  void copied(std::string_view plain);
  void copies_synced();

  // Disk.
  void saves_fail(bool fail) { saves_fail_ = fail; }
  /// Without `okta_times` it was there before: nothing dates it again.
  void durable(const std::string& key, const Save& save, const std::vector<WallTime>& okta_times);

  // What people see.
  void noted(const Note& note, Instant now);
  void saw(const Report& report, Instant now, const std::vector<WallTime>& okta_times);

  /// Every event persisted before the given moments is where it belongs, and known to be there.
  [[nodiscard]] std::optional<Violation> first_unsettled(const std::vector<WallTime>& until) const;
  /// No healthy account waits for one that is in trouble.
  void judge_apart(WallTime wall) const;
  /// Likewise, for what is in the tenants file: the promise of a run of --once that ended with 0.
  [[nodiscard]] std::optional<Violation> first_left_behind(const std::vector<WallTime>& until) const;
  [[nodiscard]] std::string summary() const { return ledger_.judge().summary(); }
  [[nodiscard]] std::size_t delivered() const { return delivered_; }
  /// The number of an org's first event; the others follow in its log's order.
  [[nodiscard]] std::size_t first_event(OrgIndex org) const { return orgs_[org].first; }

 private:
  struct HashOfText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Event {
    OrgIndex org = 0;
    WallTime published;
    WallTime persisted;
    std::string mark;
    model::Fate fate = model::Fate::whole;
    bool known_by_uuid = true;
    bool dated = true;
    bool asked_for = false;      ///< By the filter.
    bool expected = false;       ///< Persisted at or after where the stream began, and asked for.
    bool aside = false;          ///< Durably.
    bool among_refused = false;  ///< Likewise, with others, and which of them were refused is unknown.
    bool copied = false;         ///< Likewise.
    bool durable = false;        ///< The place on disk says that it is settled.
    bool issued = false;         ///< The ledger knows it.
    bool forgotten = false;      ///< The state in which its delivery was noted is gone.
    bool poison = false;
    bool plain = false;
    std::uint64_t first_life = 0;  ///< The life of its stream in which an answer first brought it.
    std::uint64_t came_under = 0;  ///< A bit for each of its org's entries under which an answer brought it.
    std::uint64_t unsaved_in_life = 0;  ///< An answer brought it, and nothing on disk covers it yet.
    std::uint32_t stores = 0;
    std::uint64_t stored_life = 0;
    std::uint64_t stored_run = 0;
    std::uint64_t copied_in_run = 0;   ///< A copy was to be kept, which may not be on disk yet.
    std::uint64_t doubted_in_run = 0;  ///< As far as the core was told, a bulk with it was perhaps taken.
    std::uint64_t counted_in_run = 0;  ///< A bulk with it was taken in part, and which part is unknown.
    std::uint64_t tried_in_run = 0;    ///< It was sent again because of that.
    bool went_reduced = false;         ///< A line of it was delivered reduced,
    bool kept_whole = false;           ///< and its bytes are on disk.
  };
  /// An entry of the tenants file.
  struct Entry {
    DestinationId account;
    std::string constants;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  /// A service app's, as this run may know it.
  struct Token {
    std::optional<RequestId> asked{};  ///< The request for one that is not answered.
    Instant granted{};
    std::optional<Instant> until{};
    bool doubted = false;  ///< An answer since then may be about it.
    bool refused = false;  ///< One certainly was.
  };
  struct Org {
    Charge charge;
    std::vector<Entry> entries;  ///< The last one is in force.
    std::size_t first = 0;       ///< The first of its events, which are in its log's order.
    std::size_t events = 0;
    std::size_t covered = 0;  ///< Events before this one were checked against the place on disk.
    std::optional<WallTime> since;
    WallTime first_start;          ///< By its clock.
    std::uint64_t life = 0;        ///< Counts the openings of its stream.
    std::size_t unsaved = 0;       ///< Events that this life's answers brought and nothing on disk covers.
    bool noted = false;            ///< This life knows one by one what was in flight when the last one ended.
    std::size_t doubt = 0;         ///< How many more events must be marked since the unclean end.
    WallTime opened_at;            ///< By its clock.
    bool refused_a_key = false;    ///< The org itself, in this run.
    std::deque<Instant> asked_at;  ///< The last minutes' requests.
    std::optional<Instant> limited_at;   ///< When it last said 429, or showed how little remains.
    std::optional<WallTime> unclean_at;  ///< By its clock: nothing later is marked without a lost answer.
    bool jumped_since = false;
    bool in_file = false;

    struct Row {
      std::size_t events = 0;
      std::optional<WallTime> newest;
    };
    std::map<std::uint64_t, Row> window;  ///< On disk, by page.
    std::size_t window_events = 0;
    std::optional<WallTime> window_from;

    std::optional<WallTime> silent_until;  ///< As it told us in a 429.
    Instant silence_heard{};
    /// Our clock has jumped since, so a restart cannot tell when it is over.
    bool silence_unsaved = false;
    std::optional<std::int64_t> remaining_in;  ///< The last window whose remainder an answer told.
    std::int64_t remaining = 0;
    std::map<std::int64_t, std::int64_t> spent;  ///< Requests by window, of this run.
    bool limit_shown = false;                    ///< To this run.
    Instant calm_since{};                        ///< Every answer since then was a page that told its window.
    Duration quickest_answer = Duration::max();  ///< In this run: the bound on its clock.
    bool dating = false;  ///< This run found the unclean end, and dates it again with each answer.
    Duration blur = Duration::max();            ///< The blur of `unclean_at`, as the daemon could know it.
    std::optional<Instant> said_why;            ///< When last logged, without a long healthy time since.
    std::map<CredentialId, Instant> keys_used;  ///< Keys in the file: when last used, or since when usable.
    std::map<CredentialId, Token> tokens;       ///< The tokens of the service apps among them.
    std::optional<Instant> mint_silent_until;   ///< As the token endpoint told us.
  };
  struct Sending {
    DestinationId account;
    std::vector<std::size_t> events;
  };

  [[noreturn]] static void convict(std::string text) { throw Violation{std::move(text)}; }
  [[noreturn]] void convict(std::string text, const Org& org) const {
    throw Violation{.text = std::move(text), .org = static_cast<std::size_t>(&org - orgs_.data())};
  }
  /// The event is named after the text.
  [[noreturn]] void convict(std::string text, const Event& event) const;
  [[nodiscard]] std::optional<std::size_t> event_in_line(std::string_view line) const;
  [[nodiscard]] std::optional<Violation> why_unsettled(const Event& event) const;
  [[nodiscard]] std::int64_t window_of(const Org& org, WallTime okta_time) const;
  [[nodiscard]] std::string name(const Event& event) const;
  void begins(Org& org, const Save& save, std::optional<WallTime> okta_now);
  void put_aside(Org& org, const SetAside& item);
  /// The event whose mark is in the text, if any.
  [[nodiscard]] std::optional<std::size_t> named_in(std::string_view text) const;
  void put_together_aside(Org& org, const SetAside& item);
  void cover(Org& org, std::size_t count);
  static void saved(Org& org, Event& event);
  void keep_window(Org& org, const Save& save);
  void spend(Org& org, WallTime okta_time) const;
  void judge_way(const Event& event, std::string_view line, DestinationId account) const;
  void judge_delay(const Event& event, WallTime wall) const;
  void judge_repeat(Event& event) const;
  void judge_mark(const Event& event, std::string_view line) const;
  void judge_backfill(const Event& event, std::string_view line) const;
  void judge_copy(const Event& event) const;
  void judge_ledger() const;
  [[nodiscard]] bool listener_gone(const Org& org) const;
  void judge_keys(const Org& org, Instant now) const;
  void judge_token(const Org& org, CredentialId key, Instant now) const;
  static void hear_of_token(Org& org, const Heard& heard, Instant now);
  void judge_limited(const Org& org, Instant now, WallTime okta_time) const;
  void judge_window(const Org& org, WallTime okta_time) const;
  void judge_windows(const Org& org, Instant now, WallTime okta_time) const;
  [[nodiscard]] std::int64_t budget(const Org& org) const;

  const Plan& plan_;
  model::Ledger ledger_;
  std::vector<Org> orgs_;
  std::map<std::string, OrgIndex, std::less<>> orgs_by_name_;
  std::map<std::string, OrgIndex, std::less<>> orgs_by_stream_;
  std::vector<Event> events_;
  std::unordered_map<std::string, std::size_t, HashOfText, std::equal_to<>> by_mark_;
  std::unordered_map<std::uint64_t, std::size_t> by_bytes_;
  std::vector<const PastEvent*> bytes_of_;
  std::unordered_map<std::uint64_t, Sending> in_flight_;  ///< By bulk.
  std::uint64_t run_ = 0;
  bool saves_fail_ = false;  ///< And the core was told.
  /// The last bulk met none, and the core was told; the events in it whose tenants still go there.
  std::map<DestinationId, std::vector<std::size_t>> listeners_gone_;
  std::size_t delivered_ = 0;
  std::vector<std::size_t> copies_waiting_;  ///< Events, for a commit.
};

}  // namespace logzio_okta::sim
