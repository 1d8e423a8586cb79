#include "sim/judge.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "model/okta_org.hpp"
#include "model/query.hpp"
#include "sim/hook_judge.hpp"

namespace logzio_okta::sim {
namespace {

constexpr auto date_cut = 2s;  // Date has whole seconds, and so has everything derived from it.
constexpr std::size_t mark_bytes = 36;
constexpr Duration requests_kept = 6min;

bool is_marked(std::string_view line) {
  return line.contains(R"("possible_duplicate":true)");
}

/// What the design says an answer of the listener means.
enum class Meaning : std::uint8_t { settled, counted, perhaps, not_taken };

Meaning meaning_of(const BulkResult& result) {
  if (std::holds_alternative<LinesTaken>(result)) return Meaning::settled;
  if (const auto* error = std::get_if<TransportError>(&result)) {
    return error->sent ? Meaning::perhaps : Meaning::not_taken;
  }
  const auto& answer = std::get<HttpAnswer>(result);
  const bool counts = answer.body.contains(R"(Lines":)");
  if (answer.status == 200 && (counts || !answer.body.contains('<'))) return Meaning::settled;
  if (answer.status == 400 && answer.body.contains(R"("successfulLines":0,)")) return Meaning::not_taken;
  if (answer.status == 400 && counts) return Meaning::counted;
  if (answer.status < 300 || answer.status == 400 || answer.status == 408) return Meaning::perhaps;
  return answer.status >= 500 && answer.status != 503 ? Meaning::perhaps : Meaning::not_taken;
}

}  // namespace

Judge::Judge(const Plan& plan) : plan_(plan) {
  for (const char* const field : {"customer", "tier"}) ledger_.allow_field(field);
}

Judge::OrgIndex Judge::add_org(Charge charge, const std::vector<PastEvent>& history) {
  const OrgIndex index = orgs_.size();
  orgs_by_name_[charge.name] = index;
  orgs_by_stream_[charge.stream] = index;
  const auto asked_for = [filter = charge.filter, q = charge.q](std::string_view bytes) {
    return bytes.contains(filter) && bytes.contains(q);
  };
  orgs_.push_back({.charge = std::move(charge), .first = events_.size(), .events = history.size()});
  for (const PastEvent& past : history) {
    const std::size_t number = events_.size();
    by_mark_[past.mark] = number;
    by_bytes_[hash64(past.bytes)] = number;
    by_bytes_[hash64(model::on_one_line(past.bytes))] = number;  // As it is set aside where it was in a line.
    bytes_of_.push_back(&past);
    events_.push_back({.org = index,
                       .published = past.published,
                       .persisted = past.persisted,
                       .mark = past.mark,
                       .fate = past.fate,
                       .known_by_uuid = past.known_by_uuid,
                       .dated = past.dated,
                       .asked_for = asked_for(past.bytes),
                       .poison = past.poison,
                       .plain = past.plain});
  }
  return index;
}

void Judge::convict(std::string text, const Event& event) const {
  throw Violation{.text = text + ": " + name(event),
                  .org = event.org,
                  .event = static_cast<std::size_t>(&event - events_.data())};
}

std::string Judge::name(const Event& event) const {
  return "event " + event.mark + " of " + orgs_[event.org].charge.name + ", published " +
         format_rfc3339(event.published) + ", persisted " + format_rfc3339(event.persisted);
}

// Runs.

void Judge::run_begins(Instant now) {
  ++run_;
  in_flight_.clear();
  copies_waiting_.clear();
  saves_fail_ = false;
  listeners_gone_.clear();
  for (Org& org : orgs_) {
    org.remaining_in.reset();
    org.spent.clear();
    org.said_why.reset();
    org.refused_a_key = false;
    org.asked_at.clear();
    if (org.silence_unsaved) org.silent_until.reset();  // Our clock may have jumped unnoticed.
    org.quickest_answer = Duration::max();
    org.calm_since = now;
    org.dating = false;
    org.limit_shown = false;
    for (auto& [key, used] : org.keys_used) used = now;
    for (auto& [key, token] : org.tokens) token = {};
    org.mint_silent_until.reset();
  }
}

void Judge::opened(OrgIndex index, const Opened& opened, WallTime okta_time) {
  Org& org = orgs_[index];
  ++org.life;
  org.unsaved = org.doubt = 0;
  org.opened_at = okta_time;
  if (!opened.place) return;
  // What is in doubt up to the tail is not counted.
  const auto& in_doubt = opened.place->in_doubt;
  const bool uncounted = opened.overtaken || (in_doubt && in_doubt->events_left == InDoubt::up_to_the_tail);
  if (in_doubt && !uncounted) org.doubt = in_doubt->events_left;
  if (!opened.clean && !uncounted) org.doubt = limits::in_doubt_events;
  org.noted = opened.in_flight && !uncounted;
  if (org.doubt == 0 && !uncounted) return;
  org.unclean_at = opened.clean && !opened.overtaken ? in_doubt->before : okta_time;
  org.dating = true;
  org.blur = org.quickest_answer;
  org.jumped_since = false;
  if (org.noted) org.doubt = 0;  // What is in doubt is known one by one.
}

void Judge::run_ends(bool orderly, bool crashed, const std::vector<WallTime>& okta_times) {
  for (std::size_t i = 0; i < orgs_.size(); ++i) {
    Org& org = orgs_[i];
    if (!orderly && !crashed) {
      org.unclean_at = okta_times[i];
      org.blur = org.quickest_answer;
      org.jumped_since = false;
    }
  }
  if (!orderly) return;
  for (const Event& event : events_) {
    if (event.stored_run == run_ && !event.durable && event.known_by_uuid) {
      convict("a clean stop left unsaved what was delivered", event);
    }
  }
}

void Judge::wall_jumped() {
  for (Org& org : orgs_) {
    org.jumped_since = true;
    org.silence_unsaved = true;
  }
}

// What was delivered may come again: marked, or as what is older than a new beginning.
void Judge::state_replaced() {
  for (Org& org : orgs_) {
    org.since.reset();
    org.covered = org.unsaved = org.doubt = 0;
    org.unclean_at.reset();
    org.window.clear();
    org.window_events = 0;
    org.window_from.reset();
    org.silent_until.reset();
  }
  for (Event& event : events_) {
    event.expected = event.durable = false;
    event.unsaved_in_life = 0;
    event.forgotten = event.stores > 0;
  }
  ledger_.forget_deliveries();
}

// Okta.

void Judge::listed(OrgIndex index, bool in_file, DestinationId account, const std::string& constants) {
  Org& org = orgs_[index];
  if (in_file && !org.in_file) org.limit_shown = false;  // It starts over, with the limit of a usual org.
  if (!in_file) org.mint_silent_until.reset();
  org.in_file = in_file;
  // What it brought there leaves with it, and what comes later may find out anew.
  for (auto& [gone, tried] : listeners_gone_) {
    if (!in_file || gone != account)
      std::erase_if(tried, [&](std::size_t event) { return events_[event].org == index; });
  }
  Entry entry{.account = account, .constants = constants};
  if (org.entries.empty() || org.entries.back() != entry) org.entries.push_back(std::move(entry));
}

void Judge::brought(OrgIndex index, std::size_t begin, std::size_t events, WallTime at) {
  Org& org = orgs_[index];
  for (std::size_t i = org.first + begin; i < org.first + begin + events; ++i) {
    Event& event = events_[i];
    event.came_under |= std::uint64_t{1} << (org.entries.size() - 1);
    if (event.first_life == 0) event.first_life = org.life;
    if (!event.asked_for || event.durable || event.unsaved_in_life == org.life) continue;
    event.unsaved_in_life = org.life;
    ++org.unsaved;
    if (org.doubt > 0) --org.doubt;
  }
  // Whatever was in flight when the stream was opened was persisted before.
  const std::size_t visible = org.charge.log->count_until(at);
  const bool later = events > 0 && events_[org.first + begin + events - 1].persisted > org.opened_at;
  if (at >= org.opened_at && (later || begin + events >= visible)) org.doubt = 0;
  // A crash leaves them in doubt, and the next start marks no more than that.
  if (org.unsaved > limits::in_doubt_events) {
    convict(org.charge.name + " has " + std::to_string(org.unsaved) + " events read and not saved", org);
  }
}

void Judge::saved(Org& org, Event& event) {
  if (std::exchange(event.unsaved_in_life, 0) == org.life) --org.unsaved;
}

std::int64_t Judge::window_of(const Org& org, WallTime okta_time) const {
  const auto offset = to_ms(org.charge.window_offset).count();
  return (okta_time.time_since_epoch().count() - offset) / to_ms(org.charge.window).count();
}

void Judge::holds_keys(OrgIndex index, const std::vector<CredentialId>& keys,
                       const std::vector<CredentialId>& apps, Instant now) {
  Org& org = orgs_[index];
  auto used = std::exchange(org.keys_used, {});
  for (const CredentialId key : keys) {
    const auto known = used.find(key);
    org.keys_used[key] = known != used.end() ? known->second : now;
  }
  auto tokens = std::exchange(org.tokens, {});
  for (const CredentialId app : apps) {
    const auto known = tokens.find(app);
    org.tokens[app] = known != tokens.end() ? known->second : Token{};
  }
}

// Renewed in time, and not for every poll: Okta counts the tokens of an org as well.
void Judge::minting(OrgIndex index, const MintToken& mint, Instant now) {
  constexpr Duration renewed_at_most = 15min;  // Before its end: 10, give or take.
  Org& org = orgs_[index];
  const std::string who = "key " + std::to_string(mint.credential.value) + " of " + org.charge.name;
  if (mint.origin != org.charge.origin)
    convict("an assertion by " + who + " would go to " + mint.origin.text(), org);
  const auto found = org.tokens.find(mint.credential);
  if (found == org.tokens.end())
    convict("asks for a token for " + who + ", which is no service app in the tenants file", org);
  Token& token = found->second;
  if (token.asked) convict("asks for two tokens for " + who + " at once", org);
  if (org.mint_silent_until && now < *org.mint_silent_until)
    convict("asks for a token for " + who + " inside the silence that the token endpoint asked for", org);
  if (token.until && *token.until - now > renewed_at_most && !token.doubted) {
    convict("asks for a token for " + who + ", which has a good one for " + describe(*token.until - now),
            org);
  }
  token.asked = mint.id;
  org.keys_used[mint.credential] = now;
}

void Judge::minted(OrgIndex index, const MintToken& mint, const Minted& minted, Instant now) {
  Org& org = orgs_[index];
  const auto found = org.tokens.find(mint.credential);
  if (found == org.tokens.end() || found->second.asked != mint.id) return;  // It has left the file since.
  found->second.asked.reset();
  if (minted.life) found->second = {.granted = now, .until = now + *minted.life};
  org.refused_a_key |= minted.refused;
  if (minted.silence) org.mint_silent_until = now + *minted.silence;
}

void Judge::judge_token(const Org& org, CredentialId key, Instant now) const {
  const auto found = org.tokens.find(key);
  if (found == org.tokens.end()) return;
  const Token& token = found->second;
  const std::string who = org.charge.name + " with key " + std::to_string(key.value);
  if (!token.until) convict("asks " + who + ", which has no token", org);
  if (token.refused) convict("asks " + who + ", whose token Okta has refused", org);
  if (now >= *token.until) convict("asks " + who + ", whose token is over", org);
}

void Judge::hear_of_token(Org& org, const Heard& heard, Instant now) {
  constexpr int bad_proof = 400;
  constexpr int bad_token = 401;
  constexpr int forbidden = 403;
  const auto found = org.tokens.find(heard.credential);
  if (found == org.tokens.end() || !heard.of_okta) return;
  Token& token = found->second;
  token.doubted |= heard.status == bad_proof || heard.status == bad_token || heard.status == forbidden;
  token.refused |= heard.status == bad_token && now - heard.took >= token.granted;
}

bool Judge::asked(OrgIndex index, const AskOkta& ask, WallTime okta_time, Now now) {
  Org& org = orgs_[index];
  judge_token(org, ask.credential, now.steady);
  org.keys_used[ask.credential] = now.steady;
  org.asked_at.push_back(now.steady);
  const std::string& who = org.charge.name;
  if (ask.origin != org.charge.origin) convict("a key of " + who + " would go to " + ask.origin.text(), org);
  if (!ask.target.starts_with(std::string(log_path) + "?"))
    convict("asks " + who + " for " + ask.target, org);
  if (ask.target.contains("hostile")) convict("follows a hostile link: " + ask.target, org);
  if (!org.in_file) convict("asks " + who + ", which is not in the tenants file any more", org);
  if (org.silent_until && okta_time < *org.silent_until) {
    convict("asks " + who + " at " + format_rfc3339(okta_time) + " inside the silence it asked for, until " +
                format_rfc3339(*org.silent_until),
            org);
  }
  const double reserve = limits::rate_reserve * static_cast<double>(org.charge.rate_limit);
  if (org.remaining_in == window_of(org, okta_time) && static_cast<double>(org.remaining) <= reserve) {
    convict("asks " + who + " although only " + std::to_string(org.remaining) + " requests remain", org);
  }
  spend(org, okta_time);
  // So that a key is used, or that Okta's clock is seen.
  const bool only_looks = ask.target == clock_target();
  if (listener_gone(org) && !only_looks) convict("asks " + who + " while its listener is gone", org);
  if (saves_fail_ && !only_looks) convict("asks " + who + " while nothing can be saved", org);
  return !only_looks;
}

// Where what it was tried with has left the file or gone to another account, something new is needed to try.
bool Judge::listener_gone(const Org& org) const {
  const auto gone = listeners_gone_.find(org.entries.back().account);
  return gone != listeners_gone_.end() && !gone->second.empty();
}

// Judged by when it was sent: how long a request is in transit is not ours to decide.
void Judge::spend(Org& org, WallTime okta_time) const {
  const std::int64_t window = window_of(org, okta_time);
  const std::int64_t count = ++org.spent[window];
  if (count > budget(org)) {
    convict(std::to_string(count) + " requests to " + org.charge.name +
                " in one window, where our share is " + std::to_string(budget(org)),
            org);
  }
  while (org.spent.size() > 3) org.spent.erase(org.spent.begin());
}

std::int64_t Judge::budget(const Org& org) const {
  const std::int64_t limit =
      org.limit_shown ? org.charge.rate_limit : std::max(org.charge.rate_limit, limits::rate_limit_assumed);
  const double share = std::floor(static_cast<double>(limit) * plan_.policy.rate_share);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(share));
}

