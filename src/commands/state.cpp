#include "commands/state.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/flow/hook_route.hpp"
#include "logzio_okta/flow/shipper.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "commands/edit_state.hpp"
#include "shell/net/curl_client.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"
#include "shell/output/printing.hpp"
#include "shell/output/text_table.hpp"
#include "shell/postgres/access.hpp"
#include "shell/postgres/postgres_view.hpp"
#include "shell/process/harden.hpp"
#include "shell/process/privileges.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/state/clean_end.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/state_edit.hpp"
#include "shell/state/state_view.hpp"

namespace logzio_okta {
namespace {

/// Nothing is made.
std::string state_dir_of(const Settings& settings) {
  return look_at_state_dir(StateDirSearch::of_environment(settings.options.state_dir)).path;
}

Result<std::unique_ptr<StateView>> look_at(const Settings& settings, const Environment& environment) {
  if (settings.options.store) return view_store(access_of(settings.options, environment));
  return StateView::open(state_dir_of(settings));
}

/// As people call it: "acme.okta.com", "acme.okta.com?q=login", "acme.okta.com (event hook)".
std::string stream_name(const std::string& key) {
  const auto route = HookRoute::of_key(key);
  return printable(route ? route->source.name() + " (event hook)" : key);
}

std::string daemon_first(bool held) {
  return held ? ". Stop the daemon first: a command that changes the state needs it to itself" : "";
}

/// The state to be changed: a directory while nobody else holds it, a database at any time.
struct Held {
  struct Directory {
    OwnerLock lock;
    KeptSeal seal;
  };
  std::optional<Directory> directory;
  std::unique_ptr<StateView> view;
};
std::expected<Held, int> hold(const Settings& settings, const Environment& environment) {
  if (settings.options.store) {
    auto view = look_at(settings, environment);
    if (!view) return std::unexpected(refuse(exit_state, view.error().text));
    return Held{.directory = std::nullopt, .view = std::move(*view)};
  }
  const std::string dir = state_dir_of(settings);
  auto view = StateView::open(dir);
  if (!view) return std::unexpected(refuse(exit_state, view.error().text));
  auto lock = OwnerLock::take(dir, wall_now());
  if (!lock) {
    return std::unexpected(refuse(lock.error().held ? exit_temporary : exit_state,
                                  lock.error().text + daemon_first(lock.error().held)));
  }
  Held held{.directory = std::nullopt, .view = std::move(*view)};
  held.directory.emplace(std::move(*lock), KeptSeal(dir, dir + "/" + state_file_name));
  return held;
}

std::string shown(std::optional<WallTime> time) {
  return time ? format_rfc3339(*time) : "-";
}

std::optional<std::int64_t> id_of(std::string_view word) {
  const auto number = ascii::whole_number(word);
  return number && *number <= INT64_MAX ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

int no_such(std::string_view word) {
  return refuse(exit_usage,
                "nothing is set aside under " + ascii::quote(word) + "; `set-aside list` has the numbers");
}

/// Every word as what is set aside under it, or an exit code.
std::expected<std::vector<SetAsideRow>, int> find_all(StateView& view,
                                                      const std::vector<std::string>& words) {
  std::vector<SetAsideRow> rows;
  for (const std::string& word : words) {
    const auto id = id_of(word);
    auto row = id ? view.set_aside(*id) : Result<std::optional<SetAsideRow>>(std::nullopt);
    if (!row) return std::unexpected(refuse(exit_state, row.error().text));
    if (!*row) return std::unexpected(no_such(word));
    rows.push_back(std::move(**row));
  }
  return rows;
}

/// Every word as what is set aside under it, "all" as everything; or an exit code.
std::expected<std::vector<SetAsideRow>, int> find_all_or_named(StateView& view,
                                                               const std::vector<std::string>& words) {
  if (words != std::vector<std::string>{"all"}) return find_all(view, words);
  auto listed = view.set_aside();
  if (!listed) return std::unexpected(refuse(exit_state, listed.error().text));
  std::vector<std::string> numbers;
  for (const SetAsideRow& row : *listed) numbers.push_back(std::to_string(row.id));
  return find_all(view, numbers);
}

/// The events in what is set aside: one, those of a page, or one a line. Each must be all there is of its
/// line or element; where anything else is among them, none is found.
std::vector<std::string> events_in(const std::string& bytes) {
  EventSlice one;
  if (PageCutter::cut_one(bytes, one) && one.object) return {bytes};
  std::vector<std::string> events;
  if (PageCutter cutter; cutter.cut(bytes)) {
    for (const EventSlice& event : cutter.events()) {
      if (!event.object) return {};
      events.emplace_back(event.bytes);
    }
    return events;
  }
  for (const std::string_view line : split_lines(bytes)) {
    std::string& event = events.emplace_back(line);
    EventSlice slice;
    if (!PageCutter::cut_one(event, slice) || !slice.object) return {};
  }
  return events;
}

/// Sends events that were set aside once more.
class Retry {
 public:
  Retry(CurlClient& client, Keyring& keyring, const Roster& roster)
      : client_(client), keyring_(keyring), roster_(roster) {}

  struct Outcome {
    std::size_t delivered = 0;
    std::vector<std::string> left;  ///< The events that were not taken,
    std::string why;                ///< and why the last of them was not.
  };
  /// Sends each event by itself, so that one the listener refuses does not hold up others.
  Outcome send(const SetAsideRow& row) {
    Outcome outcome;
    if (row.events == 0) {
      outcome.why = "it was delivered, reduced; `set-aside show` prints it whole";
      return outcome;
    }
    std::vector<std::string> events = events_in(row.bytes);
    if (events.empty()) {
      outcome.why = "it is not a JSON event that could be sent; `set-aside show` prints it";
      return outcome;
    }
    const auto target = target_of(row.stream);
    for (std::string& event : events) {
      std::string why = target ? send_event(*target, event) : target.error();
      if (why.empty()) {
        ++outcome.delivered;
        continue;
      }
      outcome.why = std::move(why);
      outcome.left.push_back(std::move(event));
    }
    return outcome;
  }

 private:
  struct Target {
    DestinationSpec destination;
    std::shared_ptr<const LineConstants> constants;
  };

  /// "" when the listener took it, else why not.
  std::string send_event(const Target& target, const std::string& bytes) {
    EventSlice event;
    if (!PageCutter::cut_one(bytes, event)) return "it is not a JSON event";
    ShippersShare share;
    share.bulks = sent_;
    Shipper shipper(target.destination, share, Random(1));
    shipper.take(now(), {.stream = StreamId{1},
                         .page = 1,
                         .constants = target.constants,
                         .events = {{.event = &event, .mark = {.possible_duplicate = true}}}});
    const Instant give_up = steady_now() + limits::connect_timeout + limits::bulk_stall_timeout;
    while (steady_now() < give_up) {
      shipper.advance(now());
      while (auto output = shipper.next_output()) {
        if (auto* bulk = std::get_if<SendBulk>(&*output)) client_.send(*bulk);
      }
      sent_ = share.bulks;
      if (const auto settlement = shipper.next_settlement()) {
        if (settlement->delivered > 0) return {};
        return settlement->kept.empty() ? "it was refused"
                                        : "it was refused again: " + settlement->kept.front().reason;
      }
      if (!shipper.healthy()) break;
      client_.wait({}, std::clamp<Duration>(shipper.deadline() - steady_now(), 0s, 1s));
      while (auto input = client_.next_answer()) {
        if (const auto* answer = std::get_if<BulkAnswer>(&*input))
          shipper.answered(now(), answer->id, answer->result);
      }
    }
    const std::string said = shipper.report().last_error;
    return target.destination.listener.text() + (said.empty() ? " did not answer" : ": " + said);
  }
  /// Where the events of a stream go.
  std::expected<Target, std::string> target_of(const std::string& key) {
    if (const auto route = HookRoute::of_key(key)) {
      return Target{keyring_.for_hooks(route->region),
                    std::make_shared<const LineConstants>(route->source.name())};
    }
    const std::string domain(org_of_stream_key(key));
    const auto tenant = std::ranges::find_if(
        roster_.tenants, [&](const TenantSpec& each) { return each.domain.name() == domain; });
    if (tenant == roster_.tenants.end()) return std::unexpected(domain + " is not in the tenants file");
    return Target{*std::ranges::find(roster_.destinations, tenant->destination, &DestinationSpec::id),
                  std::make_shared<const LineConstants>(domain, tenant->type, tenant->fields)};
  }

  CurlClient& client_;
  Keyring& keyring_;
  const Roster& roster_;
  std::uint64_t sent_ = 0;
};

/// Takes out of the state what was delivered, and says what stays.
Result<void> keep_what_is_left(StateView& view, const SetAsideRow& row, const Retry::Outcome& outcome) {
  const auto id = static_cast<long long>(row.id);
  if (outcome.why.empty()) {
    if (auto dropped = view.drop(row.id); !dropped) return dropped;
    std::printf("%lld delivered, and no longer set aside\n", id);
  } else if (outcome.delivered > 0) {
    std::string bytes;
    for (const std::string& event : outcome.left) (bytes += event) += '\n';
    if (outcome.left.size() == 1) bytes.pop_back();
    if (auto shrunk = view.shrink(row.id, static_cast<std::int64_t>(outcome.left.size()), bytes); !shrunk)
      return shrunk;
    std::printf("%lld: %s delivered, and no longer set aside\n", id,
                counted(outcome.delivered, "event").c_str());
    std::fflush(stdout);
    print(stderr,
          std::to_string(id) + ": " + counted(outcome.left.size(), "event") + " stay: " + outcome.why + "\n");
  } else {
    print(stderr, std::to_string(id) + " stays: " + outcome.why + "\n");
  }
  std::fflush(stdout);
  return {};
}

}  // namespace

int set_aside_list(Settings settings, const Environment& environment) {
  auto view = look_at(settings, environment);
  if (!view) return refuse(exit_state, view.error().text);
  const auto rows = (*view)->set_aside();
  if (!rows) return refuse(exit_state, rows.error().text);
  using enum Align;
  TextTable table({right, left, left, right, left});
  table.add({"ID", "WHEN", "TENANT", "EVENTS", "REASON"});
  for (const SetAsideRow& row : *rows) {
    table.add({std::to_string(row.id), format_rfc3339(row.at), stream_name(row.stream),
               row.events == 0 ? "reduced" : std::to_string(row.events), printable(row.reason)});
  }
  print(stdout, rows->empty() ? "nothing is set aside\n" : table.text());
  return 0;
}

int set_aside_show(Settings settings, const Environment& environment) {
  auto view = look_at(settings, environment);
  if (!view) return refuse(exit_state, view.error().text);
  const auto rows = find_all(**view, settings.words);
  if (!rows) return rows.error();
  for (const SetAsideRow& row : *rows) {
    print(stderr, std::to_string(row.id) + ", " + stream_name(row.stream) + ", " + format_rfc3339(row.at) +
                      ": " + printable(row.reason) +
                      (row.answer.empty() ? "" : " (" + printable(row.answer) + ")") + "\n");
    const bool printed = print(stdout, row.bytes) && (row.bytes.ends_with('\n') || print(stdout, "\n")) &&
                         std::fflush(stdout) == 0;
    if (!printed) {
      return refuse(exit_state, "cannot write what was set aside under " + std::to_string(row.id) +
                                    " to standard output: " + std::generic_category().message(errno));
    }
  }
  return 0;
}

int set_aside_drop(Settings settings, const Environment& environment) {
  auto held = hold(settings, environment);
  if (!held) return held.error();
  const auto rows = find_all_or_named(*held->view, settings.words);
  if (!rows) return rows.error();
  for (const SetAsideRow& row : *rows) {
    if (auto dropped = held->view->drop(row.id); !dropped) return refuse(exit_state, dropped.error().text);
  }
  std::printf("%zu dropped\n", rows->size());
  return 0;
}

int set_aside_retry(Settings settings, const Environment& environment) {
  harden_process();
  std::signal(SIGPIPE, SIG_IGN);
  auto tenants = find_tenants(settings.options.tenants, environment);
  if (!tenants) return refuse(exit_configuration, tenants.error().text);
  if (const auto problems = unsaid(settings, &*tenants); !problems.empty())
    return refuse(exit_configuration, problems.front());
  auto trust = Trust::load(settings.options.ca_file);
  if (!trust) return refuse(exit_configuration, trust.error().text);
  auto held = hold(settings, environment);
  if (!held) return held.error();
  const auto rows = find_all_or_named(*held->view, settings.words);
  if (!rows) return rows.error();
  if (settings.options.user) {
    // All that only root may read has been read or is open.
    if (auto became = give_up_privileges(*settings.options.user); !became)
      return refuse(exit_configuration, became.error().text);
  }

  Keyring keyring;
  keyring.set_usual(UsualDestination::of(settings.options));
  const Roster roster = keyring.replace(std::move(tenants->entries));
  auto client = CurlClient::create(keyring, *trust, settings.proxy);
  if (!client) return refuse(exit_configuration, client.error().text);
  Retry retry(**client, keyring, roster);
  bool all = true;
  const bool everything = settings.words == std::vector<std::string>{"all"};
  for (const SetAsideRow& row : *rows) {
    if (row.events == 0 && everything) continue;  // Delivered already; kept for the whole bytes.
    const Retry::Outcome outcome = retry.send(row);
    if (auto kept = keep_what_is_left(*held->view, row, outcome); !kept)
      return refuse(exit_state, kept.error().text);
    all = all && outcome.why.empty();
  }
  return all ? 0 : exit_unavailable;
}

int cursor_show(Settings settings, const Environment& environment) {
  auto view = look_at(settings, environment);
  if (!view) return refuse(exit_state, view.error().text);
  const auto rows = (*view)->cursors();
  if (!rows) return refuse(exit_state, rows.error().text);
  for (const CursorRow& row : *rows) {
    if (HookRoute::of_key(row.key)) continue;  // What is pushed has no place in a log.
    print(stdout, printable(row.key) + "\n  delivered up to  " + shown(row.watermark) +
                      "\n  tail last seen   " + shown(row.caught_up) + "\n  started at       " +
                      format_rfc3339(row.since) + "\n  next request     " +
                      (row.next.empty() ? "the first one" : printable(row.next, 2000)) + "\n");
  }
  if (rows->empty()) std::fputs("no tenant has a cursor yet\n", stdout);
  return 0;
}

int cursor_set(Settings settings, const Environment& environment) {
  harden_process();
  const WallTime wall = wall_now();
  const auto domain = Domain::parse(settings.words[0]);
  if (!domain) return refuse(exit_usage, domain.error().text);
  const auto since = parse_since(settings.words[1], wall);
  if (!since) return refuse(exit_usage, since.error().text);
  const auto tenants = find_tenants(settings.options.tenants, environment);
  if (!tenants) return refuse(exit_configuration, tenants.error().text);
  // By its name, as status shows it: without the http:// of a test server.
  const auto tenant = std::ranges::find_if(
      tenants->entries, [&](const TenantEntry& entry) { return entry.domain.name() == domain->name(); });
  if (tenant == tenants->entries.end())
    return refuse(exit_configuration, not_among(domain->name(), tenants->entries));
  auto state = edit_state(settings, environment);
  if (!state) {
    return refuse(state.error().exit_code,
                  state.error().text + daemon_first(state.error().exit_code == exit_temporary));
  }
  const std::string key = tenant->query.stream_key(tenant->domain);
  const auto okta_now = state->okta_time(key, wall);
  if (!okta_now) return refuse(exit_state, okta_now.error().text);
  // Rather too early than too late, so that nothing is left out.
  const auto* ago = std::get_if<SinceAgo>(&*since);
  const WallTime from = ago != nullptr ? okta_now->at_least - to_ms(ago->ago) : std::get<SinceAt>(*since).at;
  // Events published before now may have been delivered before, so they are marked as backfill.
  const Place place{.next = {}, .since = from, .first_start = okta_now->at_most};
  if (auto written = state->write(key, place); !written) return refuse(exit_state, written.error().text);
  if (auto closed = state->close(); !closed) return refuse(exit_state, closed.error().text);
  std::printf("%s starts again with the events since %s\n", domain->name().c_str(),
              format_rfc3339(from).c_str());
  return 0;
}

}  // namespace logzio_okta
