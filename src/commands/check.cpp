#include "commands/check.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <numeric>
#include <optional>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/hook_route.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/inspect/diagnosis.hpp"

#include "commands/findings.hpp"
#include "commands/tokens.hpp"
#include "shell/hooks/hook_gate.hpp"
#include "shell/net/curl_handle.hpp"
#include "shell/net/probe.hpp"
#include "shell/net/server_tls.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"
#include "shell/postgres/access.hpp"
#include "shell/postgres/store_look.hpp"
#include "shell/process/harden.hpp"
#include "shell/process/privileges.hpp"
#include "shell/serve/admin_client.hpp"
#include "shell/serve/status_text.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/state/copies.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/state_view.hpp"

namespace logzio_okta {
namespace {

class Doctor {
 public:
  Doctor(Settings settings, const Environment& environment)
      : settings_(std::move(settings)), environment_(environment) {
    found_.at = wall_now();
  }

  /// The exit code.
  int examine() {
    look_at_settings();
    look_at_tenants();
    look_at_hooks();
    look_at_state();
    if (const auto trust = look_at_trust(); trust && !settings_.has("offline")) ask_around(*trust);
    if (!settings_.has("offline")) ask_daemon();
    gather();
    const int exit_code = judge();
    const bool terminal = ::isatty(STDOUT_FILENO) == 1 && !environment_.get("NO_COLOR");
    const std::string text =
        settings_.has("json")
            ? examination_json(found_, exit_code) + "\n"
            : examination_text(found_, terminal ? Colour::terminal : Colour::plain, settings_.has("strict"));
    std::fputs(text.c_str(), stdout);
    return exit_code;
  }

 private:
  void find(Severity severity, const char* subject, const std::string& text) {
    found_.findings.push_back({severity, subject, subject, without_credentials(text)});
  }
  void warn_all(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) find(Severity::warning, "configuration", warning);
  }

  void look_at_settings() {
    for (const std::string& problem : settings_.problems) {
      find(Severity::misconfigured, "configuration", problem);
    }
    warn_all(settings_.options.warnings);
  }

  void look_at_tenants() {
    auto tenants = examine_tenants(settings_.options.tenants, environment_);
    if (!tenants) find(Severity::misconfigured, "configuration", tenants.error().text);
    for (const std::string& problem : unsaid(settings_, tenants ? &*tenants : nullptr)) {
      find(Severity::misconfigured, "configuration", problem);
    }
    if (!tenants) return;
    for (const std::string& problem : tenants->problems) {
      find(Severity::misconfigured, "configuration", problem);
    }
    warn_all(tenants->warnings);
    source_ = tenants->source;
    entries_ = std::move(tenants->entries);
  }

  /// What the daemon would read for its event hook.
  void look_at_hooks() {
    const Options& options = settings_.options;
    std::vector<std::string> warnings;
    if (options.hooks_secrets) {
      const auto secrets = read_hook_secrets(*options.hooks_secrets, warnings);
      if (!secrets)
        find(Severity::misconfigured, "configuration", "--hooks-secrets: " + secrets.error().text);
    }
    if (options.hooks_cert && options.hooks_key) {
      const auto tls = ServerTls::load(*options.hooks_cert, *options.hooks_key, warnings);
      if (!tls) find(Severity::misconfigured, "configuration", "--hooks-cert: " + tls.error().text);
    }
    warn_all(warnings);
  }

  void look_at_state() {
    if (settings_.options.store) {
      look_at_shared_state();
      return look_at_copies();
    }
    if (settings_.no_store) return look_at_copies();  // It is in no directory, and nobody knows where.
    const StateDirLook look = look_at_state_dir(StateDirSearch::of_environment(settings_.options.state_dir));
    state_dir_ = look.path;
    found_.state = {.path = without_credentials(look.path),
                    .exists = look.exists,
                    .owner = look.owner,
                    .mode = look.mode,
                    .free_bytes = look.free_bytes,
                    .set_aside = {}};
    if (look.problem) find(Severity::failure, "state", *look.problem);
    for (const std::string& warning : look.warnings) find(Severity::warning, "state", warning);
    if (!look.problem && look.has_state) look_at_set_aside();
    look_at_copies();
  }