// A daemon that says that Okta's limit holds it back must have spent its share; a leaking budget would slowly
// make it late. If every recent answer told its window, it has spent the share in this window; otherwise, in
// several.
void Judge::judge_limited(const Org& org, Instant now, WallTime okta_time) const {
  constexpr Duration silence_over = limits::rate_wait_max + 2 * limits::rate_window;
  const bool remembers = okta_time - org.opened_at < to_ms(silence_over);  // A silence, from its place.
  if (now - org.calm_since >= silence_over && org.limit_shown && !remembers) {
    judge_window(org, okta_time);
  } else {
    judge_windows(org, now, okta_time);
  }
}

void Judge::judge_window(const Org& org, WallTime okta_time) const {
  constexpr auto edge = 5s;               // Two clocks see a window's edge at two moments.
  constexpr std::int64_t on_its_way = 3;  // What is on its way at a window's beginning counts in it.
  const auto into =
      (okta_time - to_ms(org.charge.window_offset)).time_since_epoch() % to_ms(org.charge.window);
  if (into < edge || into > org.charge.window - edge) return;
  const std::int64_t window = window_of(org, okta_time);
  const double reserve = limits::rate_reserve * static_cast<double>(org.charge.rate_limit);
  if (org.remaining_in == window && static_cast<double>(org.remaining - on_its_way) <= reserve) return;
  const auto spent = org.spent.find(window);
  const std::int64_t count = spent != org.spent.end() ? spent->second : 0;
  if (count + on_its_way >= budget(org)) return;
  convict(org.charge.name + " is said to be held by Okta's limit, with " + std::to_string(count) +
              " of our " + std::to_string(budget(org)) + " requests spent",
          org);
}

