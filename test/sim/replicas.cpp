#include "sim/replicas.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "model/query.hpp"
#include "sim/history.hpp"

namespace logzio_okta::sim {
namespace {

using namespace std::string_literals;

constexpr Duration lease = 20s;
constexpr Duration margin = 5s;
constexpr Duration round_every = lease / 7;
constexpr Duration round_patience = 3s;
constexpr Duration commit_patience = 10s;
constexpr Duration drain_budget = 30min;
constexpr Duration quiet_look = 10min;
constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDEF";
constexpr std::size_t mark_bytes = 36;

const WallTime epoch = parse_rfc3339("2026-11-23T00:00:00Z").value();

std::set<Trouble> troubles_of_events() {
  return {Trouble::bursts, Trouble::late_events, Trouble::listener_objects};
}

Plan plan_for(Plan plan) {
  for (std::size_t i = 0; i < troubles_count; ++i) {
    if (!troubles_of_events().contains(static_cast<Trouble>(i))) plan.troubles.at(i) = Intensity::off;
  }
  plan.protocol = Protocol::https_bulk;
  plan.orgs = 1 + plan.seed % 4;
  plan.crowd = plan.hooks = plan.service_apps = plan.apart = plan.tenants_differ = false;
  plan.policy.since = SinceAgo{limits::retention};
  plan.policy.poll_interval = 10s;
  plan.policy.rate_share = 1;  // Okta meets several of them at once.
  return plan;
}

}  // namespace

Replicas::Replicas(const Plan& plan, std::size_t replicas, Story& story)
    : plan_(plan_for(plan)),
      story_(story),
      random_((plan.seed ^ 0x4e911caU) + plan.again * 0x9e3779b97f4a7c15U),
      calm_(random_.below(8) == 0),
      database_(lease, [this] { return true_wall() - 3min; }),
      listener_({.tokens = {std::string(token)}, .keep_lines = false}) {
  tell(plan_.seed, [&] {
    return "seed " + std::to_string(plan_.seed) + ": " + std::to_string(replicas) + " replicas, " +
           std::to_string(plan_.orgs) + " orgs" + (calm_ ? ", calm" : "");
  });
  database_.on_saved = [this](const auto& fence, const auto& key, const auto& save) {
    saved(fence, key, save);
  };
  listener_.on_stored = [this](const model::StoredLine& line) { stored(line.text); };
  // Where some are refused, each is sent again to find out which.
  if (calm_) plan_.troubles.at(static_cast<std::size_t>(Trouble::listener_objects)) = Intensity::off;
  if (plan_.has(Trouble::listener_objects)) listener_.settings().objects_to = objectionable;
  make_orgs();
  for (std::size_t i = 0; i < replicas; ++i) {
    replicas_.push_back({.name = "okta-" + std::to_string(i + 1)});
    if (!calm_) replicas_.back().wall_error = to_ms(random_.between(-10min, 10min));
  }
}

WallTime Replicas::true_wall() const {
  return epoch + to_ms(now().time_since_epoch());
}

void Replicas::make_orgs() {
  for (std::size_t i = 0; i < plan_.orgs; ++i) {
    const std::string name = "org" + std::to_string(i) + ".okta.com";
    model::OrgSettings settings{.base = "https://" + name, .rate_limit = 600, .seed = random_.next()};
    settings.records_max = 4;
    settings.clock_skew = random_.between(-5min, 5min);
    Org& org = orgs_.emplace_back(Org{.spec = {.domain = Domain::parse(name).value(),
                                               .credentials = {CredentialId{i + 1}},
                                               .destination = DestinationId{1}},
                                      .okta = model::OktaOrg(settings),
                                      .first = events_.size()});
    org.key = org.spec.query.stream_key(org.spec.domain);
    org.okta.set_key("00key" + std::to_string(i + 1), model::KeyState::good);
    const WallTime begin = org.okta.clock(true_wall());
    const WallTime end = begin + to_ms(plan_.faults_last);
    for (const PastEvent& past :
         make_history(plan_, random_.next(), plan_.events_of(i) / 2, begin - 1h, end, end)) {
      org.okta.append({.bytes = past.bytes, .published = past.published, .persisted = past.persisted});
      by_mark_[past.mark] = events_.size();
      events_.push_back({.org = i, .persisted = past.persisted});
    }
  }
}

Roster Replicas::file() const {
  Roster roster;
  roster.destinations.push_back(
      {.id = DestinationId{1},
       .listener = {.protocol = Protocol::https_bulk, .host = "listener", .port = 8071}});
  for (const Org& org : orgs_) roster.tenants.push_back(org.spec);
  return roster;
}

// Time.

void Replicas::run_until(Instant end) {
  for (;;) {
    Replica* first = nullptr;
    Instant due = never;
    for (Replica& replica : replicas_) {
      if (!replica.core) continue;
      const Instant at = std::max(replica.deadline, replica.frozen_until);
      if (replica.deadline == never || at >= due) continue;
      due = at;
      first = &replica;
    }
    if (std::min(timeline_.next(), due) > end) return timeline_.advance_to(end);
    if (timeline_.next() <= due) {
      timeline_.happen();
    } else {
      timeline_.advance_to(due);
      turn(*first, Tick{});
      if (first->core) work(*first);
    }
  }
}

void Replicas::at_replica(Replica& replica, Duration wait, std::function<void()> action) {
  timeline_.after(
      wait, [this, &replica, run = replica.run, action = std::move(action)] { reach(replica, run, action); });
}

void Replicas::reach(Replica& replica, std::uint64_t run, const std::function<void()>& action) {
  if (replica.run != run || !replica.core) return;
  if (now() < replica.frozen_until)
    return timeline_.at(replica.frozen_until, [this, &replica, run, action] { reach(replica, run, action); });
  action();
  if (replica.run == run && replica.core) work(replica);
}

// A daemon.

void Replicas::start(Replica& replica) {
  ++runs_;
  replica = {.name = replica.name, .run = replica.run + 1, .wall_error = replica.wall_error};
  replica.id = random_.next() | 1U;
  tell(replica.id, [&] { return replica.name + " starts"; });
  replica.core = std::make_unique<Scheduler>(
      now_of(replica), SchedulerOptions{.policy = plan_.policy, .seed = random_.next(), .shared_state = true},
      file());
  turn(replica, SetAsideSize{0});
  at_replica(replica, 0s, [this, &replica] { beat(replica); });
}

void Replicas::turn(Replica& replica, Input input) {
  story_.next_step();
  replica.core->handle(now_of(replica), std::move(input));
  drain(replica);
}

void Replicas::drain(Replica& replica) {
  while (auto output = replica.core->next_output()) {
    std::visit([&](auto&& each) { on(replica, std::forward<decltype(each)>(each)); }, std::move(*output));
    if (now() < replica.frozen_until) return;  // Paused with the rest still to do: the next turn goes on.
  }
  if (replica.core->at_rest()) return end_in_order(replica);
  replica.deadline = replica.core->deadline();
}

void Replicas::end_in_order(Replica& replica) {
  const int code = replica.core->exit_code();
  const bool clean = replica.core->clean();
  tell(static_cast<std::uint64_t>(code),
       [&] { return replica.name + " ends with " + std::to_string(code) + (clean ? "" : ", not saved"); });
  if (!replica.cut_off && !database_down_) {
    for (const auto& [org, held] : replica.owned) database_.give_back(fence(replica, org), clean);
  }
  gone(replica);
}

void Replicas::kill(Replica& replica) {
  tell(9, [&] { return replica.name + " is killed"; });
  gone(replica);
}

void Replicas::gone(Replica& replica) {
  replica.core.reset();
  replica.deadline = never;
  ++replica.run;
  if (over_) return;
  timeline_.after(healed_ ? Duration(1s) : random_.between(1s, 90s), [this, &replica, run = replica.run] {
    if (!over_ && replica.run == run && !replica.core) start(replica);
  });
}

Duration Replicas::pause(Replica& replica) {
  if (calm_ || !strikes(150)) return 0s;
  const Duration pause = random_.between(1s, 2 * lease);
  tell(7, [&] { return replica.name + " is paused for " + describe(pause); });
  replica.frozen_until = now() + pause;
  replica.deadline = replica.frozen_until;
  return pause;
}

void Replicas::on(Replica& replica, AskOkta&& ask) {
  const std::size_t org = ask.credential.value - 1;
  if (!may_act(replica)) {
    const TransportError error{.fault = TransportFault::held_by_us, .text = "simulated"};
    return at_replica(replica, 0s, [this, &replica, id = ask.id, error] {
      turn(replica, OktaAnswer{.id = id, .result = std::unexpected(error)});
    });
  }
  tell(hash64(ask.target), [&] { return replica.name + " asks " + ask.origin.host + " " + ask.target; });
  judge_owner(replica, org);
  const Duration way = pause(replica) + random_.between(1ms, 300ms);
  timeline_.after(way, [this, &replica, run = replica.run, ask] {
    if (replica.run == run) reach_okta(replica, ask);
  });
}

void Replicas::reach_okta(Replica& replica, const AskOkta& ask) {
  Org& org = orgs_[ask.credential.value - 1];
  const model::Request request{
      .target = ask.target,
      .headers = {{"Authorization", "SSWS 00key" + std::to_string(ask.credential.value)},
                  {"Accept-Encoding", "gzip"}}};
  const model::Answer answer = org.okta.handle(request, true_wall());
  const model::RequestRecord& record = org.okta.records().back();
  if (!record.misuse.empty()) throw Violation{"misuse of Okta: " + record.misuse + ": " + ask.target};
  HttpResult result = model::as_result(answer);
  if (!calm_ && strikes(30)) {
    result = std::unexpected(TransportError{.fault = TransportFault::cut, .sent = true, .text = "simulated"});
  }
  at_replica(replica, random_.between(1ms, 300ms), [this, &replica, id = ask.id, result] {
    turn(replica, OktaAnswer{.id = id, .result = result});
  });
}

void Replicas::on(Replica& replica, SendBulk&& bulk) {
  const bool meets_nobody = listener_down_ || (!calm_ && strikes(20));
  if (!may_act(replica) || meets_nobody) {
    const BulkResult result =
        TransportError{.fault = meets_nobody ? TransportFault::unreachable : TransportFault::held_by_us,
                       .text = "simulated"};
    return at_replica(replica, 0s, [this, &replica, id = bulk.id, result] {
      turn(replica, BulkAnswer{.id = id, .result = result});
    });
  }
  tell(bulk.lines, [&] { return replica.name + " sends " + std::to_string(bulk.lines) + " lines"; });
  const Duration way = pause(replica) + random_.between(1ms, calm_ ? Duration(200ms) : Duration(3s));
  timeline_.after(way, [this, &replica, run = replica.run, bulk] {
    if (replica.run == run || random_.below(2) == 0)
      reach_listener(replica, bulk);  // It left before the end.
  });
}

void Replicas::reach_listener(Replica& replica, const SendBulk& bulk) {
  const model::Request request{.method = "POST",
                               .target = "/?token=" + std::string(token),
                               .headers = {{"Content-Encoding", "gzip"}},
                               .body = *bulk.packed};
  HttpResult taken = model::as_result(listener_.handle(request, true_wall()));
  BulkResult result = TransportError{.fault = TransportFault::cut, .sent = true, .text = "simulated"};
  if (taken && (calm_ || !strikes(25))) result = std::move(*taken);
  at_replica(replica, random_.between(1ms, 200ms), [this, &replica, id = bulk.id, result] {
    turn(replica, BulkAnswer{.id = id, .result = result});
  });
}

void Replicas::on(Replica& replica, Note&& note) {
  tell(hash64(note.text), [&] {
    return replica.name + " says (" + std::string(name_of(note.level)) + ") " + note.tenant + ": " +
           note.text;
  });
}

// Its store.

SharedDatabase::Caller Replicas::caller(const Replica& replica) const {
  return {.id = replica.id, .name = replica.name, .clock = now_of(replica).wall};
}

bool Replicas::may_act(const Replica& replica) const {
  return replica.beat_sent && now() < *replica.beat_sent + lease - margin;
}

SharedDatabase::Fence Replicas::fence(const Replica& replica, const std::string& org) const {
  const auto held = replica.owned.find(org);
  return {.org = org, .owner = replica.id, .epoch = held != replica.owned.end() ? held->second : 0};
}

template <class Ask, class Answered>
void Replicas::request(Replica& replica, Duration patience, Ask ask, Answered answered,
                       std::function<void()> failed) {
  const auto done = std::make_shared<bool>(false);
  at_replica(replica, patience, [done, failed = std::move(failed)] {
    if (!std::exchange(*done, true)) failed();
  });
  const auto lost = [this, &replica, connection = connections_] {
    return replica.cut_off || database_down_ || connection != connections_ || (!calm_ && strikes(100));
  };
  const bool slow = !calm_ && strikes(50);
  const Duration way = random_.between(1ms, slow ? Duration(2s) : Duration(20ms));
  timeline_.after(way, [this, &replica, run = replica.run, lost, done, ask, answered] {
    if (lost()) return;
    auto result = ask();
    at_replica(replica, random_.between(1ms, 20ms), [this, &replica, lost, done, answered, result] {
      if (*done || lost()) return;
      *done = true;
      answered(result);
    });
  });
}

Replicas::View Replicas::view() const {
  const SharedDatabase::Tables& tables = database_.tables();
  View view{.leases = tables.leases};
  for (const auto& [id, instance] : tables.instances) {
    if (database_.lives(id, {})) view.living[id] = instance.name;
  }
  return view;
}

void Replicas::beat(Replica& replica) {
  const auto again = [this, &replica] { beat(replica); };
  request(
      replica, round_patience,
      [this, &replica, who = caller(replica)] {
        const std::uint64_t timeline = database_.beat(who);
        View seen = view();
        seen.timeline = timeline;
        for (const Org& org : orgs_) {
          const std::string name = org.spec.domain.name();
          if (database_.is_free(name, who)) seen.free.insert(name);
        }
        return seen;
      },
      [this, &replica, again, sent = now()](const View& seen) {
        judge_round(replica, seen, sent);
        at_replica(replica, round_every, again);
      },
      [this, &replica, again] {
        replica.judged = false;
        at_replica(replica, 500ms, again);
      });
}

void Replicas::judge_round(Replica& replica, const View& seen, Instant sent) {
  replica.beat_sent = sent;
  replica.judged = true;
  at_replica(replica, std::max<Duration>(sent + lease - margin - now(), 0s),
             [] {});  // Looks whether it may act.
  if (std::exchange(replica.timeline, seen.timeline) != seen.timeline && replica.run > 0) {
    const auto owned = replica.owned;
    for (const auto& [org, held] : owned) {
      replica.reopening.insert(org);
      drop_streams(replica, org, {});
    }
  }
  const auto owned = replica.owned;
  for (const auto& [org, held] : owned) {
    const auto found = seen.leases.find(org);
    if (found != seen.leases.end() && found->second.owner == replica.id && found->second.epoch == held)
      continue;
    replica.owned.erase(org);
    replica.giving.erase(org);
    const auto holder =
        found != seen.leases.end() ? seen.living.find(found->second.owner) : seen.living.end();
    drop_streams(replica, org, holder != seen.living.end() ? holder->second : ""s);
  }
  for (const auto& [org, held] : seen.leases) {  // Taken, and the answer was lost.
    if (held.owner == replica.id && replica.owned.emplace(org, held.epoch).second) taken(replica, org);
  }
  for (auto& [id, stream] : replica.streams) {
    const auto held = seen.leases.find(std::string(org_of_stream_key(stream.key)));
    const auto holder = held != seen.leases.end() ? seen.living.find(held->second.owner) : seen.living.end();
    if (stream.phase != Stream::Phase::waiting || holder == seen.living.end()) continue;
    if (holder->first == replica.id || std::exchange(stream.told_holder, holder->second) == holder->second)
      continue;
    at_replica(replica, 0s, [this, &replica, told = HeldBy{.stream = id, .holder = holder->second}] {
      turn(replica, told);
    });
  }
  share(replica, seen);
  take(replica, seen);
}

// One org at a time, if there are too many here; and now and then for no reason.
void Replicas::share(Replica& replica, const View& seen) {
  for (const auto& [org, held] : std::map(replica.owned)) {
    const bool open = std::ranges::any_of(replica.streams, [&](const auto& each) {
      return each.second.phase != Stream::Phase::waiting && org_of_stream_key(each.second.key) == org;
    });
    if (!open && !replica.reopening.contains(org)) give_back(replica, org);
  }
  const std::size_t living = std::max<std::size_t>(seen.living.size(), 1);
  const std::size_t fair = (orgs_.size() + living - 1) / living;
  if (replica.owned.empty() || (replica.owned.size() <= fair && !strikes(100))) return;
  const std::string org = replica.owned.begin()->first;
  for (const auto& [id, stream] : replica.streams) {
    if (stream.phase == Stream::Phase::open && org_of_stream_key(stream.key) == org)
      at_replica(replica, 0s, [this, &replica, stream_id = id] { turn(replica, GiveWay{stream_id}); });
  }
}

void Replicas::take(Replica& replica, const View& seen) {
  const std::size_t living = std::max<std::size_t>(seen.living.size(), 1);
  const std::size_t fair = (orgs_.size() + living - 1) / living;
  std::size_t room = fair > replica.owned.size() ? fair - replica.owned.size() : 0;
  for (const std::string& org : seen.free) {
    if (room == 0 || replica.owned.contains(org)) continue;
    --room;
    request(
        replica, round_patience, [this, org, who = caller(replica)] { return database_.take(org, who); },
        [this, &replica, org](const std::optional<std::uint64_t>& held) {
          if (!held) return;
          replica.owned[org] = *held;
          taken(replica, org);
        },
        [&replica] { replica.judged = false; });
  }
}

void Replicas::taken(Replica& replica, const std::string& org) {
  tell(6, [&] { return replica.name + " holds " + org; });
  for (auto& [id, stream] : replica.streams) {
    if (stream.phase != Stream::Phase::waiting || org_of_stream_key(stream.key) != org) continue;
    stream.phase = Stream::Phase::opening;
    replica.questions.emplace_back(OpenStream{.stream = id, .key = stream.key});
  }
}

void Replicas::drop_streams(Replica& replica, const std::string& org, const std::string& holder) {
  for (auto each = replica.streams.begin(); each != replica.streams.end();) {
    const auto at = each++;
    if (at->second.phase == Stream::Phase::waiting || org_of_stream_key(at->second.key) != org) continue;
    const StreamId id = at->first;
    std::erase_if(replica.queue, [&](const QueuedSave& queued) { return queued.save.stream == id; });
    replica.streams.erase(at);
    at_replica(replica, 0s,
               [this, &replica, lost = Lost{.stream = id, .holder = holder}] { turn(replica, lost); });
  }
}

void Replicas::give_back(Replica& replica, const std::string& org) {
  if (!replica.owned.contains(org) || !replica.giving.insert(org).second) return;
  tell(5, [&] { return replica.name + " gives " + org + " back"; });
  request(
      replica, round_patience,
      [this, fence = fence(replica, org)] {
        database_.give_back(fence, true);
        return true;
      },
      [&replica, org](bool) {
        replica.giving.erase(org);
        replica.owned.erase(org);
      },
      [&replica, org] {
        replica.giving.erase(org);
        replica.judged = false;
      });
}

void Replicas::on(Replica& replica, OpenStream&& open) {
  Stream& stream = replica.streams[open.stream] = {.key = open.key, .told_holder = {}};
  const std::string org(org_of_stream_key(open.key));
  replica.reopening.erase(org);
  if (!replica.owned.contains(org) || replica.giving.contains(org)) return;
  stream.phase = Stream::Phase::opening;
  replica.questions.emplace_back(std::move(open));
}

void Replicas::on(Replica& replica, LetGo&& let_go) {
  const auto found = replica.streams.find(let_go.stream);
  if (found == replica.streams.end()) return;
  found->second.phase = Stream::Phase::waiting;
  found->second.told_holder.clear();
  give_back(replica, std::string(org_of_stream_key(found->second.key)));
}

void Replicas::on(Replica& replica, Save&& save) {
  if (replica.streams.contains(save.stream))
    replica.queue.push_back({.number = ++replica.saves_made, .save = std::move(save)});
}

// What there is to do after whatever has happened.
void Replicas::work(Replica& replica) {
  judge_trouble(replica);
  if (!replica.core || !replica.judged) return;
  commit(replica);
  for (const Question& question : std::exchange(replica.questions, {})) ask_question(replica, question);
}

void Replicas::commit(Replica& replica) {
  if (replica.queue.empty() || replica.committing) return;
  replica.committing = true;
  struct Write {
    SharedDatabase::Fence fence;
    std::string key;
    std::uint64_t number = 0;
    Save save;
  };
  std::vector<Write> writes;
  for (QueuedSave& queued : std::exchange(replica.queue, {})) {
    const std::string& key = replica.streams.at(queued.save.stream).key;
    writes.push_back({.fence = fence(replica, std::string(org_of_stream_key(key))),
                      .key = key,
                      .number = queued.number,
                      .save = queued.save});
    replica.sent.push_back(std::move(queued));
  }
  request(
      replica, commit_patience,
      [this, writes] {
        std::vector<bool> made;
        for (const Write& each : writes)
          made.push_back(database_.save(each.fence, each.key, each.number, each.save));
        return made;
      },
      [this, &replica](const std::vector<bool>& made) { acknowledge(replica, made); },
      [&replica] {
        replica.committing = replica.judged = false;
        std::erase_if(replica.sent,
                      [&](const QueuedSave& each) { return !replica.streams.contains(each.save.stream); });
        replica.queue.insert(replica.queue.begin(), std::make_move_iterator(replica.sent.begin()),
                             std::make_move_iterator(replica.sent.end()));
        replica.sent.clear();
      });
}

void Replicas::acknowledge(Replica& replica, const std::vector<bool>& made) {
  replica.committing = false;
  std::vector<Input> answers;
  std::size_t at = 0;
  for (const QueuedSave& each : std::exchange(replica.sent, {})) {
    const bool is_made = made[at++];
    const auto stream = replica.streams.find(each.save.stream);
    if (stream == replica.streams.end()) continue;
    if (is_made) {
      answers.emplace_back(Saved{.stream = each.save.stream, .number = each.save.number});
      continue;
    }
    const std::string org(org_of_stream_key(stream->second.key));
    replica.owned.erase(org);
    drop_streams(replica, org, "another one");
  }
  for (Input& answer : answers) {
    if (replica.core) turn(replica, std::move(answer));
  }
}

void Replicas::ask_question(Replica& replica, const Question& question) {
  const StreamId id = std::visit([](const auto& each) { return each.stream; }, question);
  const auto found = replica.streams.find(id);
  if (found == replica.streams.end() || found->second.phase == Stream::Phase::waiting) return;
  const std::string key = found->second.key;
  const auto is_its = [&](const QueuedSave& each) {
    const auto stream = replica.streams.find(each.save.stream);
    return stream != replica.streams.end() && stream->second.key == key;
  };
  if (std::ranges::any_of(replica.queue, is_its) || std::ranges::any_of(replica.sent, is_its))
    return replica.questions.push_back(question);
  const auto again = [&replica, question] {
    replica.judged = false;
    replica.questions.push_back(question);
  };
  if (const auto* open = std::get_if<OpenStream>(&question)) {
    return request(
        replica, commit_patience, [this, request = *open] { return database_.open(request); },
        [this, &replica](const Opened& opened) {
          const auto stream = replica.streams.find(opened.stream);
          if (stream == replica.streams.end() || stream->second.phase != Stream::Phase::opening) return;
          stream->second.phase = Stream::Phase::open;
          turn(replica, opened);
        },
        again);
  }
  request(
      replica, commit_patience, [this, id, key] { return database_.read(id, key); },
      [this, &replica](const WindowRead& read) {
        if (replica.streams.contains(read.stream)) turn(replica, read);
      },
      again);
}

void Replicas::judge_trouble(Replica& replica) {
  const bool trouble = replica.beat_sent && !may_act(replica);
  if (replica.told_trouble == trouble) return;
  replica.told_trouble = trouble;
  Input told = Saved{};
  if (trouble) told = SaveFailed{.text = "the database does not answer"};
  at_replica(replica, 0s, [this, &replica, told] { turn(replica, told); });  // Behind what was lost.
}

// Troubles.

void Replicas::plan_trouble() {
  const Duration apart = calm_ ? Duration(10min) : Duration(90s);
  timeline_.after(random_.between(1s, 2 * apart), [this] {
    if (healed_) return;
    strike();
    plan_trouble();
  });
}

void Replicas::strike() {
  Replica& replica = replicas_[random_.below(replicas_.size())];
  const auto for_a_while = [this](bool& what, Duration most) {
    what = true;
    timeline_.after(random_.between(1s, most), [&what] { what = false; });
  };
  switch (calm_ ? 0 : random_.below(9)) {
    case 0:
    case 1:
      if (!replica.core || std::exchange(replica.stopping, true) || now() < replica.frozen_until) return;
      tell(1, [&] { return replica.name + " is stopped"; });
      return reach(replica, replica.run, [this, &replica] { turn(replica, Stop{}); });
    case 2:
    case 3:
      if (replica.core) kill(replica);
      return;
    case 4:
      tell(4, [&] { return replica.name + " is cut off from the database"; });
      return for_a_while(replica.cut_off, 3 * lease);
    case 5:
      tell(5, [] { return "the database is away"s; });
      return for_a_while(database_down_, 3 * lease);
    case 6:
      return fail_over();
    case 7:
      tell(7, [] { return "the listener is away"s; });
      return for_a_while(listener_down_, 5min);
    default:
      replica.wall_error = to_ms(random_.between(-10min, 10min));
  }
}

// Without what was committed in the last moments.
void Replicas::fail_over() {
  const auto earlier = std::make_shared<SharedDatabase::Tables>(database_.tables());
  constexpr std::array<Duration, 4> most{0s, 3s, 3s, 30s};
  timeline_.after(random_.between(0s, most[random_.below(most.size())]), [this, earlier] {
    tell(3, [] { return "the database fails over"s; });
    database_.fail_over(std::move(*earlier));
    ++connections_;
    failed_over_at_ = now();
    for (Replica& replica : replicas_) replica.judged = false;
    for (Event& event : events_) event.aside = false;
    for (const SetAside& item : database_.tables().set_aside) put_aside(item);
    for (Org& org : orgs_) org.covered = 0;
    database_down_ = true;
    timeline_.after(random_.between(1s, lease), [this] { database_down_ = false; });
  });
}

void Replicas::heal() {
  tell(0, [] { return "everything heals"s; });
  healed_ = true;
  database_down_ = listener_down_ = false;
  for (Replica& replica : replicas_) {
    replica.cut_off = false;
    replica.frozen_until = {};
  }
}

// The judge.

void Replicas::convict(std::string text, const Event& event) const {
  const auto mark =
      std::ranges::find_if(by_mark_, [&](const auto& each) { return &events_[each.second] == &event; });
  throw Violation{.text = std::move(text) + ": event " + mark->first + " of " +
                          orgs_[event.org].spec.domain.name() + ", persisted " +
                          format_rfc3339(event.persisted)};
}

Replicas::Event* Replicas::event_in(std::string_view text) {
  constexpr std::string_view key = R"("uuid":")";
  const auto at = text.find(key);
  if (at == std::string_view::npos) return nullptr;
  const auto found = by_mark_.find(std::string(text.substr(at + key.size(), mark_bytes)));
  return found != by_mark_.end() ? &events_[found->second] : nullptr;
}

