// Replicas: two or three daemons that share a few orgs by one database, in virtual time.
//
//     Replicas world(Plan(seed, 2h, wishes), 3, story);
//     Outcome outcome = world.run();        // throws Violation
//
// Each is the real Scheduler with a model of what shell/postgres does for it. They are killed, stopped,
// paused between a check and the sending that it allowed, and cut off from the database, which loses answers,
// goes away, and fails over without its last commits. Then all troubles end.
//
// Judged:
// - A replica that asks Okta holds the org at that moment, by the database, except for one lease after a
//   failover, whose tables may be older than the truth.
// - No place on disk is ahead of what was delivered or set aside; at the end nothing is missing.
// - At most one copy of an event is without a mark. Where nothing but orderly stops and moves happened, there
//   is one copy, without a mark.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "logzio_okta/flow/scheduler.hpp"

#include "model/listener.hpp"
#include "model/okta_org.hpp"
#include "sim/judge.hpp"
#include "sim/plan.hpp"
#include "sim/shared_database.hpp"
#include "sim/story.hpp"
#include "sim/timeline.hpp"
#include "sim/world.hpp"

namespace logzio_okta::sim {

class Replicas {
 public:
  Replicas(const Plan& plan, std::size_t replicas, Story& story);
  Replicas(const Replicas&) = delete;
  Replicas& operator=(const Replicas&) = delete;

  Outcome run();

 private:
  struct Org {
    TenantSpec spec;
    model::OktaOrg okta;
    std::string key{};
    std::size_t first = 0;    ///< The first of its events.
    std::size_t covered = 0;  ///< How many are before the place on disk.
  };
  struct Event {
    std::size_t org = 0;
    WallTime persisted;
    std::uint32_t copies = 0;
    std::uint32_t unmarked = 0;
    bool aside = false;  ///< On disk.
  };
  struct Stream {
    enum class Phase : std::uint8_t { waiting, opening, open };
    std::string key;
    Phase phase = Phase::waiting;
    std::string told_holder;
  };
  struct QueuedSave {
    std::uint64_t number = 0;  ///< Over all saves of the run.
    Save save;
  };
  using Question = std::variant<OpenStream, ReadWindow>;
  /// What a round reads.
  struct View {
    std::uint64_t timeline = 0;
    std::map<std::string, SharedDatabase::Lease> leases;
    std::map<ReplicaId, std::string> living;
    std::set<std::string> free;
  };
  struct Replica {
    std::string name;
    std::unique_ptr<Scheduler> core{};
    std::uint64_t run = 0;
    ReplicaId id = nobody;
    Instant deadline = never;
    Instant frozen_until{};
    bool cut_off = false;  ///< From the database.
    bool stopping = false;
    std::chrono::milliseconds wall_error{0};

    std::map<StreamId, Stream> streams{};
    std::map<std::string, std::uint64_t> owned{};  ///< Orgs, with their epochs.
    std::set<std::string> giving{};
    std::set<std::string> reopening{};  ///< Kept without an open stream: they must be read again.
    std::deque<QueuedSave> queue{};
    std::vector<QueuedSave> sent{};
    std::uint64_t saves_made = 0;
    bool committing = false;
    std::deque<Question> questions{};
    std::optional<Instant> beat_sent{};  ///< When the last answered beat was sent.
    bool judged = false;                 ///< A round was answered since the last connection was lost.
    std::uint64_t timeline = 0;
    bool told_trouble = false;
  };

  // Time.
  [[nodiscard]] Instant now() const { return timeline_.now(); }
  [[nodiscard]] WallTime true_wall() const;
  [[nodiscard]] Now now_of(const Replica& replica) const {
    return {.steady = now(), .wall = true_wall() + replica.wall_error};
  }
  template <class Text>
  void tell(std::uint64_t fact, Text text) {
    story_.tell(now(), fact, std::move(text));
  }
  [[nodiscard]] bool strikes(std::uint64_t one_in) { return !healed_ && random_.below(one_in) == 0; }
  void run_until(Instant end);
  /// Later, unless this run of it is over by then; a paused one does it when it goes on.
  void at_replica(Replica& replica, Duration wait, std::function<void()> action);
  void reach(Replica& replica, std::uint64_t run, const std::function<void()>& action);

  // A daemon.
  void make_orgs();
  [[nodiscard]] Roster file() const;
  void start(Replica& replica);
  void turn(Replica& replica, Input input);
  void drain(Replica& replica);
  void end_in_order(Replica& replica);
  void kill(Replica& replica);
  void gone(Replica& replica);
  void on(Replica& replica, AskOkta&& ask);
  void on(Replica& replica, SendBulk&& bulk);
  void on(Replica& replica, OpenStream&& open);
  void on(Replica& replica, LetGo&& let_go);
  void on(Replica& replica, ReadWindow&& read) { replica.questions.emplace_back(read); }
  void on(Replica& replica, Save&& save);
  void on(Replica& replica, Note&& note);
  template <class Other>
  void on(Replica& /*replica*/, Other&& /*other*/) {}
  /// How long the pause between the check and the sending is.
  [[nodiscard]] Duration pause(Replica& replica);
  void reach_okta(Replica& replica, const AskOkta& ask);
  void reach_listener(Replica& replica, const SendBulk& bulk);

  // Its store.
  /// `ask` at the server, `answered` here; or `failed` after `patience`.
  template <class Ask, class Answered>
  void request(Replica& replica, Duration patience, Ask ask, Answered answered, std::function<void()> failed);
  [[nodiscard]] SharedDatabase::Caller caller(const Replica& replica) const;
  [[nodiscard]] bool may_act(const Replica& replica) const;
  [[nodiscard]] SharedDatabase::Fence fence(const Replica& replica, const std::string& org) const;
  void beat(Replica& replica);
  [[nodiscard]] View view() const;
  void judge_round(Replica& replica, const View& view, Instant sent);
  void take(Replica& replica, const View& view);
  void share(Replica& replica, const View& view);
  void taken(Replica& replica, const std::string& org);
  void drop_streams(Replica& replica, const std::string& org, const std::string& holder);
  void give_back(Replica& replica, const std::string& org);
  void work(Replica& replica);
  void commit(Replica& replica);
  void acknowledge(Replica& replica, const std::vector<bool>& made);
  void ask_question(Replica& replica, const Question& question);
  void judge_trouble(Replica& replica);

  // Troubles.
  void plan_trouble();
  void strike();
  void fail_over();
  void heal();

  // The judge.
  [[noreturn]] void convict(std::string text, const Event& event) const;
  [[nodiscard]] Event* event_in(std::string_view text);
  void judge_owner(const Replica& replica, std::size_t org) const;
  void stored(std::string_view line);
  void saved(const SharedDatabase::Fence& fence, const std::string& key, const Save& save);
  void put_aside(const SetAside& item);
  void judge_end(WallTime until);

  Plan plan_;
  Story& story_;
  Random random_;
  bool calm_;  ///< Nothing but orderly stops and moves.
  Timeline timeline_;
  SharedDatabase database_;
  std::deque<Org> orgs_;
  std::deque<Event> events_;
  std::unordered_map<std::string, std::size_t> by_mark_;
  model::Listener listener_;
  bool listener_down_ = false;
  std::deque<Replica> replicas_;
  bool healed_ = false;
  bool over_ = false;  ///< No replica is started any more.
  bool database_down_ = false;
  std::uint64_t connections_ = 0;  ///< Connections from before a failover are gone.
  std::optional<Instant> failed_over_at_;
  std::uint64_t runs_ = 0;
  std::size_t delivered_ = 0;
};

}  // namespace logzio_okta::sim
