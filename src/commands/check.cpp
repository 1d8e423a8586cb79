#include "commands/check.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <span>
#include <utility>

#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/flow/diagnosis.hpp"

#include "commands/findings.hpp"
#include "shell/hooks/hook_gate.hpp"
#include "shell/net/curl_handle.hpp"
#include "shell/net/probe.hpp"
#include "shell/net/server_tls.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"
#include "shell/process/harden.hpp"
#include "shell/process/privileges.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {
namespace {

constexpr int exit_state = 74;

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
    ask_around();
    gather();
    const int exit_code = judge();
    const bool terminal = ::isatty(STDOUT_FILENO) == 1 && !environment_.get("NO_COLOR");
    const std::string text = settings_.has("json")
                                 ? examination_json(found_, exit_code) + "\n"
                                 : examination_text(found_, terminal ? Colour::terminal : Colour::plain);
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
    const StateDirLook look = look_at_state_dir(StateDirSearch::of_environment(settings_.options.state_dir));
    found_.state_dir = without_credentials(look.path) + (look.exists ? "" : " (the first start makes it)");
    if (look.problem) find(Severity::failure, "state", *look.problem);
    for (const std::string& warning : look.warnings) find(Severity::warning, "state", warning);
  }

  // Out there.

  void ask_around() {
    if (auto suitable = curl_is_suitable(); !suitable) {
      return find(Severity::failure, "configuration", suitable.error().text);
    }
    auto trust = Trust::load(settings_.options.ca_file);
    if (!trust) return find(Severity::misconfigured, "configuration", trust.error().text);
    if (const auto& warning = trust->warning()) find(Severity::warning, "configuration", *warning);
    // Reading may have needed root. Whoever speaks to the network is the user that the daemon would be.
    if (settings_.options.user) {
      if (auto became = give_up_privileges(*settings_.options.user); !became)
        return find(Severity::misconfigured, "configuration", became.error().text);
    }
    keyring_.set_usual(settings_.options.listener, std::move(settings_.options.token));
    const std::vector<About> entries = entries_in_file();
    const Roster roster = keyring_.replace(std::move(entries_));
    std::vector<Question> questions;
    std::vector<About> about;
    for (const TenantSpec& tenant : roster.tenants) ask_tenant(tenant, entries, questions, about);
    const std::vector<DestinationSpec> destinations = destinations_of(roster);
    for (const DestinationSpec& each : destinations)
      questions.push_back(question_to(each, each.listener.host));

    const std::size_t org_pages = questions.size();
    if (roster.tenants.size() > 1) {
      for (const TenantSpec& tenant : roster.tenants) {
        questions.push_back({.origin = tenant.domain.origin(),
                             .kind = Question::Kind::get,
                             .target = Secret(std::string(org_page)),
                             .authorization = {}});
      }
    }

    std::vector<Sighting> seen = probe(questions, *trust, settings_.proxy);
    for (std::size_t i = 0; i < about.size(); ++i) {
      found_.tenants.push_back(
          diagnose_tenant(about[i].domain, about[i].key_place, std::move(seen[i]), wall_now()));
    }
    for (std::size_t i = 0; i < destinations.size(); ++i) {
      judge_listener(destinations[i], std::move(seen[about.size() + i]), *trust);
    }
    std::vector<NamedOrg> orgs;
    for (std::size_t i = org_pages; i < seen.size(); ++i)
      orgs.push_back({roster.tenants[i - org_pages].domain.name(), org_id_of(seen[i])});
    std::ranges::copy(find_twins(orgs), std::back_inserter(found_.findings));
  }

  struct About {
    std::string domain;
    std::string key_place;
  };

  [[nodiscard]] std::vector<About> entries_in_file() const {
    std::vector<About> entries;
    for (const TenantEntry& entry : entries_) {
      std::string place = entry.line > 0 ? source_ + ":" + std::to_string(entry.line) : "OKTA_API_KEY";
      if (!entry.api_key_variable.empty()) place = "the variable " + entry.api_key_variable;
      if (!entry.api_key_file.empty()) place = entry.api_key_file;
      entries.push_back({entry.domain.name(), std::move(place)});
    }
    return entries;
  }

  /// One question a key; a tenant's keys are in the order of its entries.
  void ask_tenant(const TenantSpec& tenant, std::span<const About> entries, std::vector<Question>& questions,
                  std::vector<About>& about) {
    auto entry = entries.begin();
    for (const CredentialId key : tenant.credentials) {
      entry = std::ranges::find(entry, entries.end(), tenant.domain.name(), &About::domain);
      CHECK(entry != entries.end());
      about.push_back(*entry++);
      auto header = keyring_.authorization(key, tenant.domain.origin());
      CHECK(header.has_value());  // The tenants file has let in only keys that fit a header.
      questions.push_back({.origin = tenant.domain.origin(),
                           .kind = Question::Kind::get,
                           .target = Secret(newest_event_target(wall_now())),
                           .authorization = std::move(*header)});
    }
  }

  /// Those that tenants name; the usual one even if no tenant could be read.
  [[nodiscard]] std::vector<DestinationSpec> destinations_of(const Roster& roster) const {
    std::vector<DestinationSpec> destinations = roster.destinations;
    if (destinations.empty()) destinations.push_back({.id = {}, .listener = settings_.options.listener});
    std::erase_if(destinations, [](const DestinationSpec& each) { return each.listener.host.empty(); });
    return destinations;
  }

  [[nodiscard]] Question question_to(const DestinationSpec& destination, const std::string& host) const {
    const Endpoint& listener = destination.listener;
    Question question{.origin = {.scheme = is_cleartext(listener.protocol) ? "http" : "https",
                                 .host = host,
                                 .port = listener.port},
                      .kind = Question::Kind::connect,
                      .target = Secret("/"),
                      .authorization = {}};
    if (is_lines(listener.protocol) || destination.id == DestinationId{}) return question;
    auto target = keyring_.bulk_target(destination.id);
    if (!target) return question;  // No token that could be one, which the configuration's findings say.
    question.kind = Question::Kind::post_nothing;
    question.target = std::move(*target);
    return question;
  }

  /// A token that is not known here may be of another region, each of which has a listener of its own.
  void judge_listener(const DestinationSpec& destination, Sighting seen, const Trust& trust) {
    std::optional<std::string> home;
    if (is_token_unknown(seen)) {
      const std::vector<std::string> regions = other_regions(destination.listener.host);
      std::vector<Question> questions;
      for (const std::string& region : regions) questions.push_back(question_to(destination, region));
      const std::vector<Sighting> answers = probe(questions, trust, settings_.proxy);
      const auto taker = std::ranges::find_if(answers, is_token_known);
      if (taker != answers.end()) home = regions[static_cast<std::size_t>(taker - answers.begin())];
    }
    found_.listeners.push_back(diagnose_listener(destination, std::move(seen), home));
  }

  // Together.

  void gather() {
    const auto take = [&](const std::vector<Finding>& findings) {
      found_.findings.insert(found_.findings.end(), findings.begin(), findings.end());
    };
    for (const TenantDiagnosis& tenant : found_.tenants) take(tenant.findings);
    for (const ListenerDiagnosis& each : found_.listeners) take(each.findings);
    // The gravest first, else in the order they were found.
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
    return any(Severity::failure, nullptr) ? exit_unavailable : 0;
  }

  Settings settings_;
  const Environment& environment_;
  Examination found_;
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
