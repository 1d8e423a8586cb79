#include "shell/settings/settings.hpp"

#include <algorithm>
#include <array>

#include <sys/stat.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "commands/table.hpp"
#include "shell/temp_dir.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using test::TempDir;
using test::write_file;

namespace {

const std::string token = "abcdefghijklmnopABCDEFGHSECRETOP";
const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

using Arguments = std::vector<std::string>;
using Variables = Environment::Variables;

/// The least that works, with these changes; an empty variable is unset.
std::expected<Settings, SettingsError> read(const Arguments& arguments, const Variables& changes = {}) {
  Variables variables = {{"LOGZIO_TOKEN", token}, {"LOGZIO_LISTENER_HOST", "listener.logz.io"}};
  for (const auto& [name, value] : changes) variables[name] = value;
  std::vector<const char*> argv = {"logzio-okta"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return read_settings(static_cast<int>(argv.size()), argv.data(), Environment(std::move(variables)), noon,
                       command_table());
}

Settings settings(const Arguments& arguments, const Variables& changes = {}) {
  auto read_in = read(arguments, changes);
  if (!read_in) FAIL(read_in.error().problems.front());
  return std::move(*read_in);
}

/// The error, one line without a credential, if it comes with this exit code.
std::string refusal(int exit_code, const Arguments& arguments, const Variables& changes = {}) {
  CAPTURE(arguments);
  const auto read_in = read(arguments, changes);
  REQUIRE_FALSE(read_in.has_value());
  REQUIRE(read_in.error().problems.size() == 1);
  const std::string problem = read_in.error().problems.front();
  CAPTURE(problem);
  REQUIRE(read_in.error().exit_code == exit_code);
  REQUIRE_THAT(problem, !Contains("SECRET") && !Contains("\n"));
  return problem;
}

}  // namespace

TEST_CASE("settings: the old image's two variables are enough") {
  const Settings least = settings({});
  REQUIRE(least.command->name == "run");
  REQUIRE(least.options.token.expose() == token);
  REQUIRE(least.options.listener.text() == "https://listener.logz.io:8071");
  REQUIRE_FALSE(least.options.tenants.has_value());
  REQUIRE_FALSE(least.options.state_dir.has_value());
  REQUIRE(std::get<SinceAgo>(least.options.policy.since).ago == Duration(7 * 24h));
  REQUIRE(least.options.policy.poll_interval == Duration(10s));
  REQUIRE_FALSE(least.options.policy.once);
  REQUIRE_FALSE(least.options.admin->given);
  REQUIRE(least.options.level == Level::info);
  REQUIRE(least.options.format == LogFormat::text);
  REQUIRE(least.options.warnings.empty());
  REQUIRE(least.proxy.url.empty());
}

TEST_CASE("settings: every flag of the table arrives, from the command line and from its variable") {
  const auto holds = [](const Settings& given) {
    const Options& options = given.options;
    REQUIRE(options.tenants == "/t.yml");
    REQUIRE(options.listener.text() == "tls://relay.example.com:5052");
    REQUIRE(options.state_dir == "/state");
    REQUIRE(std::get<SinceAgo>(options.policy.since).ago == Duration(24h));
    REQUIRE(options.policy.poll_interval == Duration(5s));
    REQUIRE(options.policy.rate_share == 0.25);
    REQUIRE(options.ca_file == "/ca,x.pem");
    REQUIRE((options.admin->host == "0.0.0.0" && options.admin->port == 9999 && options.admin->given));
    REQUIRE(options.level == Level::debug);
    REQUIRE(options.format == LogFormat::json);
  };
  holds(settings({"--tenants", "/t.yml", "--listener=relay.example.com:5052", "--state-dir", "/state",
                  "--since", "24h", "--poll-interval", "5s", "--rate-share", "0.25", "--ca-file", "/ca,x.pem",
                  "--admin", "0.0.0.0:9999", "--log-level", "debug", "--log-format=json"}));
  holds(settings({}, {{"LOGZIO_OKTA_TENANTS", "/t.yml"},
                      {"LOGZIO_LISTENER_HOST", "relay.example.com:5052"},
                      {"LOGZIO_OKTA_STATE_DIR", "/state"},
                      {"LOGZIO_OKTA_SINCE", "24h"},
                      {"LOGZIO_OKTA_POLL_INTERVAL", "5s"},
                      {"LOGZIO_OKTA_RATE_SHARE", "0.25"},
                      {"LOGZIO_OKTA_CA_FILE", "/ca,x.pem"},
                      {"LOGZIO_OKTA_ADMIN", "0.0.0.0:9999"},
                      {"LOG_LEVEL", "debug"},
                      {"LOGZIO_OKTA_LOG_FORMAT", "json"}}));
  REQUIRE(settings({"--once"}).options.policy.once);
  REQUIRE_FALSE(settings({"--admin", "off"}).options.admin.has_value());
}

TEST_CASE("settings: a flag beats its variable, and an empty variable is unset") {
  REQUIRE(std::get<SinceAgo>(
              settings({"--since", "1h"}, {{"LOGZIO_OKTA_SINCE", "nonsense"}}).options.policy.since)
              .ago == Duration(1h));
  REQUIRE(std::get<SinceAgo>(settings({}, {{"LOGZIO_OKTA_SINCE", ""}}).options.policy.since).ago ==
          Duration(7 * 24h));
}

TEST_CASE("settings: help and version need nothing else to be right") {
  const Variables nothing = {{"LOGZIO_TOKEN", ""}, {"LOGZIO_LISTENER_HOST", ""}};
  for (const char* const word : {"-h", "--help", "help"})
    REQUIRE(settings({word}, nothing).command->name == "help");
  for (const char* const word : {"-V", "--version", "version"}) {
    REQUIRE(settings({word}, nothing).command->name == "version");
  }
  REQUIRE(settings({"run"}).command->name == "run");
  const Settings own_help = settings({"run", "--help"}, nothing);
  REQUIRE((own_help.command->name == "help" && own_help.words == Arguments{"run"}));
}

TEST_CASE("settings: a command needs no more than it takes, and takes no more than it says") {
  const Variables nothing = {{"LOGZIO_TOKEN", ""}, {"LOGZIO_LISTENER_HOST", ""}, {"LOG_LEVEL", "loud"}};
  const Settings asked = settings({"status", "--admin", "127.0.0.1:9999", "--json"}, nothing);
  REQUIRE(asked.command->name == "status");
  REQUIRE(asked.options.admin->port == 9999);
  REQUIRE(asked.options.warnings.empty());
  REQUIRE((asked.has("json") && !asked.has("watch")));
  REQUIRE_THAT(refusal(64, {"status", "--since", "7d"}),
               Contains("status takes no --since") && Contains("run"));
  REQUIRE_THAT(refusal(64, {"--json"}), Contains("run takes no --json") && Contains("status"));
  REQUIRE_THAT(refusal(64, {"--tenant", "a"}), Contains("but events does; did you mean --tenants?"));
  REQUIRE_THAT(refusal(64, {"state"}), Contains("did you mean state copy?"));
  REQUIRE_THAT(refusal(64, {"status", "--jsom"}), Contains("did you mean --json?"));
}

namespace {
int nothing_done(Settings /*settings*/, const Environment& /*environment*/) {
  return 0;
}
}  // namespace

TEST_CASE(
    "settings: words behind a command, a verb with its object, and flags that mean something else there") {
  constexpr std::array own = {OptionRow{"--since T", "", "", "From when."}};
  const std::array rows = {
      CommandRow{.name = "all",
                 .takes = "since",
                 .meaning = "",
                 .judges_configuration = true,
                 .perform = nothing_done},
      CommandRow{.name = "box show",
                 .words = "ID...",
                 .takes = "since",
                 .own = own,
                 .meaning = "",
                 .perform = nothing_done},
      CommandRow{.name = "box list", .words = "[TENANT]", .meaning = "", .perform = nothing_done}};
  const auto read_by = [&](std::vector<const char*> argv) {
    argv.insert(argv.begin(), "logzio-okta");
    return read_settings(static_cast<int>(argv.size()), argv.data(), Environment({}), noon, rows);
  };
  const auto shown = read_by({"box", "show", "1", "--since", "whenever", "2"});
  REQUIRE(shown->command == &rows[1]);
  REQUIRE(shown->words == Arguments{"1", "2"});
  REQUIRE(shown->value_of("since") == "whenever");
  REQUIRE_FALSE(shown->value_of("until").has_value());
  REQUIRE(read_by({"box", "list"})->words.empty());
  REQUIRE(read_by({"box", "list", "acme"})->words == Arguments{"acme"});
  REQUIRE_THAT(read_by({"box"}).error().problems[0], Contains("one of show and list"));
  REQUIRE_THAT(read_by({"box", "show"}).error().problems[0], Contains("box show ID..."));
  REQUIRE_THAT(read_by({"box", "list", "a", "b"}).error().problems[0], Contains("\"b\""));
  REQUIRE_THAT(read_by({"all", "--since", "whenever"})->problems.at(0), Contains("--since: "));
}

TEST_CASE("settings: every flag is taken by some command, and a command takes only flags that exist") {
  for (const CommandRow& command : command_table()) {
    std::size_t named = command.takes.empty() ? 0 : 1;
    named += static_cast<std::size_t>(std::ranges::count(command.takes, ' '));
    CAPTURE(command.name);
    REQUIRE(flags_of(command).size() == named + command.own.size());
  }
  for (const OptionRow& row : option_table()) {
    REQUIRE(std::ranges::any_of(command_table(), [&](const CommandRow& command) {
      return find_flag(command, name_of(row)) == &row;
    }));
  }
}

TEST_CASE("settings: every problem of the configuration is reported at once") {
  const auto read_in = read({"--since", "whenever", "--rate-share", "7"}, {{"LOGZIO_TOKEN", "short"}});
  REQUIRE(read_in.error().exit_code == 78);
  REQUIRE(read_in.error().problems.size() == 3);
}

TEST_CASE("settings: a misspelt flag or command is 64 and says what was probably meant") {
  REQUIRE_THAT(refusal(64, {"--sinse", "7d"}), Contains("--sinse") && Contains("did you mean --since?"));
  REQUIRE_THAT(refusal(64, {"--poll_interval=7d"}), Contains("did you mean --poll-interval?"));
  REQUIRE_THAT(refusal(64, {"-since", "7d"}), Contains("-since") && Contains("did you mean --since?"));
  REQUIRE_THAT(refusal(64, {"-since=7d"}), Contains("did you mean --since?"));
  REQUIRE_THAT(refusal(64, {"---since=7d"}), Contains("did you mean --since?"));
  REQUIRE_THAT(refusal(64, {"-x"}), Contains("-x") && Contains("--help"));
  REQUIRE_THAT(refusal(64, {"--nothing-like-it"}),
               Contains("--nothing-like-it") && !Contains("did you mean"));
  REQUIRE_THAT(refusal(64, {"runn"}), Contains("did you mean run?"));
  REQUIRE_THAT(refusal(64, {"run", "twice"}), Contains("twice"));
}

TEST_CASE("settings: a flag that is used wrongly is 64") {
  REQUIRE_THAT(refusal(64, {"--since"}), Contains("--since needs a value"));
  REQUIRE_THAT(refusal(64, {"--since="}), Contains("--since needs a value"));
  REQUIRE_THAT(refusal(64, {"--since", "--once"}),
               Contains("--since needs a value, but the flag --once comes"));
  REQUIRE_THAT(refusal(64, {"check", "--listener", "--store=", "postgresql://a/b"}),
               Contains("--listener needs"));
  REQUIRE_THAT(refusal(64, {"--since", "7d", "--since", "8d"}), Contains("--since is given twice"));
  REQUIRE_THAT(refusal(64, {"--once=maybe"}), Contains("--once"));
}

TEST_CASE("settings: a credential as a flag's value gets help and is never repeated") {
  for (const Arguments& arguments : {Arguments{"--token", token},
                                     {"--token=" + token},
                                     {"-token", token},
                                     {"--token:" + token},
                                     {"--Token", token},
                                     {"--logzio-token=" + token},
                                     {"---token=" + token}}) {
    REQUIRE_THAT(refusal(64, arguments), Contains("LOGZIO_TOKEN") && Contains("--token-file"));
  }
  REQUIRE_THAT(refusal(64, {"--okta-api-key", "00SECRET"}), Contains("tenants file"));
  REQUIRE_THAT(refusal(64, {token}), Contains("no command"));
  REQUIRE_THAT(refusal(78, {"--token-file", token}, {{"LOGZIO_TOKEN", ""}}),
               Contains("looks like the token itself"));
}

TEST_CASE("settings: a value that cannot work is 78 and names the flag or the variable") {
  const std::vector<std::tuple<std::string, std::string, std::string>> bad = {
      {"--listener", "LOGZIO_LISTENER_HOST", "listener.logz.io:5006"},
      {"--since", "LOGZIO_OKTA_SINCE", "yesterday"},
      {"--since", "LOGZIO_OKTA_SINCE", "91d"},
      {"--poll-interval", "LOGZIO_OKTA_POLL_INTERVAL", "ten"},
      {"--poll-interval", "LOGZIO_OKTA_POLL_INTERVAL", "2h"},
      {"--poll-interval", "LOGZIO_OKTA_POLL_INTERVAL", "0s"},
      {"--rate-share", "LOGZIO_OKTA_RATE_SHARE", "2"},
      {"--admin", "LOGZIO_OKTA_ADMIN", "9810"},
      {"--log-format", "LOGZIO_OKTA_LOG_FORMAT", "xml"},
  };
  for (const auto& [flag, variable, value] : bad) {
    REQUIRE_THAT(refusal(78, {flag, value}), StartsWith(flag + ": "));
    REQUIRE_THAT(refusal(78, {}, {{variable, value}}), StartsWith(variable + ": "));
  }
}

TEST_CASE("settings: a word that is no level is an error as a flag, and info with a warning as a variable") {
  REQUIRE_THAT(refusal(78, {"--log-level", "loud"}), StartsWith("--log-level: ") && Contains("trace, debug"));
  const Settings given = settings({}, {{"LOG_LEVEL", "loud"}});
  REQUIRE(given.options.level == Level::info);
  REQUIRE(given.options.warnings.size() == 1);
  REQUIRE_THAT(given.options.warnings[0], Contains("LOG_LEVEL") && Contains("loud"));
}

TEST_CASE("settings: token and listener are required unless each tenant has its own") {
  Tenants tenants{.source = "tenants.yml"};
  for (const int line : {2, 5}) {
    tenants.entries.push_back(
        {Domain::parse(line == 2 ? "acme.okta.com" : "globex.okta.com").value(), Secret("abc"), line});
  }
  const Environment::Variables unset = {{"LOGZIO_TOKEN", ""}, {"LOGZIO_LISTENER_HOST", ""}};
  const auto problems = [&](const Arguments& flags = {}) { return unsaid(settings(flags, unset), &tenants); };
  REQUIRE(unsaid(settings({}), &tenants).empty());

  REQUIRE(problems().size() == 2);
  REQUIRE_THAT(problems()[0], Contains("LOGZIO_LISTENER_HOST") && Contains("listener.logz.io"));
  REQUIRE_THAT(problems()[1], Contains("LOGZIO_TOKEN") && Contains("--token-file"));

  tenants.entries[0].token = Secret(std::string(token));
  tenants.entries[0].listener = Endpoint::parse("listener-eu.logz.io").value();
  REQUIRE_THAT(problems()[0],
               Contains("globex.okta.com (tenants.yml:5) has no logzio_listener_host of its own"));
  REQUIRE_THAT(problems()[1], Contains("globex.okta.com (tenants.yml:5) has no logzio_token of its own"));

  tenants.entries[1].token = Secret(std::string(token));
  REQUIRE(problems().size() == 1);
  tenants.entries[1].listener = Endpoint::parse("listener-eu.logz.io").value();
  REQUIRE(problems().empty());
  REQUIRE_THAT(problems({"--hooks", "127.0.0.1:0", "--hooks-orgs", "initech.okta.com"}).at(1),
               Contains("LOGZIO_TOKEN is not set, and what --hooks-orgs push goes there"));

  REQUIRE_THAT(unsaid(settings({}, unset), nullptr).at(1),
               Contains("unless every tenant has a logzio_token"));
}

TEST_CASE("settings: LOGZIO_REGION names the listener, and a host that says otherwise is an error") {
  const auto in_region = [](const char* region, const char* host = "") {
    return settings({}, {{"LOGZIO_LISTENER_HOST", host}, {"LOGZIO_REGION", region}}).options.listener.text();
  };
  REQUIRE(in_region("eu") == "https://listener-eu.logz.io:8071");
  REQUIRE(in_region("US") == "https://listener.logz.io:8071");
  REQUIRE(in_region("eu", "listener-eu.logz.io:5052") == "tls://listener-eu.logz.io:5052");
  REQUIRE_FALSE(settings({}, {{"LOGZIO_LISTENER_HOST", ""}, {"LOGZIO_REGION", "eu"}}).no_listener);

  REQUIRE_THAT(
      refusal(78, {}, {{"LOGZIO_REGION", "eu"}}),
      Contains("LOGZIO_REGION means listener-eu.logz.io, and LOGZIO_LISTENER_HOST says listener.logz.io") &&
          Contains("remove one"));
  REQUIRE_THAT(refusal(78, {"--listener", "relay.example.com"}, {{"LOGZIO_REGION", "eu"}}),
               Contains("--listener says relay.example.com"));
  REQUIRE_THAT(refusal(78, {}, {{"LOGZIO_REGION", "de"}, {"LOGZIO_LISTENER_HOST", ""}}),
               StartsWith("LOGZIO_REGION: "));
  REQUIRE_THAT(refusal(78, {}, {{"LOGZIO_REGION", "\"eu\""}}), Contains("quotes"));
}

TEST_CASE(
    "settings: a name that Logz.io's other shippers read is answered with ours, and no value is shown") {
  const Variables unset = {{"LOGZIO_TOKEN", ""},
                           {"LOGZIO_LISTENER_HOST", ""},
                           {"LOGZIO_LOGS_TOKEN", token},
                           {"LOGZIO_LISTENER", "SECRET"}};
  const auto problems = unsaid(settings({}, unset), nullptr);
  REQUIRE(problems.size() == 2);
  REQUIRE_THAT(problems[0],
               EndsWith("; LOGZIO_LISTENER is set but not used; did you mean LOGZIO_LISTENER_HOST?"));
  REQUIRE_THAT(problems[1], EndsWith("; LOGZIO_LOGS_TOKEN is set but not used; did you mean LOGZIO_TOKEN?"));
  REQUIRE_THAT(problems[0] + problems[1], !Contains("SECRET"));
  // With ours beside it, it belongs to another program.
  REQUIRE(settings({}, {{"LOGZIO_LOGS_TOKEN", token}, {"LOGZIO_LISTENER", "x"}}).options.warnings.empty());

  const auto warnings =
      settings({}, {{"LOGZIO_ENV_ID", "SECRET"}, {"LOGZIO_OKTA_SINSE", "24h"}}).options.warnings;
  REQUIRE(warnings.size() == 2);
  REQUIRE_THAT(warnings[0],
               Contains("LOGZIO_ENV_ID") && Contains("did you mean ENV_ID?") && !Contains("SECRET"));
  REQUIRE_THAT(warnings[1], Contains("LOGZIO_OKTA_SINSE") && Contains("did you mean LOGZIO_OKTA_SINCE?"));
  REQUIRE_THAT(settings({}, {{"LOGZIO_OKTA_STORE_PASWORD_FILE", "SECRET"}}).options.warnings.at(0),
               Contains("did you mean LOGZIO_OKTA_STORE_PASSWORD_FILE?") && !Contains("SECRET"));
  REQUIRE(settings({}, {{"LOGZIO_OKTA_STORE_PASSWORD_FILE", "f"}}).options.warnings.empty());
  // What Kubernetes sets for a service of that name.
  REQUIRE(
      settings({}, {{"LOGZIO_OKTA_PORT", "tcp://10.0.0.1:9810"}, {"LOGZIO_OKTA_SERVICE_HOST", "10.0.0.1"}})
          .options.warnings.empty());
}

TEST_CASE("settings: the token comes from its variable or from a file, and a flag beats the variable") {
  const TempDir dir;
  const std::string file = dir / "token";
  const std::string other = "ThirtyTwoLettersInAFileSECRETABC";
  write_file(file, other + "\r\n");
  REQUIRE(::chmod(file.c_str(), 0600) == 0);

  REQUIRE(settings({}, {{"LOGZIO_TOKEN", " " + token + "\n"}}).options.token.expose() == token);
  const Settings by_flag = settings({"--token-file", file});
  REQUIRE(by_flag.options.token.expose() == other);
  REQUIRE(by_flag.options.token_file == file);
  REQUIRE(by_flag.options.token_from == "--token-file (" + file + ")");
  REQUIRE(by_flag.options.warnings.empty());
  REQUIRE(settings({}, {{"LOGZIO_TOKEN", ""}, {"LOGZIO_TOKEN_FILE", file}}).options.token.expose() == other);

  const Settings both = settings({}, {{"LOGZIO_TOKEN_FILE", file}});
  REQUIRE(both.options.token.expose() == token);
  REQUIRE_FALSE(both.options.token_file.has_value());
  REQUIRE(both.options.warnings.size() == 1);

  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  REQUIRE_THAT(settings({"--token-file", file}).options.warnings.at(0),
               Contains("every user") && !Contains("SECRET"));
}

TEST_CASE("settings: a token or its file that cannot work is 78") {
  const TempDir dir;
  const std::string file = dir / "token";
  REQUIRE_THAT(refusal(78, {}, {{"LOGZIO_TOKEN", "SECRET"}}), StartsWith("LOGZIO_TOKEN: ") && Contains("32"));
  REQUIRE_THAT(refusal(78, {}, {{"LOGZIO_TOKEN", "<<SECRET-SHIPPING-TOKEN>>"}}), Contains("placeholder"));
  REQUIRE_THAT(refusal(78, {"--token-file", file}),
               StartsWith("--token-file: " + file) && Contains("No such file"));
  REQUIRE_THAT(refusal(78, {"--token-file", dir.path()}), Contains("directory"));
  write_file(file, "\n");
  REQUIRE_THAT(refusal(78, {"--token-file", file}), Contains("empty"));
  write_file(file, "token: " + token);
  REQUIRE_THAT(refusal(78, {}, {{"LOGZIO_TOKEN", ""}, {"LOGZIO_TOKEN_FILE", file}}),
               StartsWith("LOGZIO_TOKEN_FILE: " + file));
  write_file(file, std::string(limits::secret_bytes_max + 1, 'a'));
  REQUIRE_THAT(refusal(78, {"--token-file", file}), Contains("larger than"));
}

TEST_CASE("settings: the proxy is read in either case, the small one first, and its password stays secret") {
  const Settings upper = settings(
      {}, {{"HTTPS_PROXY", "http://me:SECRET@proxy.example.com:3128"}, {"NO_PROXY", "a.example.com"}});
  REQUIRE(upper.proxy.url.expose() == "http://me:SECRET@proxy.example.com:3128");
  REQUIRE_THAT(upper.proxy.display, Contains("proxy.example.com:3128") && !Contains("SECRET"));
  REQUIRE(upper.proxy.no_proxy == std::vector<std::string>{"a.example.com"});
  REQUIRE_THAT(
      settings({}, {{"HTTPS_PROXY", "http://upper:1"}, {"https_proxy", "http://lower:1"}}).proxy.display,
      Contains("lower"));
  REQUIRE_THAT(refusal(78, {}, {{"HTTPS_PROXY", "socks5://me:SECRET@proxy.example.com"}}),
               Contains("HTTPS_PROXY"));
}

TEST_CASE("settings: what a listener costs in safety is said at each start") {
  REQUIRE_THAT(settings({"--listener", "http://listener.logz.io"}).options.warnings.at(0),
               Contains("unencrypted"));
  REQUIRE(settings({"--listener", "tcp://listener.logz.io"}).options.warnings.size() == 2);
  REQUIRE_THAT(settings({"--listener", "tls://listener.logz.io"}).options.warnings.at(0),
               Contains("never answers"));
  REQUIRE(settings({"--listener", "http://127.0.0.1:9000"}).options.warnings.empty());
}

TEST_CASE("settings: without TLS, the event hook server listens only on loopback") {
  REQUIRE_FALSE(settings({}).options.hooks);
  REQUIRE(settings({"--hooks", "127.0.0.1:9811"}).options.hooks->port == 9811);
  REQUIRE(settings({"--hooks", "0.0.0.0:8443", "--hooks-cert", "a", "--hooks-key", "b"}).options.hooks_key ==
          "b");
  REQUIRE_THAT(refusal(78, {"--hooks", "0.0.0.0:8443"}), Contains("only on loopback"));
  REQUIRE_THAT(refusal(78, {"--hooks", "127.0.0.1:1", "--hooks-key", "b"}),
               Contains("--hooks-key is set, but --hooks-cert is not; set both"));
  REQUIRE_THAT(refusal(78, {}, {{"LOGZIO_OKTA_HOOKS_SECRETS", "file"}}), Contains("--hooks is not set"));
  REQUIRE_THAT(refusal(78, {"--hooks-regions", "none"}), Contains("--hooks is not set"));
}

TEST_CASE(
    "settings: proxies that are named may speak in the clear from elsewhere, and regions may be forbidden") {
  const Settings proxied = settings({"--hooks", "0.0.0.0:9811", "--hooks-proxies", "172.17.0.1, 10.0.0.0/8"});
  REQUIRE(proxied.options.hooks_proxies.size() == 2);
  REQUIRE_FALSE(proxied.options.hooks_regions);
  REQUIRE_THAT(refusal(78, {"--hooks", "0.0.0.0:9811", "--hooks-proxies", "caddy"}),
               Contains("--hooks-proxies: \"caddy\" is not an address or a network"));
  const auto regions = [](const char* text) {
    return settings({"--hooks", "127.0.0.1:1", "--hooks-regions", text}).options.hooks_regions.value();
  };
  REQUIRE(regions("EU, uk") == std::vector<std::string>{"eu", "uk"});
  REQUIRE(regions("none").empty());
  REQUIRE_THAT(refusal(78, {"--hooks", "127.0.0.1:1", "--hooks-regions", "nl"}), Contains("is not a region"));
}

TEST_CASE("settings: names of the admin server are host names without a port") {
  REQUIRE(settings({"--admin-hosts", "Status.example.com,monitor"}).options.admin_hosts ==
          std::vector<std::string>{"status.example.com", "monitor"});
  for (const char* text : {"http://status", "status:9810", "a b", "a,,b"}) {
    REQUIRE_THAT(refusal(78, {"--admin-hosts", text}), Contains("is not a host name"));
  }
}