  void look_at_copies() {
    const auto& copy_to = settings_.options.copy_to;
    if (!copy_to) return;
    if (const auto misplaced = problem_with_place(*copy_to, state_dir_))
      find(Severity::misconfigured, "configuration", "--copy-to: " + *misplaced);
    else if (const auto problem = problem_with_copies(*copy_to))
      find(Severity::failure, "state", "--copy-to: " + *problem);
  }

  void look_at_shared_state() {
    const StoreAccess access = access_of(settings_.options, environment_);
    place_ = place_of(access);
    found_.store.place = place_;
    if (auto good = check_access(access); !good)
      return find(Severity::misconfigured, "configuration", good.error().text);
    if (settings_.has("offline")) return;
    const StoreLook look = look_at_store(access);
    if (!look.server.empty() && look.round_trip > 0s) found_.store.round_trip = look.round_trip;
    found_.store.server = look.server;
    found_.store.fleet = describe_fleet(look.fleet);
    found_.store.set_aside = look.set_aside;
    if (look.problem) find(Severity::failure, "state", *look.problem);
    for (const std::string& warning : look.warnings) find(Severity::warning, "state", warning);
    warn_of_strangers(look.fleet);
    if (look.set_aside) judge_set_aside(*look.set_aside);
  }

  /// Files that differ: an org is followed with the files of the replica that holds it.
  void warn_of_strangers(const Fleet& fleet) {
    for (const Fleet::Lease& lease : fleet.leases) {
      const Fleet::Instance* holder = fleet.holder_of(lease);
      const bool ours = std::ranges::any_of(
          entries_, [&](const TenantEntry& entry) { return entry.domain.name() == lease.domain; });
      if (holder == nullptr || ours || HookRoute::of_key(lease.domain)) continue;
      find(Severity::warning, "state",
           "the replica " + printable(holder->name) + " follows " + printable(lease.domain) +
               ", which is not in the tenants file here; give all replicas the same tenants file");
    }
  }

  void look_at_set_aside() {
    auto view = StateView::open(state_dir_);
    const auto total =
        view ? (*view)->set_aside_total() : Result<SetAsideTotal>(std::unexpected(view.error()));
    if (!total) return find(Severity::failure, "state", total.error().text);
    found_.state.set_aside = *total;
    judge_set_aside(*total);
  }

  void judge_set_aside(const SetAsideTotal& total) {
    constexpr std::uint64_t full_percent = 40;
    if (total.events > 0) {
      find(Severity::warning, "state",
           counted(total.events, "event") +
               " could not be delivered; see why with logzio-okta set-aside list, then retry or drop");
    }
    if (total.bytes * 100 >= limits::set_aside_bytes_max * full_percent) {
      find(Severity::warning, "state",
           "what is set aside takes " + describe_bytes(total.bytes) + " of its " +
               describe_bytes(limits::set_aside_bytes_max) +
               "; once half is used, a tenant that has much set aside is held; review the items (logzio-okta "
               "set-aside list), then retry or drop them");
    }
  }

  std::optional<Trust> look_at_trust() {
    if (auto suitable = curl_is_suitable(); !suitable) {
      find(Severity::failure, "configuration", suitable.error().text);
      return std::nullopt;
    }
    auto trust = Trust::load(settings_.options.ca_file);
    if (!trust) {
      find(Severity::misconfigured, "configuration", trust.error().text);
      return std::nullopt;
    }
    if (const auto& warning = trust->warning()) find(Severity::warning, "configuration", *warning);
    return std::move(*trust);
  }

  // Questions to the network.