// On requests whose answers were late, for example: within the windows that they may have been counted in. A
// silence that its place remembers may come back when it is opened.
void Judge::judge_windows(const Org& org, Instant now, WallTime okta_time) const {
  constexpr Duration a_while = limits::rate_wait_max + requests_kept;
  if (okta_time - org.opened_at < to_ms(a_while)) return;
  if (org.limited_at && now - *org.limited_at < a_while) return;
  const std::int64_t limit = std::min(org.charge.rate_limit, limits::rate_limit_assumed);
  const double share = std::floor(static_cast<double>(limit) * plan_.policy.rate_share);
  if (static_cast<double>(org.asked_at.size()) >= share) return;
  convict("waits for its budget after " + std::to_string(org.asked_at.size()) +
              " requests in 6 minutes, where it may spend " + std::to_string(share) + " in one",
          org);
}

// The window in which Okta counted it is unknown now.
void Judge::answer_lost(OrgIndex index, WallTime sent_at, Instant now) {
  --orgs_[index].spent[window_of(orgs_[index], sent_at)];
  orgs_[index].calm_since = now;
}

void Judge::heard(OrgIndex index, const Heard& heard, Instant now) {
  Org& org = orgs_[index];
  org.quickest_answer = std::min(org.quickest_answer, heard.took);
  if (org.dating) org.blur = std::min(org.blur, heard.took);
  org.limit_shown = org.limit_shown || heard.remaining;
  if (!heard.remaining) org.calm_since = now;
  if (heard.quiet_until) {
    org.silent_until = std::max(org.silent_until.value_or(*heard.quiet_until), *heard.quiet_until);
    org.silence_heard = now;
    org.silence_unsaved = false;
  }
  constexpr int forbidden = 403;
  constexpr int limited = 429;
  constexpr double little = 0.1;
  const bool shows_little = heard.remaining && static_cast<double>(*heard.remaining) <=
                                                   little * static_cast<double>(org.charge.rate_limit);
  if (heard.status == limited || shows_little) org.limited_at = now;
  constexpr int unknown_key = 401;  // Spends no budget.
  org.refused_a_key |= heard.of_okta && (heard.status == unknown_key || heard.status == forbidden);
  if (heard.status == unknown_key) --org.spent[window_of(org, heard.sent_at)];
  hear_of_token(org, heard, now);
  if (!heard.remaining) return;
  org.remaining_in = window_of(org, heard.asked_at);
  org.remaining = *heard.remaining;
}

