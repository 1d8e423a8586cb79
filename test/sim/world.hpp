// World: Okta, the listener, the network between, the disk and the clock around one daemon, in virtual time.
//
//     World world(Plan(seed, 48h), story);
//     Outcome outcome = world.run();        // throws Violation
//
// The daemon is the real Scheduler, driven as its header says. Every answer takes its own time, drawn from
// the seed. Phase one: the troubles of the plan. Phase two: all troubles end; the backlog must be delivered
// and saved within a budget of virtual time, the daemon must stop in order, and, started once more, repeat
// nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "logzio_okta/flow/scheduler.hpp"

#include "model/fault.hpp"
#include "model/listener.hpp"
#include "model/okta_org.hpp"
#include "sim/app_client.hpp"
#include "sim/disk.hpp"
#include "sim/hook_judge.hpp"
#include "sim/judge.hpp"
#include "sim/plan.hpp"
#include "sim/story.hpp"
#include "sim/timeline.hpp"

namespace logzio_okta::sim {

struct Outcome {
  std::uint64_t hash = 0;
  std::uint64_t steps = 0;
  std::size_t delivered = 0;
  std::size_t runs = 0;   ///< How often the daemon ran.
  Duration drained_in{};  ///< Phase two, until everything was delivered and saved.
  std::string summary;
};

class World {
 public:
  World(const Plan& plan, Story& story);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Outcome run();

 private:
  struct Key {
    std::string text;
    CredentialId id;
  };
  /// A token at Logz.io, and the listener that takes it.
  struct Account {
    DestinationSpec spec;
    std::string token;
    model::Listener listener;
    bool down = false;
    bool token_refused = false;
    bool throttles = false;    ///< Some bulks.
    Duration answers_after{};  ///< How late.
    int timed_out_with = 0;    ///< The timeout that was too short, told to this run
    std::uint64_t timed_out_run = 0;
    Instant timed_out_at{};  ///< at this moment.
    bool known = false;      ///< To the daemon, which says when it lets a token go.
  };
  struct Org {
    std::string name;
    std::vector<PastEvent> history;
    model::OktaOrg okta;
    std::vector<Key> keys;
    TenantSpec spec;  ///< Its entry in the tenants file, but for the keys.
    bool in_file = true;
    bool unreachable = false;
    bool refuses_cursors = false;
    int refuses_with = 400;
    std::size_t slow_from = 0;  ///< Queries for at least so many events time out; 0: none do.
    bool token_endpoint_fails = false;
  };
  // Time.
  [[nodiscard]] Instant now() const { return timeline_.now(); }
  [[nodiscard]] WallTime true_wall() const;
  [[nodiscard]] Now our_now() const { return {.steady = now(), .wall = true_wall() + wall_error_}; }
  [[nodiscard]] WallTime okta_time(const Org& org) const { return org.okta.clock(true_wall()); }
  [[nodiscard]] std::vector<WallTime> okta_times() const;
  [[nodiscard]] bool strikes(Trouble trouble) { return !healed_ && plan_.strikes(trouble, random_); }
  template <class Text>
  void tell(std::uint64_t fact, Text text, About about = {}) {
    story_.tell(now(), fact, std::move(text), std::move(about));
  }
  /// Request ids restart with each run.
  [[nodiscard]] About about(std::size_t org, RequestId request) const {
    return {.org = org, .request = run_ << 32U | request.value};
  }

  // The daemon.
  void make_accounts();
  void make_orgs();
  void draw_entry(Org& org, std::size_t index);
  void plan_hooks(std::size_t org);
  void push(std::size_t org, const std::string& event);
  void plan_pushes();
  void push_alone(std::uint64_t number, bool again);
  HookId deliver_hook(std::string_view org, const std::string& event, std::uint64_t number);
  void start();
  void turn(Input input);
  void drain();
  void perform(Output output);
  void on(AskOkta&& ask);
  void on(MintToken&& mint);
  void on(CancelAsk&& cancel);
  void on(SendBulk&& bulk);
  void on(KeepCopy&& copy);
  void on(OpenStream&& open);
  void on(LetGo&&) {}
  void on(ReadWindow&& read);
  void on(Save&& save);
  void on(NoteInFlight&& note);
  void on(AnswerHook&& answer);
  void on(SpoolEvents&& events);
  void on(ReadSpool&& read);
  void on(ForgetDestination&& forget);
  void on(Note&& note);
  void end_in_order();
  void judge_exit(int code) const;
  void kill();
  void gone();
  void replace_state();
  /// Hands the fact to the daemon after a while, unless that run is over by then.
  void deliver(Duration wait, Input input);
  [[nodiscard]] Roster file() const;
  [[nodiscard]] const DestinationSpec& usual_account() const { return accounts_.front().spec; }
  [[nodiscard]] Account& account_of(DestinationId id) { return accounts_[id.value - 1]; }
  void tell_judge_entry(std::size_t org);
  [[nodiscard]] std::optional<std::size_t> org_of(StreamId stream) const;
  [[nodiscard]] About about(const Save& save);
  void watch_for_busy_loop(bool tick);
  void look_at_report();

