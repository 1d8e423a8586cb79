// The old commands keep working: where the tenants, the token and the state are found.
#include <algorithm>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

/// Nothing but what the old image was given, and what keeps the test off this machine's own state.
struct OldWays : Bench {
  std::size_t org = add_org();

  OldWays() {
    add_listener({.protocol = Protocol::http_bulk});
    world.issue_past(org, 100, 24h);
  }
  [[nodiscard]] Variables old_environment() const {
    Variables all = sanitizer_variables();
    all.emplace_back("LOGZIO_TOKEN", world.token());
    all.emplace_back("LOGZIO_LISTENER_HOST", world.listener_address(0));
    return all;
  }
  [[nodiscard]] Variables environment(Variables more) const {
    Variables all = old_environment();
    all.emplace_back("LOGZIO_OKTA_STATE_DIR", state_dir());
    all.emplace_back("LOGZIO_OKTA_ADMIN", "off");
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void starts_and_delivers(sandbox::ProcessSpec spec) {
    start_process(std::move(spec));
    REQUIRE(all_arrive());
    CHECK(stop() == 0);
    CHECK(proven_once());
  }
};

TEST_CASE_METHOD(OldWays, "setup: one tenant from OKTA_API_KEY and OKTA_DOMAIN, or the older OKTA_TENANT") {
  const char* name = GENERATE("OKTA_DOMAIN", "OKTA_TENANT");
  starts_and_delivers(
      {.env = environment({{"OKTA_API_KEY", world.org_key(org)}, {name, world.org_domain(org)}})});
}

TEST_CASE_METHOD(OldWays,
                 "setup: two tenants with nothing but variables, and nobody can read them from outside") {
  const std::size_t other = add_org();
  world.issue_past(other, 50, 24h);
  world.with_ledger([](model::Ledger& ledger) { ledger.allow_field("env_id"); });
  std::string yaml = world.tenants_yaml();
  const std::string key = world.org_key(other);
  yaml.replace(yaml.find(key), key.size(), "${OTHER_KEY}");
  start_process({.env = environment(
                     {{"LOGZIO_OKTA_TENANTS_YAML", yaml}, {"OTHER_KEY", key}, {"ENV_ID", "production"}})});
  REQUIRE(all_arrive());
  CHECK(daemon().log().contains("2 tenant entries from LOGZIO_OKTA_TENANTS_YAML"));
  const std::string left = read_whole("/proc/" + std::to_string(daemon().pid()) + "/environ");
  CHECK(left.contains("LOGZIO_OKTA_TENANTS_YAML="));
  CHECK_FALSE(left.contains("tenants_credentials"));
  CHECK(stop() == 0);
  CHECK(proven_once());
  world.with_listener(0, [](model::Listener& listener) {
    for (const model::StoredLine& line : listener.lines()) CHECK(member(line.text, "env_id") == "production");
  });
}

TEST_CASE_METHOD(OldWays,
                 "setup: a key's file that LOGZIO_OKTA_TENANTS_YAML names is read again when it changes") {
  add_secret("00theWrongKeyThatIsReplaced012345678901234");
  write_file(path("key"), "00theWrongKeyThatIsReplaced012345678901234\n");
  start_process({.env = environment({{"LOGZIO_OKTA_TENANTS_YAML",
                                      "tenants_credentials: [{okta_domain: \"" + world.org_domain(org) +
                                          "\", okta_api_key_file: " + path("key") + "}]"}})});
  REQUIRE(says("refuse"));
  write_file(path("key"), world.org_key(org) + "\n");
  REQUIRE(all_arrive());
  CHECK(says("reloaded LOGZIO_OKTA_TENANTS_YAML: 1 entry"));
  CHECK(stop() == 0);
}

TEST_CASE_METHOD(OldWays, "setup: the tenants file lies in the working directory") {
  write_file(path("tenants-credentials.yml"), world.tenants_yaml());
  starts_and_delivers({.env = environment({}), .directory = path("")});
  CHECK(daemon().log().contains("./tenants-credentials.yml"));
}

TEST_CASE_METHOD(OldWays, "setup: the tenants file is named by its variable, the token lies in a file") {
  write_tenants();
  write_file(path("token"), world.token() + "\n");
  Variables env =
      environment({{"LOGZIO_OKTA_TENANTS", tenants_file()}, {"LOGZIO_TOKEN_FILE", path("token")}});
  std::erase_if(env, [](const auto& variable) { return variable.first == "LOGZIO_TOKEN"; });
  starts_and_delivers({.env = env});
}

TEST_CASE_METHOD(OldWays, "setup: a flag beats its variable, and an empty variable is unset") {
  write_tenants();
  starts_and_delivers({.args = {"--tenants", tenants_file(), "--listener", world.listener_address(0)},
                       .env = environment({{"LOGZIO_OKTA_TENANTS", "/no/such/file"},
                                           {"LOGZIO_OKTA_SINCE", ""},
                                           {"LOGZIO_OKTA_LOG_FORMAT", ""},
                                           {"OKTA_API_KEY", ""}})});
}

TEST_CASE_METHOD(OldWays, "setup: domains as people paste them are understood") {
  const std::string host = world.org_domain(org).substr(7);
  write_tenants("tenants_credentials:\n  - okta_api_key: " + world.org_key(org) +
                "\n    okta_domain: \"  HTTP://" + host + "/oauth2/default/  \"\n");
  starts_and_delivers({.args = {"--tenants", tenants_file()}, .env = environment({})});
}

/// A command prefix that runs a script where it may mount anything; empty if this machine does not allow
/// that.
Words private_mounts() {
  for (const Words& flags : {Words{"--mount"}, Words{"--user", "--map-root-user", "--mount"}}) {
    Words command = flags;
    command.insert(command.end(), {"/bin/mount", "-t", "tmpfs", "tmpfs", "/usr/share"});
    Daemon attempt({.binary = "/usr/bin/unshare", .args = command, .env = {{"PATH", "/usr/bin:/bin"}}});
    if (attempt.wait_exit(patience) == 0) return flags;
  }
  return {};
}

TEST_CASE_METHOD(
    OldWays,
    "setup: the docker run line's environment and mount path are all it needs, on a plain machine too") {
  Words command = private_mounts();
  if (command.empty() || std::filesystem::exists("/etc/logzio-okta/tenants-credentials.yml")) {
    WARN("not tried: this machine allows no private mounts, or has a tenants file of its own");
    return;
  }
  write_tenants();
  const std::string script =
      "set -e; mount -t tmpfs tmpfs /usr/share; mount -t tmpfs tmpfs /var/lib; mkdir /usr/share/logstash; "
      "cp \"$1\" /usr/share/logstash/tenants-credentials.yml; exec \"$2\"";
  command.insert(command.end(), {"/bin/sh", "-c", script, "sh", tenants_file(), binary().string()});
  Variables env = old_environment();
  env.emplace_back("PATH", "/usr/bin:/bin");
  starts_and_delivers({.binary = "/usr/bin/unshare", .args = command, .env = env});
  CHECK(daemon().log().contains("/usr/share/logstash/tenants-credentials.yml"));
  CHECK(daemon().log().contains("state in /var/lib/logzio-okta"));
  CHECK(daemon().log().contains("no state found in /var/lib/logzio-okta"));
}

TEST_CASE_METHOD(OldWays, "setup: without anything it says what is missing and where it looked") {
  start_process({.env = old_environment()});
  CHECK(daemon().wait_exit(patience) == 78);
  CHECK(says("/usr/share/logstash/tenants-credentials.yml"));
  CHECK(says("OKTA_API_KEY"));
}

}  // namespace
}  // namespace logzio_okta::e2e
