#include "shell/postgres/lease_keeper.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <sys/random.h>

#include "logzio_okta/base/check.hpp"

#include "shell/postgres/lease_table.hpp"
#include "shell/postgres/schema.hpp"

namespace logzio_okta {
namespace {

constexpr int rounds_a_lease = 7;
constexpr Duration margin_usual = 5s;
constexpr Duration standby_rest = 1s;  // Between two looks for an org that another replica gives back.

/// Random, version 4 (RFC 9562).
std::string make_uuid() {
  std::array<unsigned char, 16> bytes{};
  CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[bytes.at(i) >> 4U];
    text += digits[bytes.at(i) & 0x0fU];
  }
  return text;
}

}  // namespace

Duration LeaseKeeper::margin(Duration lease) {
  return std::min(margin_usual, lease / 4);
}

LeaseKeeper::LeaseKeeper(const StoreAccess& access, std::string name, Duration lease, SinceBoot since_boot)
    : connection_(access),
      id_(make_uuid()),
      name_(std::move(name)),
      lease_(lease),
      since_boot_(std::move(since_boot)) {}

void LeaseKeeper::want(std::set<std::string> orgs, Instant now) {
  if (orgs == wanted_) return;
  wanted_ = std::move(orgs);
  round_at_ = std::min(round_at_, now);
}

bool LeaseKeeper::may_act() const {
  return left_to_act() > 0s;
}

Duration LeaseKeeper::left_to_act() const {
  if (!beat_at_) return 0s;
  return std::max<Duration>(*beat_at_ + lease_ - margin(lease_) - since_boot_(), 0s);
}

std::optional<FleetReport> LeaseKeeper::report(Instant now) const {
  if (!fleet_read_) return std::nullopt;
  FleetReport report = report_of(fleet_, id_, std::max<Duration>(now - *fleet_read_, 0s));
  report.may_act = left_to_act();
  return report;
}