  // Between the daemon and Okta.
  [[nodiscard]] Duration okta_latency();
  void reach_okta(std::size_t org, const AskOkta& ask, const Headers& headers, std::uint64_t run,
                  Instant asked_at, bool wanted);
  void come_back(std::size_t org, RequestId id, std::uint64_t run, const Judge::Heard& heard,
                 const HttpResult& result);
  void reach_token_endpoint(std::size_t org, const MintToken& mint, const model::Request& request);
  void bend_next_token(Org& org, Judge::Minted& minted);
  [[nodiscard]] std::chrono::seconds until_window_ends(Org& org);
  void bend_next_answer(Org& org, std::string_view target);
  [[nodiscard]] bool shape_next_page(model::OktaOrg& okta);
  [[nodiscard]] std::string hostile_link(const Org& org);
  [[nodiscard]] model::fault::InBetween page_in_between();
  [[nodiscard]] std::chrono::milliseconds draw_wall_error();

  // Between the daemon and the listener.
  /// A bulk's body, inflated and read.
  struct Body {
    std::shared_ptr<const std::string> packed;
    std::string plain;
    Judge::Contents contents;
  };
  struct Sending {
    BulkId id;
    DestinationId account;
    std::shared_ptr<const Body> body;
    int patience = 1;
  };
  [[nodiscard]] static About about(const std::shared_ptr<const Body>& body) {
    return {.events = std::shared_ptr<const std::vector<std::size_t>>(body, &body->contents.events)};
  }
  [[nodiscard]] bool listener_strikes(Trouble trouble, const Account& account) {
    return account.spec.id.value > plan_.first_troubled() && strikes(trouble);
  }
  [[nodiscard]] std::shared_ptr<const Body> body_of(const std::shared_ptr<const std::string>& packed);
  void reach_listener(const Sending& sending);
  void draw_habits(Account& account);
  void judge_patience(const SendBulk& bulk, const Account& account) const;
  void hear_of_bulk(const Sending& sending, const BulkResult& result);
  [[nodiscard]] BulkResult post(Account& account, const Body& body);
  [[nodiscard]] BulkResult write_lines(Account& account, const std::string& plain);
  void bend_next_bulk(Account& account, const std::string& plain);

  // Troubles that come in episodes.
  void plan_episodes();
  void plan_next(Trouble trouble);
  void strike(Trouble trouble);
  [[nodiscard]] std::vector<Account*> accounts_to_trouble();
  void trouble_keys();
  void trouble_tokens(Org& org);
  [[nodiscard]] Key make_key(std::size_t org);
  void forget_apps(std::size_t org);
  void set_key(Org& org, const Key& key, model::KeyState state);
  void trouble_tenants();
  void heal();
  void reload();
  void drain_backlog();
  void stop_and_check();
  void run_until(Instant end);
  [[nodiscard]] bool step(Instant end);

  void commit();
  void plan_commit(Duration wait);

  const Plan& plan_;
  Story& story_;
  Random random_;
  Timeline timeline_;
  Judge judge_;
  Disk disk_;
  std::deque<Org> orgs_;
  std::deque<Account> accounts_;
  std::map<CredentialId, std::pair<std::size_t, std::string>> keyring_;
  std::map<CredentialId, AppClient> apps_;  ///< Those of the keys that are service apps.
  Random of_apps_;                          ///< For what is drawn only for them.
  std::uint64_t keys_made_ = 0;
  int changes_ = 0;  ///< Changes to entries, besides leaving the file and coming back.

  std::unique_ptr<Scheduler> daemon_;
  std::uint64_t hooks_pushed_ = 0;
  std::map<HookId, std::uint64_t> hooks_open_;  ///< Not answered yet; the event of an org that is not polled.
  std::set<HookId> refused_;                    ///< 503.
  HookJudge hook_judge_;
  std::uint64_t run_ = 0;
  Instant deadline_ = never;
  std::optional<Instant> stopping_since_;
  bool stop_for_good_ = false;
  bool once_ = false;                 ///< This run.
  std::vector<WallTime> once_began_;  ///< By the orgs' clocks.
  bool kill_within_turn_ = false;
  std::set<RequestId> cancelled_;  ///< Whatever still comes of these is ignored.
  std::set<RequestId> silenced_;   ///< Those cancelled to which no answer comes.
  std::set<RequestId> answered_;
  std::map<std::uint64_t, Sending> on_the_way_;     ///< Bulks that have not reached the listener.
  std::deque<std::shared_ptr<const Body>> bodies_;  ///< Sent lately.
  std::map<StreamId, std::string> stream_names_;
  int idle_turns_ = 0;
  Instant last_turn_{};
  Instant ticks_since_{};
  int ticks_ = 0;
  std::uint64_t turns_ = 0;
  int bombs_left_ = 1;  ///< They are slow to run.

  bool healed_ = false;
  std::chrono::milliseconds wall_error_{0};
  bool disk_fails_ = false;
  bool disk_failed_lately_ = false;
  bool commit_planned_ = false;
  std::optional<std::pair<Disk::Copy, std::uint64_t>> copy_;  ///< An older copy, and its bytes set aside.
  std::uint64_t aside_before_ = 0;  ///< Set aside by earlier times, as far as the store is concerned.
  std::uint64_t aside_bytes_ = 0;
};

}  // namespace logzio_okta::sim