void Replicas::judge_owner(const Replica& replica, std::size_t org) const {
  if (failed_over_at_ && now() < *failed_over_at_ + 2 * lease) return;
  const std::string& name = orgs_[org].spec.domain.name();
  const auto held = database_.tables().leases.find(name);
  if (held == database_.tables().leases.end() || held->second.owner == replica.id) return;
  if (held->second.owner != nobody)
    throw Violation{replica.name + " asks " + name + ", which another replica has taken"};
}

void Replicas::stored(std::string_view line) {
  Event* event = event_in(line);
  if (event == nullptr) throw Violation{"a line of no event: " + std::string(line.substr(0, 200))};
  const bool marked = line.contains(R"("possible_duplicate":true)");
  if (event->copies++ == 0) ++delivered_;
  if (!marked) ++event->unmarked;
  if (event->unmarked > 1) convict("delivered twice, and no copy says so", *event);
  if (calm_ && (marked || event->copies > 1))
    convict("marked or repeated, although all went in order", *event);
}

void Replicas::saved(const SharedDatabase::Fence& fence, const std::string& key, const Save& save) {
  if (database_.tables().leases.at(fence.org).owner != fence.owner)
    throw Violation{"a save of " + fence.org + " by a replica that does not hold it"};
  for (const SetAside& item : save.set_aside) put_aside(item);
  const auto org = std::ranges::find(orgs_, key, &Org::key);
  CHECK(org != orgs_.end());
  const model::Parameters parameters = model::parameters_of(save.place.next);
  const auto after = model::find_parameter(parameters, "after");
  const auto count = after ? org->okta.log().place_of(*after) : std::nullopt;
  if (!count) return;
  for (; org->covered < *count; ++org->covered) {
    const Event& event = events_[org->first + org->covered];
    if (event.copies == 0 && !event.aside) convict("the place on disk is ahead of delivery", event);
  }
}

