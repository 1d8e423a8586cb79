// Event hooks: a push wakes the poller, strangers are kept out, and polling is not affected.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "e2e/bench.hpp"
#include "sandbox/hook_client.hpp"
#include "tools/certificates.hpp"

namespace logzio_okta::e2e {
namespace {

using Catch::Matchers::Contains;
using sandbox::hook_body;
using sandbox::hook_post;
using sandbox::HookClient;
using sandbox::HookReply;

/// A daemon that polls once an hour, with its event hook server on.
struct Door : Bench {
  std::size_t org = 0;
  std::uint16_t port = 0;
  std::string known;  ///< A header with a valid credential.
  std::string trusted;

  void start_hooked(Words flags = {}, std::string poll_interval = "1h", Variables env = {}) {
    flags.insert(flags.begin(), {"--hooks", "127.0.0.1:0"});
    start({.poll_interval = std::move(poll_interval), .flags = std::move(flags), .env = std::move(env)});
    REQUIRE(says("event hooks are taken on port "));
    const std::string log = daemon().log();
    const std::string words = "event hooks are taken on port ";
    port = static_cast<std::uint16_t>(std::stoi(log.substr(log.find(words) + words.size())));
    known = "logzio_token: " + world.token() + "\r\n";
    REQUIRE(wait([&] { return requests(org) > 0; }));
  }
  std::string newest_event() {
    return world.with_org(org, [](model::OktaOrg& okta) { return okta.log().events().back().bytes; });
  }
  int delivers(const std::string& body, const std::string& headers) {
    HookClient client(port, trusted);
    client.say(hook_post(body, headers));
    return client.hear().status;
  }
  int hears(const std::string& bytes) {
    HookClient client(port, trusted);
    client.say(bytes);
    return client.hear().status;
  }
  /// The events of this org that the listener has received.
  Words arrived_from(const std::string& pusher, std::size_t listener = 0) {
    return world.with_listener(listener, [&](model::Listener& logz) {
      Words lines;
      for (const model::StoredLine& line : logz.lines()) {
        if (line.text.contains("\"tenant_name\":\"" + pusher + "\"")) lines.push_back(line.text);
      }
      return lines;
    });
  }
};

struct Hooked : Door {
  Hooked() {
    org = add_org();
    add_listener();
  }
};

/// The shape of the public samples of Logz.io's own hook: indented, most members null, no request.
std::string sample_event(const std::string& uuid, const std::string& published, const std::string& type,
                         const std::string& message) {
  return "{\n        \"uuid\": \"" + uuid + "\",\n        \"published\": \"" + published +
         "\",\n        \"eventType\": \"" + type + "\",\n        \"displayMessage\": \"" + message +
         R"sample(",
        "severity": "INFO",
        "client": {
          "userAgent": {"rawUserAgent": "Mozilla/5.0 (X11; Linux)", "os": "Linux", "browser": "CHROME"},
          "zone": null, "device": "Computer", "id": null, "ipAddress": "203.0.113.7",
          "geographicalContext": {
            "city": "Springfield", "postalCode": null, "geolocation": {"lat": 12.5000, "lon": -7.25}
          },
          "ipChain": null
        },
        "device": null,
        "actor": null,
        "outcome": {"result": "Success", "reason": null},
        "target": null,
        "debugContext": null,
        "authenticationContext": {"authenticationStep": 0, "externalSessionId": null},
        "securityContext": null,
        "insertionTimestamp": null
      })sample";
}
std::string sample_body(const std::string& event_id, const Words& events) {
  std::string list;
  for (const std::string& event : events) list += (list.empty() ? "" : ",\n      ") + event;
  return R"sample({
  "eventType": "com.okta.event_hook",
  "eventTypeVersion": "1.0",
  "cloudEventsVersion": "0.1",
  "source": "https://globex.okta.com/api/v1/eventHooks/who3sample0000000000",
  "eventId": ")sample" +
         event_id + "\",\n  \"data\": {\n    \"events\": [\n      " + list +
         "\n    ]\n  },\n  \"eventTime\": \"2022-11-14T17:02:36.691Z\",\n"
         "  \"contentType\": \"application/json\"\n}";
}
/// The shape in older documentation of Okta: spelled eventID, without contentType, nothing null.
const std::string documented_body =
    R"({"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1",)"
    R"("eventID":"b5a188b9-0000-4000-8000-000000000003","eventTime":"2019-03-27T16:59:53.032Z",)"
    R"("source":"https://globex.okta.com/api/v1/eventHooks/whoql0000000000000","data":{"events":[)"
    R"({"version":"0","severity":"INFO","client":{"zone":"OFF_NETWORK","device":"Unknown"},)"
    R"("outcome":{"result":"SUCCESS"},"uuid":"f790999f-0000-4000-8000-000000000003",)"
    R"("published":"2018-03-28T22:23:07.777Z","eventType":"user.session.start",)"
    R"("displayMessage":"User login to Okta","legacyEventType":"core.user_auth.login_success"}]}})";

}  // namespace