void Judge::forget_fresh_silences(Instant now, bool disk_was_fine) {
  constexpr Duration time_to_save = 5s;
  for (Org& org : orgs_) {
    if (!disk_was_fine || org.silence_unsaved || now - org.silence_heard < time_to_save)
      org.silent_until.reset();
  }
}

// Listener.

std::optional<std::size_t> Judge::event_in_line(std::string_view line) const {
  for (const std::string_view key : {R"("uuid":")", R"("uuid": ")", R"("serial":")"}) {
    const auto at = line.find(key);
    if (at == std::string_view::npos) continue;
    const auto found = by_mark_.find(line.substr(at + key.size(), mark_bytes));
    if (found != by_mark_.end()) return found->second;
  }
  return std::nullopt;
}

Judge::Contents Judge::read(std::string_view plain) const {
  Contents contents{.bytes = plain.size(), .events = {}};
  for (const std::string_view line : split_lines(plain)) {
    ++contents.lines;
    if (line.size() > limits::line_bytes_max) convict("a line of " + std::to_string(line.size()) + " bytes");
    if (HookJudge::owns(line)) continue;
    const auto event = event_in_line(line);
    if (!event) convict("a line of no event: " + std::string(line.substr(0, 200)));
    contents.events.push_back(*event);
    contents.poison |= events_[*event].poison;
  }
  return contents;
}