std::optional<std::int64_t> LeaseKeeper::epoch_of(const std::string& org) const {
  const auto found = owned_.find(org);
  return found == owned_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> LeaseKeeper::owned() const {
  std::vector<std::string> orgs;
  for (const auto& [org, epoch] : owned_) orgs.push_back(org);
  return orgs;
}

std::optional<LeaseKeeper::Change> LeaseKeeper::next_change() {
  if (changes_.empty()) return std::nullopt;
  Change change = std::move(changes_.front());
  changes_.pop_front();
  return change;
}

void LeaseKeeper::work(Instant now) {
  now_ = now;
  connection_.work(now);
  if (!connection_.ready() || connection_.session() != session_) in_touch_ = false;
  if (const auto& trouble = connection_.trouble()) trouble_ = trouble->text;
  if (connection_.ready() && !busy_ && !left_) {
    if (connection_.session() != session_) {
      session_ = connection_.session();
      entered_ = false;
      round_at_ = now;
    }
    if (now >= round_at_) {
      if (entered_) {
        begin_round();
      } else {
        enter();
      }
      connection_.work(now);
    }
  }
  for (const std::string& call : connection_.take_notified()) {
    if (call == retry_keys) changes_.emplace_back(RetryKeys{});
    if (owned_.contains(call)) changes_.emplace_back(Called{});
  }
  const Duration left = left_to_act();
  act_until_ = left > 0s ? now + left : never;
}

// The first round of a session looks for the tables, and makes them if needed.
void LeaseKeeper::enter() {
  busy_ = true;
  connection_.send(now_, find_schema(), PgConnection::connect_patience,
                   [this](const PgConnection::Outcome& found) {
                     busy_ = false;
                     if (!found) return fail_round(found.error());
                     if (found->front().flag(0, 0)) return check_version();
                     busy_ = true;
                     connection_.send(now_, make_schema(), PgConnection::connect_patience,
                                      [this](const PgConnection::Outcome& made) {
                                        busy_ = false;
                                        if (!made) return fail_round(made.error());
                                        check_version();
                                      });
                   });
}

void LeaseKeeper::check_version() {
  busy_ = true;
  const std::vector<PgStatement> statements = {PgStatement("select version from logzio_okta.meta"),
                                               forget_the_dead()};
  connection_.send(
      now_, statements, PgConnection::connect_patience, [this](const PgConnection::Outcome& answer) {
        busy_ = false;
        if (!answer) return fail_round(answer.error());
        const PgRows& version = answer->front();
        if (version.count() == 1 && version.number(0, 0) > postgres_schema_version) {
          return fail_round({.text = "the state in the database was written by a newer version (" +
                                     std::to_string(version.number(0, 0)) + "); upgrade this program",
                             .code = "newer"});
        }
        entered_ = true;
        // It does not matter whether this works: without it, the rounds find the same, later.
        connection_.send(now_, {hear_calls()}, round_patience, [](const auto&) {});
        if (connection_.ready()) begin_round();
      });
}

// Three transactions are on their way at once. Leases are read after our beat was committed: if we were taken
// for dead before it, we see so here, and after it we cannot be.
void LeaseKeeper::begin_round() {
  busy_ = true;
  beat_failed_ = false;
  const Duration rest = lease_ / rounds_a_lease;
  round_at_ = now_ + (owned_.size() < wanted_.size() ? std::min(rest, standby_rest) : rest);
  const Duration sent = since_boot_();
  connection_.send(now_, {judge_timeline()}, round_patience, [this](const PgConnection::Outcome& answer) {
    if (answer) note_timeline(answer->front());  // A service that hides it has its own way of failing over.
  });
  if (!connection_.ready()) return;
  connection_.send(now_, {beat(id_, name_, lease_, wanted_)}, round_patience,
                   [this](const PgConnection::Outcome& answer) {
                     beat_failed_ = !answer;
                     if (!answer) fail_round(answer.error());
                   });
  if (!connection_.ready()) return;
  std::vector<PgStatement> statements;
  read_fleet(statements);
  connection_.send(now_, statements, round_patience, [this, sent](const PgConnection::Outcome& answer) {
    busy_ = false;
    if (!answer) return fail_round(answer.error());
    if (!connection_.ready()) return;
    judge(fleet_of(answer->at(0), answer->at(1)), sent);
  });
}

void LeaseKeeper::note_timeline(const PgRows& answer) {
  const std::string timeline = timeline_of(answer);
  const bool changed = !timeline_.empty() && timeline_ != timeline;
  timeline_ = timeline;
  if (!changed) return;
  changes_.emplace_back(
      FailedOver{"the database has failed over to another server, which may lack what was committed last: "
                 "nothing is lost, "
                 "and what may be delivered again because of it is marked as a possible duplicate"});
}

void LeaseKeeper::judge(Fleet fleet, Duration sent) {
  fleet_ = std::move(fleet);
  fleet_read_ = now_;
  const Fleet::Instance* self = fleet_.find(id_);
  if (beat_failed_ || self == nullptr || !self->alive) return;
  for (auto each = owned_.begin(); each != owned_.end();) {
    const Fleet::Lease* lease = fleet_.lease_of(each->first);
    if (lease != nullptr && lease->owner == id_ && lease->epoch == each->second) {
      ++each;
      continue;
    }
    const Fleet::Instance* holder = lease == nullptr ? nullptr : fleet_.find(lease->owner);
    changes_.emplace_back(LostOrg{.org = each->first, .holder = holder == nullptr ? "" : holder->name});
    giving_.erase(each->first);
    each = owned_.erase(each);
  }
  // We took these, but the answer was lost.
  for (const Fleet::Lease& lease : fleet_.leases) {
    if (lease.owner == id_ && owned_.emplace(lease.domain, lease.epoch).second)
      changes_.emplace_back(Taken{lease.domain});
  }
  beat_at_ = sent;
  in_touch_ = true;
  trouble_.clear();
  if (to_give_ && !owned_.contains(*to_give_)) to_give_.reset();
  if (!to_give_) {
    to_give_ = fleet_.to_give(id_);
    if (to_give_) changes_.emplace_back(GiveOrg{*to_give_});
  }
  take();
  changes_.emplace_back(Round{});
}

void LeaseKeeper::take() {
  std::vector<std::string> orgs = fleet_.to_take(id_, wanted_);
  if (orgs.empty()) return;
  busy_ = true;
  std::vector<PgStatement> statements;
  take_orgs(statements, id_, orgs);
  connection_.send(now_, statements, round_patience, [this](const PgConnection::Outcome& answer) {
    busy_ = false;
    if (!answer) return fail_round(answer.error());
    const PgRows& taken = answer->at(1);
    for (int i = 0; i < taken.count(); ++i) {
      const std::string org = taken.text(i, 0);
      owned_[org] = taken.number(i, 1);
      changes_.emplace_back(Taken{org});
    }
  });
}

void LeaseKeeper::fail_round(const PgFailure& why) {
  in_touch_ = false;
  trouble_ = why.text;
  // The server has become a standby: the one that takes writes is among the hosts, or will be.
  if (why.code == "25006") connection_.lose(now_, why);
}

void LeaseKeeper::give(const std::string& org, Instant now) {
  const auto found = owned_.find(org);
  if (found == owned_.end() || !connection_.ready() || !giving_.insert(org).second) return;
  connection_.send(now, {give_back(id_, org, found->second)}, round_patience,
                   [this, org](const PgConnection::Outcome& answer) {
                     giving_.erase(org);
                     if (answer) owned_.erase(org);
                     round_at_ = {};  // The fleet tells which replica should have it now.
                   });
}

void LeaseKeeper::leave(Instant now, bool clean, std::function<void(bool)> done) {
  left_ = true;
  if (!connection_.ready()) return done(false);
  std::vector<PgStatement> statements;
  logzio_okta::leave(statements, id_, clean);
  connection_.send(
      now, statements, round_patience,
      [done = std::move(done)](const PgConnection::Outcome& answer) { done(answer.has_value()); });
}

std::optional<Instant> LeaseKeeper::deadline() const {
  std::optional<Instant> at = connection_.deadline();
  if (connection_.ready() && !busy_) at = std::min(at.value_or(never), round_at_);
  return std::min(at.value_or(never), act_until_);
}

}  // namespace logzio_okta