TEST_CASE_METHOD(Hooked, "hooks: a push brings the event at once, by the System Log and once") {
  start_hooked();
  pass(100ms);
  for (int i = 0; i < 3; ++i) {
    world.issue(org, 2);
    CHECK(delivers(hook_body(world.org_domain(org), {newest_event()}), known) == 204);
    REQUIRE(all_arrive(10s));
  }
  CHECK(requests(org) < 20);
  CHECK(stop() == 0);
  CHECK(proven_once());
}

TEST_CASE_METHOD(Hooked, "hooks: an event that is pushed before the log has it still arrives soon") {
  start_hooked();
  const std::string early = R"({"uuid":"u","published":")" + format_rfc3339(World::now()) + R"("})";
  CHECK(delivers(hook_body(world.org_domain(org), {early}), known) == 204);
  const std::size_t asked = requests(org);
  REQUIRE(wait([&] { return requests(org) > asked; }));
  world.issue(org, 1);
  REQUIRE(all_arrive(10s));
}

TEST_CASE_METHOD(Hooked, "hooks: Okta's verification is answered, and the log says what would be refused") {
  start_hooked();
  const std::string get =
      "GET /event-hook/ HTTP/1.1\r\nHost: localhost\r\nX-Okta-Verification-Challenge: my-challenge\r\n";
  HookClient client(port);
  client.say(get + "\r\n");
  const HookReply reply = client.hear();
  CHECK(reply.status == 200);
  CHECK(reply.body == R"({"verification":"my-challenge"})");
  CHECK(says("deliveries with the same headers will be refused"));
  CHECK(hears(get + known + "\r\n") == 200);
  CHECK(says("Okta has verified the event hook"));
}

TEST_CASE_METHOD(Hooked,
                 "hooks: under TLS, with a secret, and with a certificate that is renewed meanwhile") {
  write_file(path("secrets"), "Basic dXNlcjpzZWNyZXRzZWNyZXQ=\n");
  add_secret("dXNlcjpzZWNyZXRzZWNyZXQ=");
  const auto certify = [&] {
    const test::Certificate leaf = world.authority().issue({"localhost", "127.0.0.1"});
    write_file(path("hook.crt"), leaf.certificate_pem);
    write_file(path("hook.key"), leaf.key_pem);
  };
  certify();
  start_hooked({"--hooks-cert", path("hook.crt"), "--hooks-key", path("hook.key"), "--hooks-secrets",
                path("secrets")});
  const std::string body = hook_body(world.org_domain(org), {});
  CHECK(hears(hook_post(body, known)) == 0);  // In the clear.
  trusted = world.ca_file();
  CHECK(delivers(body, known) == 204);
  CHECK(delivers(body, "Authorization: Basic dXNlcjpzZWNyZXRzZWNyZXQ=\r\n") == 204);
  CHECK(delivers(body, "Authorization: Basic wrong\r\n") == 401);

  const std::string before = HookClient(port, trusted).serial();
  HookClient standing(port, trusted);
  certify();
  REQUIRE(wait([&] { return HookClient(port, trusted).serial() != before; }));
  standing.say(hook_post(body, known));
  CHECK(standing.hear().status == 204);

  write_file(path("hook.key"), "no key");
  CHECK(says("The certificate read before stays in force"));
  CHECK(delivers(body, known) == 204);
  write_file(path("secrets"), "another-secret-of-16\n");
  // Retrying until it is accepted would use up the refusals this address is allowed, and end in a 429.
  REQUIRE(says("read the secrets in " + path("secrets") + " again"));
  CHECK(delivers(body, "Authorization: another-secret-of-16\r\n") == 204);
  CHECK(delivers(body, "Authorization: Basic dXNlcjpzZWNyZXRzZWNyZXQ=\r\n") == 401);
}