void Judge::sent(const SendBulk& bulk, const Contents& contents) {
  const auto beside = std::ranges::count(in_flight_, bulk.destination,
                                         [](const auto& sending) { return sending.second.account; });
  if (std::cmp_greater_equal(beside, limits::bulks_in_flight_max)) convict("too many bulks in flight");
  const std::size_t lines = contents.lines;
  if (lines != bulk.lines) convict("a bulk that says it has other lines than it has");
  if (lines > limits::bulk_lines_max) convict("a bulk of " + std::to_string(lines) + " lines");
  constexpr std::size_t mark_room = 64;  // Marking makes a sealed bulk grow.
  if (lines > 1 && contents.bytes > limits::bulk_bytes_max + lines * mark_room) {
    convict("a bulk of " + std::to_string(contents.bytes) + " bytes");
  }
  const Sending sending{.account = bulk.destination, .events = contents.events};
  if (!in_flight_.emplace(bulk.id.value, sending).second) convict("a bulk's id is used twice");
}

void Judge::stored(std::string_view line, DestinationId account, WallTime wall) {
  const auto number = event_in_line(line);
  if (!number) convict("the listener took a line of no event: " + std::string(line.substr(0, 200)));
  Event& event = events_[*number];
  if (!event.expected) convict("delivered although nobody asked for it or for such old ones", event);
  judge_way(event, line, account);
  if (event.stores > 0) judge_repeat(event);
  if (is_marked(line)) judge_mark(event, line);
  judge_backfill(event, line);
  ++event.stores;
  event.forgotten = false;
  event.went_reduced |= line.contains(R"("reduced":true)");
  event.stored_life = orgs_[event.org].life;
  event.stored_run = run_;
  if (event.stores == 1) {
    ++delivered_;
    if (plan_.apart) judge_delay(event, wall);
  }
  ledger_.deliver(line);
}

// It goes where its tenant's events went when it arrived, or where they go now, or, if it was moved, where
// they went in between; and it has what those entries add.
void Judge::judge_way(const Event& event, std::string_view line, DestinationId account) const {
  const Org& org = orgs_[event.org];
  bool right_account = false;
  bool right_constants = !event.plain;
  bool came = false;
  for (std::size_t i = 0; i < org.entries.size(); ++i) {
    const bool moved = came && org.entries[i].account != org.entries[i - 1].account;
    const bool brought = (event.came_under >> i & 1U) != 0;
    came = came || brought;
    const bool now = i + 1 == org.entries.size();
    if (!brought && !moved && !now) continue;
    right_account |= org.entries[i].account == account;
    right_constants |= line.contains(org.entries[i].constants);
  }
  if (!right_account) convict("delivered to another account, " + std::to_string(account.value), event);
  if (!right_constants)
    convict("delivered without what its tenant's entry adds, as " + std::string(line.substr(0, 200)), event);
}

// Where nothing else is wrong, an event is delivered as soon as it is polled.
void Judge::judge_delay(const Event& event, WallTime wall) const {
  const Org& org = orgs_[event.org];
  constexpr DestinationId well{1};
  constexpr Duration catching_up = 1h;
  constexpr Duration budget_and_ways = 3min;
  const Duration patience = plan_.policy.poll_interval + budget_and_ways;
  if (org.entries.back().account != well || event.persisted < org.first_start + to_ms(catching_up)) return;
  if (wall - event.persisted > patience) {
    convict("delayed by the trouble of another account, " + describe(wall - event.persisted) +
                " after it was persisted",
            event);
  }
}

void Judge::judge_apart(WallTime wall) const {
  if (!plan_.apart) return;
  for (const Event& event : events_) {
    if (event.expected && event.stores == 0 && event.fate != model::Fate::set_aside) judge_delay(event, wall);
  }
}

void Judge::judge_repeat(Event& event) const {
  const bool answer_lost = event.doubted_in_run == run_;
  const bool opened_again = event.stored_life < orgs_[event.org].life && !event.durable;
  const auto& window_from = orgs_[event.org].window_from;
  // Neither is recognised when a place is asked again; the ledger expects both marked.
  const bool unknowable = !event.known_by_uuid || (window_from && event.published <= *window_from);
  if (unknowable || event.forgotten) return;
  if (answer_lost || opened_again) return;
  if (event.counted_in_run != run_) convict("delivered again without a cause", event);
  // To find what the listener refused, it may come again once.
  if (std::exchange(event.tried_in_run, run_) == run_) convict("sent again and again after one 400", event);
}