  void ask_around(const Trust& trust) {
    // Reading may have needed root. The network is used as the user that the daemon would run as.
    if (settings_.options.user) {
      if (auto became = give_up_privileges(*settings_.options.user); !became)
        return find(Severity::misconfigured, "configuration", became.error().text);
    }
    keyring_.set_usual(UsualDestination::of(settings_.options));
    const std::vector<About> entries = entries_in_file();
    const Roster roster = keyring_.replace(std::move(entries_));
    std::vector<ProbeRequest> questions;
    std::vector<About> about;
    AppTokens tokens(keyring_, trust, settings_.proxy, roster);
    tokens.request();
    for (const TenantSpec& tenant : roster.tenants) ask_tenant(tenant, entries, tokens, questions, about);
    const std::vector<DestinationSpec> destinations = destinations_of(roster);
    for (const DestinationSpec& each : destinations)
      questions.push_back(question_to(each, each.listener.host));

    const std::size_t org_pages = questions.size();
    if (roster.tenants.size() > 1) {
      for (const TenantSpec& tenant : roster.tenants) {
        questions.push_back({.origin = tenant.domain.origin(),
                             .kind = ProbeRequest::Kind::get,
                             .target = Secret(std::string(org_page)),
                             .authorization = {}});
      }
    }

    std::vector<Sighting> seen = probe(questions, trust, settings_.proxy);
    ask_by_their_clock(about, tokens, trust, seen);
    ask_apps_again(tokens, about, trust, seen);
    for (std::size_t i = 0; i < about.size(); ++i) {
      const WallTime at = seen[i].at;  // Another answer may have taken long.
      found_.tenants.push_back(
          diagnose_tenant(about[i].domain, about[i].key_place, std::move(seen[i]), at, about[i].service_app));
    }
    for (std::size_t i = 0; i < destinations.size(); ++i) {
      judge_listener(destinations[i], std::move(seen[about.size() + i]), trust);
    }
    std::vector<NamedOrg> orgs;
    for (std::size_t i = org_pages; i < seen.size(); ++i)
      orgs.push_back({roster.tenants[i - org_pages].domain.name(), org_id_of(seen[i])});
    std::ranges::copy(find_twins(orgs), std::back_inserter(found_.findings));
  }

  struct About {
    std::string domain;
    std::string key_place;
    bool service_app = false;
    CredentialId key{};
    Origin origin{};
    std::chrono::milliseconds okta_ahead{0};  ///< Of our clock, once an answer showed it.
  };

  [[nodiscard]] std::vector<About> entries_in_file() const {
    std::vector<About> entries;
    for (const TenantEntry& entry : entries_) {
      std::string place = entry.line > 0 ? source_ + ":" + std::to_string(entry.line) : source_;
      if (!entry.api_key_variable.empty() && entry.api_key_variable != source_)
        place = "the variable " + entry.api_key_variable;
      if (!entry.api_key_file.empty()) place = entry.api_key_file;
      entries.push_back({entry.domain.name(), std::move(place)});
    }
    return entries;
  }

  /// One question per key; a tenant's keys are in the order of its entries. A service app without a token
  /// cannot ask.
  void ask_tenant(const TenantSpec& tenant, std::span<const About> entries, const AppTokens& tokens,
                  std::vector<ProbeRequest>& questions, std::vector<About>& about) {
    auto entry = entries.begin();
    for (const CredentialId key : tenant.credentials) {
      entry = std::ranges::find(entry, entries.end(), tenant.domain.name(), &About::domain);
      CHECK(entry != entries.end());
      const AppTokens::Token* token = tokens.of(key);
      if (token != nullptr && !token->why_not.empty()) {
        TenantDiagnosis diagnosis{.domain = entry->domain, .key = "FAIL"};
        diagnosis.findings.push_back({Severity::failure, entry->domain, "token",
                                      without_credentials(token->why_not) + " (" + entry->key_place + ")"});
        found_.tenants.push_back(std::move(diagnosis));
        ++entry;
        continue;
      }
      about.push_back(*entry++);
      about.back().service_app = token != nullptr;
      about.back().key = key;
      about.back().origin = tenant.domain.origin();
      questions.push_back(question_about(about.back(), tokens));
    }
  }

  [[nodiscard]] ProbeRequest question_about(const About& about, const AppTokens& tokens) {
    auto header = keyring_.authorization(about.key, about.origin);
    CHECK(header.has_value());  // The tenants file has let in only keys that fit a header.
    const AppTokens::Token* token = tokens.of(about.key);
    const WallTime okta_now = wall_now() + (token != nullptr ? token->okta_ahead : about.okta_ahead);
    const std::string target = newest_event_target(okta_now);
    auto proof = keyring_.proof(about.key, about.origin, target, okta_now);
    CHECK(proof.has_value());
    return {.origin = about.origin,
            .kind = ProbeRequest::Kind::get,
            .target = Secret(std::string(target)),
            .authorization = std::move(*header),
            .proof = std::move(*proof)};
  }