// Each of several lines belongs to one event.
void Replicas::put_aside(const SetAside& item) {
  for (const std::string_view each : split_lines(item.bytes)) {
    if (Event* event = event_in(each)) event->aside = true;
  }
}

void Replicas::judge_end(WallTime until) {
  for (const Event& event : events_) {
    if (event.persisted < until && event.copies == 0 && !event.aside)
      convict("not delivered " + describe(drain_budget) + " after everything healed", event);
  }
  for (const Replica& replica : replicas_) {
    const Report report = replica.core->report(now_of(replica));
    if (!report.ready) throw Violation{replica.name + " is not ready: " + report.not_ready_because};
  }
}

Outcome Replicas::run() {
  for (Replica& replica : replicas_) start(replica);
  plan_trouble();
  run_until(now() + plan_.faults_last);
  heal();
  const WallTime healed_at = true_wall();
  run_until(now() + drain_budget);
  judge_end(healed_at);

  over_ = true;
  for (Replica& replica : replicas_) {
    if (replica.core) turn(replica, Stop{});
  }
  run_until(now() + limits::stop_grace + 5s);
  for (const auto& [org, held] : database_.tables().leases) {
    if (held.owner != nobody || !held.clean) throw Violation{org + " was not given back in order"};
  }
  over_ = false;
  calm_ = true;  // Nothing may come again.
  for (Event& event : events_) event.copies = std::min(event.copies, 1U);
  start(replicas_.front());
  run_until(now() + quiet_look);
  return {.hash = story_.hash(),
          .steps = story_.step(),
          .delivered = delivered_,
          .runs = runs_,
          .drained_in = 0s,
          .summary = std::to_string(delivered_) + " delivered"};
}

}  // namespace logzio_okta::sim