void Judge::judge_mark(const Event& event, std::string_view line) const {
  const Org& org = orgs_[event.org];
  if (event.counted_in_run == run_) return;
  if (event.doubted_in_run == run_ || !event.known_by_uuid) return;
  if (org.window_from && (!event.dated || event.published <= *org.window_from)) return;
  if (org.noted) {
    if (event.first_life < org.life) return;
    convict("marked although it was never read before, as " + std::string(line.substr(0, 200)), event);
  }
  if (!event.dated) return;
  const auto blur = date_cut + to_ms(org.blur);
  const bool ahead =
      event.published > event.persisted + date_cut;  // It may nevertheless have been read before.
  if (org.unclean_at && (org.jumped_since || ahead || event.published <= *org.unclean_at + blur)) return;
  convict("marked as a possible duplicate without a cause, as " + std::string(line.substr(0, 200)), event);
}

void Judge::judge_backfill(const Event& event, std::string_view line) const {
  if (!event.dated) return;
  const bool says_so = line.contains(R"("backfill":true)");
  const auto before_start = orgs_[event.org].first_start - event.published;
  if (says_so && before_start < -date_cut) convict("called backfill though it is new", event);
  const bool markable = !line.contains(R"("logzio_okta":{"mine")");
  if (!says_so && markable && before_start > date_cut) {
    convict("not called backfill, as " + std::string(line.substr(0, 200)), event);
  }
}

void Judge::judge_ledger() const {
  const model::Judgement judgement = ledger_.judge();
  const auto wrong = judgement.repeats_unmarked + judgement.altered + judgement.misnamed + judgement.alien +
                     judgement.unwelcome;
  if (wrong == 0) return;
  const std::string& finding = judgement.findings.front();
  if (const auto event = named_in(finding)) convict(finding, events_[*event]);
  convict(finding);
}

std::optional<std::size_t> Judge::named_in(std::string_view text) const {
  for (std::size_t at = 0; at + mark_bytes <= text.size(); ++at) {
    const auto known = by_mark_.find(text.substr(at, mark_bytes));
    if (known != by_mark_.end()) return known->second;
  }
  return std::nullopt;
}

bool Judge::concerns_listener(BulkId id) const {
  const auto found = in_flight_.find(id.value);
  return found != in_flight_.end() && !std::ranges::all_of(found->second.events, [&](std::size_t event) {
           return events_[event].counted_in_run == run_;
         });
}

void Judge::answered(BulkId id, const BulkResult& result) {
  const auto found = in_flight_.find(id.value);
  if (found == in_flight_.end()) return;  // Said twice.
  const Meaning meaning = meaning_of(result);
  if (meaning == Meaning::perhaps) {
    for (const std::size_t event : found->second.events) events_[event].doubted_in_run = run_;
  }
  if (meaning == Meaning::counted) {
    for (const std::size_t event : found->second.events) events_[event].counted_in_run = run_;
  }
  const DestinationId account = found->second.account;
  if (std::holds_alternative<TransportError>(result)) {
    std::vector<std::size_t> tried = found->second.events;
    std::erase_if(tried, [&](std::size_t event) {
      const Org& org = orgs_[events_[event].org];
      return !org.in_file || org.entries.back().account != account;
    });
    if (concerns_listener(id)) listeners_gone_[account] = std::move(tried);
  } else {
    listeners_gone_.erase(account);
  }
  in_flight_.erase(found);
}

// Disk.

void Judge::durable(const std::string& key, const Save& save, const std::vector<WallTime>& okta_times) {
  const OrgIndex index = orgs_by_stream_.find(key)->second;
  Org& org = orgs_[index];
  if (!org.since) begins(org, save, okta_times.empty() ? std::nullopt : std::optional(okta_times[index]));
  if (save.place.since != *org.since) convict("the beginning of " + key + " moved", org);
  const std::size_t in_doubt = save.place.in_doubt ? save.place.in_doubt->events_left : 0;
  if (in_doubt < org.doubt) {
    convict("only " + std::to_string(in_doubt) + " events of " + key + " are in doubt, where " +
                std::to_string(org.doubt) + " should be",
            org);
  }
  for (const SetAside& item : save.set_aside) put_aside(org, item);
  const model::Parameters parameters = model::parameters_of(save.place.next);
  const auto after = model::find_parameter(parameters, "after");
  if (after) {
    const auto count = org.charge.log->place_of(*after);
    if (!count) convict("the place of " + key + " on disk is none of Okta's: " + save.place.next, org);
    cover(org, *count);
  }
  keep_window(org, save);
  for (const WindowRow& row : save.rows) {
    for (const EventHash& hash : row.events) {
      const auto found = by_bytes_.find(hash.bytes);
      if (found == by_bytes_.end()) continue;
      Event& event = events_[found->second];
      if (event.stores == 0 && !event.aside) convict("the window on disk holds what is not settled", event);
      judge_copy(event);
      event.durable = true;
      saved(org, event);
    }
  }
}

void Judge::copied(std::string_view plain) {
  for (const std::string_view line : split_lines(plain)) {
    if (HookJudge::owns(line)) continue;
    const auto number = event_in_line(line);
    if (!number) convict("a copy of a line of no event: " + std::string(line.substr(0, 200)));
    Event& event = events_[*number];
    if (event.stores == 0) convict("the copy has what the listener has not", event);
    event.copied_in_run = run_;
    copies_waiting_.push_back(*number);
  }
}