  /// The week that was asked for is another one where this machine's clock is off, and may be one that Okta
  /// refuses. A service app's token has already shown Okta's clock.
  void ask_by_their_clock(std::vector<About>& about, const AppTokens& tokens, const Trust& trust,
                          std::vector<Sighting>& seen) {
    std::vector<std::size_t> again;
    std::vector<ProbeRequest> questions;
    for (std::size_t i = 0; i < about.size(); ++i) {
      if (!seen[i].result || about[i].service_app) continue;
      const auto date = parse_http_date(find_header(seen[i].result->headers, "Date").value_or(""));
      if (!date || std::chrono::abs(*date - seen[i].at) <= to_ms(limits::clock_off_max)) continue;
      about[i].okta_ahead = *date - seen[i].at;
      again.push_back(i);
      questions.push_back(question_about(about[i], tokens));
    }
    if (again.empty()) return;
    std::vector<Sighting> answers = probe(questions, trust, settings_.proxy);
    for (std::size_t i = 0; i < again.size(); ++i) seen[again[i]] = std::move(answers[i]);
  }

  /// Where the System Log objects to a token or a proof, as the daemon does: with a fresh one, until it is
  /// content or the app counts as refused. Each answer is judged once.
  void ask_apps_again(AppTokens& tokens, const std::vector<About>& about, const Trust& trust,
                      std::vector<Sighting>& seen) {
    std::vector<std::size_t> again(about.size());
    std::iota(again.begin(), again.end(), 0);
    for (;;) {
      std::erase_if(again, [&](std::size_t i) { return !tokens.ask_again(about[i].key, seen[i]); });
      if (again.empty()) return;
      tokens.request();
      std::erase_if(again, [&](std::size_t i) { return !tokens.of(about[i].key)->why_not.empty(); });
      std::vector<ProbeRequest> questions;
      for (const std::size_t i : again) questions.push_back(question_about(about[i], tokens));
      std::vector<Sighting> answers = probe(questions, trust, settings_.proxy);
      for (std::size_t i = 0; i < again.size(); ++i) seen[again[i]] = std::move(answers[i]);
    }
  }

  /// Those that tenants name; the usual one even if no tenant could be read.
  [[nodiscard]] std::vector<DestinationSpec> destinations_of(const Roster& roster) const {
    std::vector<DestinationSpec> destinations = roster.destinations;
    if (destinations.empty()) destinations.push_back({.id = {}, .listener = settings_.options.listener});
    std::erase_if(destinations, [](const DestinationSpec& each) { return each.listener.host.empty(); });
    return destinations;
  }

  [[nodiscard]] ProbeRequest question_to(const DestinationSpec& destination, const std::string& host) const {
    const Endpoint& listener = destination.listener;
    ProbeRequest question{.origin = {.scheme = is_cleartext(listener.protocol) ? "http" : "https",
                                     .host = host,
                                     .port = listener.port},
                          .kind = ProbeRequest::Kind::connect,
                          .target = Secret("/"),
                          .authorization = {}};
    if (is_lines(listener.protocol) || destination.id == DestinationId{}) return question;
    auto target = keyring_.bulk_target(destination.id);
    if (!target) return question;  // No token that could be one, which the configuration's findings say.
    question.kind = ProbeRequest::Kind::post_nothing;
    question.target = std::move(*target);
    return question;
  }

  /// A token that is unknown here may belong to another region: each region has its own listener.
  void judge_listener(const DestinationSpec& destination, Sighting seen, const Trust& trust) {
    std::optional<std::string> home;
    if (is_token_unknown(seen)) {
      const std::vector<std::string> regions = other_regions(destination.listener.host);
      std::vector<ProbeRequest> questions;
      for (const std::string& region : regions) questions.push_back(question_to(destination, region));
      const std::vector<Sighting> answers = probe(questions, trust, settings_.proxy);
      const auto taker = std::ranges::find_if(answers, is_token_known);
      if (taker != answers.end()) home = regions[static_cast<std::size_t>(taker - answers.begin())];
    }
    found_.listeners.push_back(diagnose_listener(destination, std::move(seen), home));
  }