TEST_CASE_METHOD(
    Hooked, "hooks: certificate, key and secrets may be root's alone, as long as they are the same files") {
  if (::geteuid() != 0) {
    WARN("not tried: only root can become somebody else");
    return;
  }
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary) << text;  // In place, if it is there.
    REQUIRE(::chmod(path(name).c_str(), 0600) == 0);
  };
  const auto certify = [&](const std::string& more) {
    const test::Certificate leaf = world.authority().issue({"localhost", "127.0.0.1"});
    write("hook.crt" + more, leaf.certificate_pem);
    write("hook.key" + more, leaf.key_pem);
  };
  const std::string secret = "Basic dXNlcjpzZWNyZXRzZWNyZXQ=";
  add_secret(secret);
  REQUIRE(::chmod(path("").c_str(), 0755) == 0);
  certify("");
  write("secrets", secret);
  start_hooked({"--user", "12345:12346", "--hooks-cert", path("hook.crt"), "--hooks-key", path("hook.key"),
                "--hooks-secrets", path("secrets")});
  trusted = world.ca_file();
  const std::string body = hook_body(world.org_domain(org), {});
  CHECK(delivers(body, "Authorization: " + secret + "\r\n") == 204);

  // Written in place, they are still the files that root has opened.
  const std::string first = HookClient(port, trusted).serial();
  certify("");
  REQUIRE(wait([&] { return HookClient(port, trusted).serial() != first; }));

  // A new file in their place must be readable, and the line says for whom.
  const std::string second = HookClient(port, trusted).serial();
  certify(".new");
  std::filesystem::rename(path("hook.key.new"), path("hook.key"));
  std::filesystem::rename(path("hook.crt.new"), path("hook.crt"));
  REQUIRE(says("make it readable for the user that logzio-okta runs as, uid 12345"));
  CHECK(HookClient(port, trusted).serial() == second);
  CHECK(delivers(body, known) == 204);
  for (const char* name : {"hook.key", "hook.crt"}) {
    REQUIRE(::chown(path(name).c_str(), 12'345, 12'346) == 0);
  }
  REQUIRE(wait([&] { return HookClient(port, trusted).serial() != second; }));
}