void Judge::copies_synced() {
  for (const std::size_t number : std::exchange(copies_waiting_, {})) events_[number].copied = true;
}

// What the place on disk passes is not delivered again, so that this is the last moment for its copy.
void Judge::judge_copy(const Event& event) const {
  if (event.aside || event.among_refused) return;
  if (event.stores > 0 && !event.copied && event.copied_in_run != run_)
    convict("the place on disk is ahead of the copy", event);
}

// The window may forget only what is beyond its bounds, and must say from where on it does not know.
void Judge::keep_window(Org& org, const Save& save) {
  if (save.place.window_from < org.window_from)
    convict("the window claims to reach further back than before", org);
  org.window_from = save.place.window_from;
  for (const WindowRow& row : save.rows) {
    if (!org.window.emplace(row.page, Org::Row{.events = row.events.size(), .newest = row.newest}).second) {
      convict("a page of " + org.charge.name + " is remembered twice under one number", org);
    }
    org.window_events += row.events.size();
  }
  while (!org.window.empty() && org.window.begin()->first < save.rows_from) {
    const auto& [events, newest] = org.window.begin()->second;
    if (org.window_events <= limits::window_events_max && org.window.size() <= limits::window_rows_max) {
      convict("the window of " + org.charge.name + " forgets events before it is full", org);
    }
    if (newest && (!org.window_from || *newest > *org.window_from)) {
      convict("the window of " + org.charge.name + " forgets events and does not say so", org);
    }
    org.window_events -= events;
    org.window.erase(org.window.begin());
  }
}

// Whatever our own clock says. Between the opening and the save lies the answer that showed Okta's clock, or
// an earlier one, which may have been on its way for minutes.
void Judge::begins(Org& org, const Save& save, std::optional<WallTime> okta_now) {
  constexpr auto on_the_way = 5min;
  const WallTime start = save.place.first_start;
  if (okta_now && (start > *okta_now || start < org.opened_at - on_the_way)) {
    convict("its start is dated " + format_rfc3339(start) + ", where it was between " +
                format_rfc3339(org.opened_at) + " and " + format_rfc3339(*okta_now) + " by Okta's clock",
            org);
  }
  // Counted from the opening, however long its org did not answer.
  const WallTime since = save.place.since;
  const auto ago = to_ms(org.charge.since_ago);
  const WallTime latest =
      std::max(std::min(start, org.opened_at + on_the_way) - ago, start - to_ms(limits::retention));
  if (since > (okta_now ? latest : start - ago) || (okta_now && since < org.opened_at - on_the_way - ago)) {
    convict("begins with the events since " + format_rfc3339(since) + ", not " + describe(ago) +
                " before it was opened at " + format_rfc3339(org.opened_at),
            org);
  }
  org.since = save.place.since;
  org.first_start = save.place.first_start;
  for (std::size_t i = org.first; i < org.first + org.events; ++i) {
    Event& event = events_[i];
    event.expected = event.persisted >= *org.since && event.asked_for;
    if (event.expected) {
      const bool ahead = event.dated && event.published > event.persisted;
      if (!std::exchange(event.issued, true))
        ledger_.issue(org.charge.name, bytes_of_[i]->bytes, event.fate, ahead);
    } else if (event.persisted < *org.since) {
      org.covered = i - org.first + 1;
    }
  }
}

void Judge::put_aside(Org& org, const SetAside& item) {
  std::string_view bytes = item.bytes;
  if (const auto end = bytes.find(model::immense_end); end != std::string_view::npos && item.events == 1) {
    if (!item.reason.contains("too large to be read: the first " + std::to_string(bytes.size()) + " of "))
      convict("the beginning of an immense event is set aside without its size: " + item.reason, org);
    bytes = bytes.substr(1, end - 1 + model::immense_end.size());
  }
  if (bytes.starts_with('[') && bytes.ends_with(']')) bytes = bytes.substr(1, bytes.size() - 2);  // A page.
  const auto found = by_bytes_.find(hash64(bytes));
  const bool whole = found != by_bytes_.end();
  if (!whole && bytes.ends_with('\n')) return put_together_aside(org, item);
  // What was delivered reduced, and is kept whole already, is a suspect as it was in its line.
  const auto number = whole ? found->second : named_in(bytes);
  if (!number || (!whole && events_[*number].fate != model::Fate::reduced))
    convict("set aside with other bytes than Okta's: " + item.reason);
  Event& event = events_[*number];
  if (&orgs_[event.org] != &org) convict("set aside for another org", event);
  event.kept_whole |= whole;
  if (item.events == 0) return;
  const bool among_suspects = event.counted_in_run == run_ && event.stores > 0;
  if (event.fate != model::Fate::set_aside && !among_suspects)
    convict("set aside without need (" + item.reason + ")", event);
  event.aside = event.fate == model::Fate::set_aside;
  event.among_refused = !event.aside;
  saved(org, event);
}