  /// The daemon that runs with this state, if there is one and it can be asked.
  void ask_daemon() {
    const auto& admin = settings_.options.admin;
    if (!admin) return wake(false);
    DaemonFound& daemon = found_.daemon;
    daemon.address = admin->host + ":" + std::to_string(admin->port);
    const auto dir = ask_admin(*admin, "/state-dir");
    if (!dir) {
      daemon.headline = "none answers (" + dir.error().text + ")";
      if (const std::string holder = state_dir_.empty() ? "" : OwnerLock::holder(state_dir_);
          !holder.empty()) {
        find(Severity::warning, "daemon",
             "the state is in use by " + holder + ", but no daemon answers at " + daemon.address +
                 "; if that one has another --admin address, or none (off), say so here; if not, it hangs: "
                 "restart it");
      }
      return wake(false);
    }
    const std::string theirs(ascii::trim(*dir));
    std::error_code ignored;
    const auto same_path = [&](const std::string& path) {
      return std::filesystem::weakly_canonical(path, ignored);
    };
    if (place_.empty() ? same_path(theirs) != same_path(state_dir_) : theirs != place_) {
      daemon.headline = "another daemon, whose state is in " + printable(theirs);
      return find(Severity::warning, "admin",
                  daemon.address + " is in use by the daemon whose state is in " + printable(theirs) +
                      "; give each daemon an --admin address of its own");
    }
    daemon.running = true;
    const auto status = ask_admin(*admin, "/status.txt");
    daemon.headline = status ? status->substr(0, status->find('\n')) : status.error().text;
    if (!ask_admin(*admin, "/readyz/all") || daemon.headline.contains(changed_file_refused)) {
      find(Severity::warning, "daemon",
           "the running daemon says: " + daemon.headline +
               "; logzio-okta status shows each error and what to do");
    }
    wake(true);
  }

  /// Whether its metrics show a key that Okta refused.
  [[nodiscard]] bool daemon_waits() const {
    const auto metrics = ask_admin(*settings_.options.admin, "/metrics");
    if (!metrics) return true;
    std::istringstream lines(*metrics);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("logzio_okta_keys_refused{") && !line.ends_with(" 0")) return true;
    }
    return false;
  }

  /// A key works: the daemon need not wait to retry those that Okta refused.
  void wake(bool running) {
    if (std::ranges::none_of(found_.tenants, [](const auto& tenant) { return tenant.role == "ok"; })) return;
    if (settings_.options.store) return wake_replicas(running);
    if (state_dir_.empty()) return;
    if (running && !daemon_waits()) return;
    const int error = OwnerLock::nudge(state_dir_);
    found_.daemon.woken = running && error == 0;
    if (running && error != 0) {
      find(Severity::warning, "daemon",
           "the running daemon cannot be told to try refused keys again (" +
               std::string(std::strerror(error)) + "); run this as its user, or send it SIGHUP");
    }
  }

  /// Any of the replicas may be the one that waits, so all are told.
  void wake_replicas(bool running) {
    if (!found_.store.round_trip || found_.store.fleet.empty()) return;
    const auto told = nudge_replicas(access_of(settings_.options, environment_));
    found_.daemon.woken = told && running && daemon_waits();
    if (!told) {
      find(Severity::warning, "daemon",
           "the replicas cannot be told to try refused keys again (" + told.error().text +
               "); send each a SIGHUP");
    }
  }

  // Together.

  void gather() {
    const auto take = [&](const std::vector<Finding>& findings) {
      found_.findings.insert(found_.findings.end(), findings.begin(), findings.end());
    };
    for (const TenantDiagnosis& tenant : found_.tenants) take(tenant.findings);
    for (const ListenerDiagnosis& each : found_.listeners) take(each.findings);
    // The gravest first, otherwise in the order they were found.
    std::vector<Finding> sorted;
    for (const Severity severity : {Severity::misconfigured, Severity::failure, Severity::warning}) {
      std::ranges::copy_if(found_.findings, std::back_inserter(sorted),
                           [&](const Finding& finding) { return finding.severity == severity; });
    }
    found_.findings = std::move(sorted);
  }

  [[nodiscard]] int judge() const {
    const auto any = [&](Severity severity, const char* subject) {
      return std::ranges::any_of(found_.findings, [&](const Finding& finding) {
        return finding.severity == severity && (subject == nullptr || finding.subject == subject);
      });
    };
    if (any(Severity::misconfigured, nullptr)) return exit_configuration;
    if (any(Severity::failure, "state")) return exit_state;
    const bool strict = settings_.has("strict") && !found_.findings.empty();
    return strict || any(Severity::failure, nullptr) ? exit_unavailable : 0;
  }

  Settings settings_;
  const Environment& environment_;
  Examination found_;
  std::string state_dir_;  ///< Empty where a database has the state, ...
  std::string place_;      ///< ... which is there.
  std::string source_;
  std::vector<TenantEntry> entries_;
  Keyring keyring_;
};

}  // namespace

int check(Settings settings, const Environment& environment) {
  harden_process();
  return Doctor(std::move(settings), environment).examine();
}

}  // namespace logzio_okta