TEST_CASE_METHOD(Hooked, "hooks: strangers who send empty TLS records are disconnected, and delay nobody") {
  std::signal(SIGPIPE, SIG_IGN);
  const test::Certificate leaf = world.authority().issue({"localhost", "127.0.0.1"});
  write_file(path("hook.crt"), leaf.certificate_pem);
  write_file(path("hook.key"), leaf.key_pem);
  start_hooked({"--hooks-cert", path("hook.crt"), "--hooks-key", path("hook.key")}, "100ms");
  trusted = world.ca_file();
  std::atomic<bool> over = false;
  std::atomic<int> left = 0;
  std::vector<std::jthread> strangers;
  for (int i = 0; i < 3; ++i) {
    strangers.emplace_back([&] {
      while (!over) {
        HookClient stranger(port, trusted, "127.0.0.2");
        while (!over && stranger.update_key()) {
        }
        ++left;
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    world.issue(org, 20);
    CHECK(delivers(hook_body(world.org_domain(org), {}), known) == 204);
    CHECK(all_arrive());
  }
  CHECK(wait([&] { return left >= 10; }));
  CHECK(stop() == 0);
  over = true;
  CHECK(proven_once());
}

TEST_CASE_METHOD(
    Door, "hooks: a proxy that is named may speak plain HTTP, and its clients' refusals keep no other out") {
  org = add_org();
  add_listener();
  start_hooked({"--hooks-proxies", "127.0.0.0/8", "--hooks-regions", "none"});
  const std::string good = hook_body(world.org_domain(org), {});
  const auto status = [&](const std::string& before, const std::string& headers) {
    HookClient client(port);
    client.say(before + hook_post(good, headers));
    return client.hear().status;
  };
  const std::string flooder = "X-Forwarded-For: 192.0.2.66\r\n";
  CHECK(wait([&] { return status("", flooder) == 429; }));
  CHECK(status("", flooder + known) == 204);
  CHECK(status("", "X-Forwarded-For: 192.0.2.67\r\n") == 401);
  CHECK(status("PROXY TCP4 192.0.2.66 127.0.0.1 50000 443\r\n", known) == 204);
  CHECK(status("PROXY TCP4 nonsense\r\n", known) == 0);
  CHECK(status("", known + "logzio_region: eu\r\n") == 403);
  CHECK(stop() == 0);
}

TEST_CASE_METHOD(Door,
                 "hooks: a tenant's own token lets its hooks in, and the events go to its own account") {
  org = add_org();
  const std::size_t other = add_org();
  const std::string token(32, 'q');
  add_secret(token);
  add_listener();
  const std::size_t account = add_listener({.settings = {.tokens = {token}}});
  write_tenants(world.tenants_yaml() + "    logzio_token: " + token +
                "\n    logzio_listener_host: " + world.listener_address(account) + "\n");
  start_hooked({"--hooks-orgs", "globex.okta.com"});
  REQUIRE(wait([&] { return requests(other) > 0; }));
  const std::string own = "logzio_token: " + token + "\r\n";
  world.issue(other, 2);
  CHECK(delivers(hook_body(world.org_domain(other), {}), own) == 204);
  REQUIRE(wait([&] { return lines(account) == 2; }));
  CHECK(delivers(hook_body(world.org_domain(org), {}), own) == 403);  // Another's account.
  CHECK(delivers(hook_body("globex.okta.com", {R"({"uuid":"x"})"}), own) == 403);
  world.issue(other, 1);
  CHECK(delivers(hook_body(world.org_domain(other), {}), known) == 204);  // Ours is good for all.
  REQUIRE(wait([&] { return lines(account) == 3; }));
  CHECK(lines(0) == 0);
  CHECK(stop() == 0);
  CHECK(proven_once());
}

TEST_CASE_METHOD(Door,
                 "hooks: the region of a hook is that region's listener, in any case, or the usual one") {
  org = add_org({.host = "acme.okta.com"});
  const Words hosts = {"listener.logz.io", "listener-au.logz.io", "listener-ca.logz.io",
                       "listener-eu.logz.io", "listener-uk.logz.io"};
  for (const std::string& host : hosts) add_listener({.host = host});
  const PortId proxy = world.add_proxy();
  const std::string pusher = "globex.okta.com";
  start_hooked({"--hooks-orgs", pusher}, "1h",
               {{"HTTPS_PROXY", "http://127.0.0.1:" + std::to_string(world.port(proxy))}});
  int number = 0;
  const auto pushes = [&](const std::string& header) {
    const std::string event = R"({"uuid":"regional-)" + std::to_string(++number) + R"(","eventType":"a"})";
    return delivers(hook_body(pusher, {event}), known + header);
  };
  for (const char* region : {"us", "AU", "ca", "Eu", "uk"}) {
    CHECK(pushes("logzio_region: " + std::string(region) + "\r\n") == 200);
  }
  CHECK(pushes("") == 200);
  CHECK(pushes("logzio_region: nl\r\n") == 400);
  REQUIRE(wait([&] { return arrived_from(pusher, 0).size() == 2; }));
  for (std::size_t i = 1; i < hosts.size(); ++i) {
    CAPTURE(hosts[i]);
    REQUIRE(wait([&] { return arrived_from(pusher, i).size() == 1; }));
    CHECK(member(arrived_from(pusher, i)[0], "uuid") == "regional-" + std::to_string(i + 1));
  }
}

TEST_CASE_METHOD(Hooked, "hooks: nothing hostile gets in, and polling goes on as if there were none") {
  start_hooked({}, "100ms");
  const std::string good = hook_body(world.org_domain(org), {});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n" + known;
  // A connection closed in the end counts as refused, and each address may be refused only so often.
  std::vector<HookClient> slow;
  for (int i = 0; i < 300; ++i) {
    slow.emplace_back(port, "", "127.0.0.2");
    slow.back().say("POST / HTTP/1.1\r\nHost: h\r\nX: ");
  }
  for (int round = 0; round < 3; ++round) {
    world.issue(org, 50);
    CHECK(delivers(good, "") == 401);                                                       // 1 nothing
    CHECK(delivers(good, "logzio_token: " + std::string(32, 'a') + "\r\n") == 401);         // 2 guessed
    CHECK(delivers(good, known + known) == 400);                                            // 3 twice
    CHECK(delivers(hook_body("evil.okta.com", {}), known) == 403);                          // 4 another's org
    CHECK(delivers(hook_body("acme.okta.com.evil.com", {"{}"}), known) == 403);             // 5 nearly ours
    CHECK(delivers("{\"source\":", known) == 400);                                          // 6 half a JSON
    CHECK(delivers(std::string(100'000, '['), known) == 400);                               // 7 deep
    CHECK(delivers("", known) == 400);                                                      // 8 nothing in it
    CHECK(hears(head + "Content-Length: 99999999999\r\n\r\n") == 413);                      // 9 huge
    CHECK(hears(head + "X: " + std::string(100'000, 'x') + "\r\n\r\n") == 431);             // 10 huge header
    CHECK(hears(head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);  // 11 smuggled
    CHECK(hears(head + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n") == 413);           // 12 huge chunk
    CHECK(hears("\x16\x03\x01\x02\x01 hello\r\n\r\n") == 400);                    // 13 TLS at a plain port
    CHECK(hears("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n") == 405);                  // 14 another method
    CHECK(hears("GET /status HTTP/1.1\r\nHost: h\r\n" + known + "\r\n") == 400);  // 15 looking around
    std::string pipeline;
    for (int i = 0; i < 50; ++i) pipeline += hook_post(good, "", true);
    CHECK(hears(pipeline) == 401);  // 16 a pipeline, refused with its first
    REQUIRE(all_arrive());
  }
  CHECK(delivers(good, known) == 204);
  CHECK(stop() == 0);
  CHECK(proven_once());
  CHECK_FALSE(daemon().log().contains("evil"));
}

/// An org that is not polled.
struct Alone : Hooked {
  const std::string pusher = "globex.okta.com";
  int made = 0;

  std::string event() {
    return R"({"uuid":"alone-)" + std::to_string(++made) + R"(","published":"2026-11-23T08:15:30.123Z",)" +
           R"("eventType":"user.session.start","displayMessage":"User login to Okta","n":1.50})";
  }
  int pushes(const std::string& event) { return delivers(hook_body(pusher, {event}), known); }
  Words arrived() { return arrived_from(pusher); }
  bool arrive(std::size_t count) {
    return wait([&] { return arrived().size() >= count; });
  }
};

TEST_CASE_METHOD(Alone, "hooks: for an org that is not polled, the pushed events are delivered, each once") {
  start_hooked({"--hooks-orgs", pusher}, "1h", {{"ENV_ID", "production"}});
  const std::string first = event();
  CHECK(pushes(first) == 200);
  REQUIRE(arrive(1));
  const std::string line = arrived()[0];
  CHECK(member(line, "type") == "okta");
  CHECK(member(line, "@timestamp") == "2026-11-23T08:15:30.123Z");
  CHECK(member(line, "message") == "User login to Okta");
  CHECK(member(line, "eventType") == "user.session.start");
  CHECK(member(line, "okta_hook_event_id") == "85b60edb-0000-4000-8000-000000000001");
  CHECK(member(line, "env_id") == "production");
  CHECK(line.ends_with(first.substr(1)));
  CHECK(pushes(first) == 200);  // Okta's retry.
  CHECK(pushes(event()) == 200);
  REQUIRE(arrive(2));
  CHECK(wait([&] { return query_state("SELECT count(*) FROM spool") == Words{"0"}; }));
  CHECK(stop() == 0);

  start_hooked({"--hooks-orgs", pusher});
  CHECK(pushes(first) == 200);  // Known for a day.
  CHECK(pushes(event()) == 200);
  REQUIRE(arrive(3));
  CHECK(arrived().size() == 3);
}

TEST_CASE_METHOD(Alone, "hooks: while the listener is away deliveries wait on disk, also across a restart") {
  start_hooked({"--hooks-orgs", pusher});
  world.refuse(world.listener_port(0), true);
  for (int i = 0; i < 20; ++i) CHECK(pushes(event()) == 200);
  CHECK(arrived().empty());
  kill();
  start_hooked({"--hooks-orgs", pusher});
  CHECK(pushes(event()) == 200);
  world.refuse(world.listener_port(0), false);
  REQUIRE(arrive(21));
  std::set<std::string> uuids;
  for (const std::string& line : arrived()) uuids.insert(member(line, "uuid"));
  CHECK(uuids.size() == 21);
}

TEST_CASE_METHOD(
    Alone, "hooks: the public samples arrive, one line an event, with their own type, time and message") {
  start_hooked({"--hooks-orgs", pusher});
  const std::string deleted = sample_event("a7936860-0000-4000-8000-000000000001", "2022-11-14T17:02:36.533Z",
                                           "user.lifecycle.delete.initiated", "Delete Okta user initiated.");
  const std::string stream = sample_event("ea7ba181-0000-4000-8000-000000000002", "2022-11-15T10:44:57.563Z",
                                          "system.log_stream.lifecycle.delete", "Log stream deleted");
  CHECK(delivers(sample_body("one", {deleted}), known) == 200);
  CHECK(delivers(sample_body("two", {stream}), known) == 200);
  CHECK(delivers(sample_body("several", {deleted, stream}), known) == 200);  // Both a second time.
  CHECK(delivers(documented_body, known) == 200);
  REQUIRE(arrive(3));
  CHECK(wait([&] { return query_state("SELECT count(*) FROM spool") == Words{"0"}; }));
  const Words lines = arrived();
  REQUIRE(lines.size() == 3);
  CAPTURE(lines);
  struct Expected {
    std::string uuid, time, type, message;
  };
  const std::vector<Expected> expected = {{"a7936860-0000-4000-8000-000000000001", "2022-11-14T17:02:36.533Z",
                                           "user.lifecycle.delete.initiated", "Delete Okta user initiated."},
                                          {"ea7ba181-0000-4000-8000-000000000002", "2022-11-15T10:44:57.563Z",
                                           "system.log_stream.lifecycle.delete", "Log stream deleted"},
                                          {"f790999f-0000-4000-8000-000000000003", "2018-03-28T22:23:07.777Z",
                                           "user.session.start", "User login to Okta"}};
  for (const Expected& each : expected) {
    const auto line =
        std::ranges::find(lines, each.uuid, [](const std::string& text) { return member(text, "uuid"); });
    REQUIRE(line != lines.end());
    CHECK(member(*line, "eventType") == each.type);
    CHECK(member(*line, "@timestamp") == each.time);
    CHECK(member(*line, "published") == each.time);
    CHECK(member(*line, "message") == each.message);
    CHECK(member(*line, "tenant_name") == pusher);
    CHECK_FALSE(is_marked(*line));
  }
  CHECK(std::ranges::any_of(lines, [](const std::string& line) {
    return line.contains(R"("geolocation": {"lat": 12.5000, "lon": -7.25})");  // Okta's own bytes.
  }));
}

TEST_CASE_METHOD(Alone, "hooks: a full spool answers 503, and what was answered 200 is delivered after") {
  world.set_judging(false);
  start_hooked({"--hooks-orgs", pusher});
  world.refuse(world.listener_port(0), true);
  world.drop(world.listener_port(0));
  // Deliveries as large as they may be, of events as large as a line may be.
  const std::string filler(450'000, 'x');
  std::set<std::string> kept;
  std::size_t bytes = 0;
  for (int status = 200; status == 200;) {
    Words events;
    Words uuids;
    for (int i = 0; i < 9; ++i) {
      uuids.push_back("large-" + std::to_string(++made));
      events.push_back(R"({"uuid":")" + uuids.back() + R"(","eventType":"a","filler":")" + filler + "\"}");
    }
    const std::string body = hook_body(pusher, events);
    status = delivers(body, known);
    CHECK((status == 200 || status == 503));
    if (status != 200) break;
    kept.insert(uuids.begin(), uuids.end());
    bytes += body.size();
  }
  CHECK(bytes > limits::spool_bytes_max - limits::hook_body_bytes_max);
  CHECK(says("the spool is full (512 MiB)"));
  CHECK(pushes(event()) == 200);  // A small one still finds room.
  CHECK(arrived().empty());
  CHECK(stop());  // A stop does not wait for the pause before the next try either.
  world.refuse(world.listener_port(0), false);
  start_hooked({"--hooks-orgs", pusher});
  REQUIRE(wait([&] { return lines() > kept.size(); }));
  for (const std::string& line : arrived()) kept.erase(member(line, "uuid"));
  CHECK(kept.empty());
  CHECK(wait([&] { return pushes(event()) == 200; }));
  CHECK(stop() == 0);
}

TEST_CASE_METHOD(
    Alone, "hooks: killed under load, every delivery that was answered 200 arrives, repeats are marked") {
  inject_listener(fault::Delay{.time = 10ms});
  std::set<std::string> kept;
  for (int life = 0; life < 5; ++life) {
    start_hooked({"--hooks-orgs", pusher});
    std::jthread killer([&, life] {
      pass(std::chrono::milliseconds(100 + 60 * life));
      daemon().signal(SIGKILL);
    });
    HookClient client(port);
    for (;;) {
      const std::string one = event();
      client.say(hook_post(hook_body(pusher, {one}), known, true));
      if (client.hear().status != 200) break;
      kept.insert(member(one, "uuid"));
    }
    killer.join();
    kill();
  }
  start_hooked({"--hooks-orgs", pusher});
  REQUIRE(wait([&] {
    std::set<std::string> found;
    for (const std::string& line : arrived()) found.insert(member(line, "uuid"));
    return std::ranges::includes(found, kept);
  }));
  std::map<std::string, int> unmarked;
  for (const std::string& line : arrived()) unmarked[member(line, "uuid")] += is_marked(line) ? 0 : 1;
  for (const auto& [uuid, times] : unmarked) CHECK(times <= 1);
}

TEST_CASE("hooks: what cannot work is refused at the start") {
  Bench bench;
  bench.add_org();
  bench.add_listener();
  const auto refusal = [&](const Words& flags) {
    Daemon& daemon = bench.start({.flags = flags});
    CHECK(daemon.wait_exit(patience) == 78);
    return daemon.log();
  };
  CHECK_THAT(refusal({"--hooks", "0.0.0.0:0"}), Contains("without TLS it may listen only on loopback"));
  CHECK_THAT(refusal({"--hooks", "0.0.0.0:0", "--hooks-proxies", "0.0.0.0/0"}), Contains("too wide"));
  CHECK_THAT(refusal({"--hooks-proxies", "10.0.0.1"}), Contains("--hooks is not set"));
  CHECK_THAT(refusal({"--hooks", "127.0.0.1:0", "--hooks-cert", "a.pem"}),
             Contains("--hooks-key is not; set both"));
  CHECK_THAT(refusal({"--hooks-secrets", "secrets"}), Contains("--hooks is not set"));
  CHECK_THAT(refusal({"--hooks", "127.0.0.1:0", "--hooks-secrets", bench.path("not-there")}),
             Contains("cannot be read"));
  CHECK_THAT(refusal({"--hooks", "127.0.0.1:0", "--hooks-cert", bench.world.ca_file(), "--hooks-key",
                      bench.world.ca_file()}),
             Contains("is not the key of"));
}

}  // namespace logzio_okta::e2e