// What a listener refused among others from which it can no longer be told, one event per line.
void Judge::put_together_aside(Org& org, const SetAside& item) {
  if (item.events == 0) convict("a record of what is set aside counts no event: " + item.reason, org);
  for (const std::string_view bytes : split_lines(item.bytes))
    put_aside(org, {.reason = item.reason, .answer = {}, .events = 1, .bytes = std::string(bytes)});
}

void Judge::cover(Org& org, std::size_t count) {
  for (; org.covered < count; ++org.covered) {
    Event& event = events_[org.first + org.covered];
    if (event.expected && event.stores == 0 && !event.aside) {
      convict("the place on disk is ahead of delivery", event);
    }
    judge_copy(event);
    event.durable = true;
    saved(org, event);
  }
}

// What people see.

void Judge::noted(const Note& note, Instant now) {
  const auto found = orgs_by_name_.find(note.tenant);
  if (found != orgs_by_name_.end() && note.level >= Level::warn) orgs_[found->second].said_why = now;
}

// Okta kills a key that is unused for 30 days; the design says each is used at least once a day.
void Judge::judge_keys(const Org& org, Instant now) const {
  constexpr Duration a_day = 24h + limits::rate_wait_max;  // A silence may come in between.
  for (const auto& [key, used] : org.keys_used) {
    if (org.in_file && now - used > a_day) {
      convict("key " + std::to_string(key.value) + " of " + org.charge.name + " is not used for " +
                  describe(now - used),
              org);
    }
  }
}

void Judge::saw(const Report& report, Instant now, const std::vector<WallTime>& okta_times) {
  const auto conserved = [&](const EventCounts& counts, const std::string& who) {
    if (counts.fetched == counts.delivered + counts.deduplicated + counts.set_aside + counts.in_flight)
      return;
    convict("counters of " + who + " do not add up: " + std::to_string(counts.fetched) + " fetched, " +
            std::to_string(counts.delivered) + " delivered, " + std::to_string(counts.deduplicated) +
            " deduplicated, " + std::to_string(counts.set_aside) + " set aside, " +
            std::to_string(counts.in_flight) + " in flight");
  };
  conserved(report.total, "all tenants");
  if (report.memory_used > limits::memory_budget + limits::page_bytes_max) {
    convict(std::to_string(report.memory_used) + " bytes are held");
  }
  for (const DestinationReport& destination : report.destinations) {
    if (destination.in_flight > limits::bulks_in_flight_max) convict("too many bulks in flight");
  }
  for (const TenantReport& tenant : report.tenants) {
    conserved(tenant.events, tenant.domain);
    const OrgIndex index = orgs_by_name_.find(tenant.domain)->second;
    Org& org = orgs_[index];
    while (!org.asked_at.empty() && org.asked_at.front() < now - requests_kept) org.asked_at.pop_front();
    if (tenant.state == TenantState::limited) judge_limited(org, now, okta_times[index]);
    if (!plan_.has(Trouble::once_runs)) judge_keys(org, now);
    if (tenant.keys_refused > 0 && !org.refused_a_key)
      convict("counts a key of " + tenant.domain + " as refused, which Okta has not refused", org);
    const bool halted = tenant.state == TenantState::refused || tenant.state == TenantState::backing_off;
    if (halted && !org.said_why)
      convict(tenant.domain + " is halted and nobody was told: " + tenant.last_error, org);
    // What comes and goes is said ever more rarely, hourly in the end.
    constexpr Duration silent_at_most = 1h;
    const bool well =
        !halted && tenant.state != TenantState::held && tenant.last_error.empty() && tenant.keys_refused == 0;
    if (well && org.said_why && now - *org.said_why > silent_at_most) org.said_why.reset();
  }
}

// The end.

std::optional<Violation> Judge::first_unsettled(const std::vector<WallTime>& until) const {
  for (const Event& event : events_) {
    if (event.persisted >= until[event.org]) continue;
    if (auto unsettled = why_unsettled(event)) return unsettled;
  }
  return std::nullopt;
}

std::optional<Violation> Judge::first_left_behind(const std::vector<WallTime>& until) const {
  for (const Event& event : events_) {
    if (event.persisted >= until[event.org] || !orgs_[event.org].in_file) continue;
    if (auto unsettled = why_unsettled(event)) return unsettled;
  }
  return std::nullopt;
}

std::optional<Violation> Judge::why_unsettled(const Event& event) const {
  const Org& org = orgs_[event.org];
  if (!org.since) return Violation{.text = org.charge.name + " was never opened", .org = event.org};
  const bool settled = event.fate == model::Fate::set_aside ? event.aside : event.stores > 0;
  if (!event.expected) return std::nullopt;
  if (event.went_reduced && !event.kept_whole) {
    return Violation{.text = "went out reduced and is not kept whole: " + name(event),
                     .org = event.org,
                     .event = static_cast<std::size_t>(&event - events_.data())};
  }
  if (settled && event.durable) return std::nullopt;
  return Violation{.text = (settled ? "settled but not saved: " : "not settled: ") + name(event),
                   .org = event.org,
                   .event = static_cast<std::size_t>(&event - events_.data())};
}

}  // namespace logzio_okta::sim
