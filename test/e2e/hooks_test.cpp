// Event hooks: a push wakes the poller, nobody gets in who does not belong, and polling never notices.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <thread>

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

/// A daemon that would ask once an hour, with its door open.
struct Hooked : Bench {
  std::size_t org = add_org();
  std::uint16_t port = 0;
  std::string known;  ///< A header that lets in.
  std::string trusted;

  Hooked() { add_listener(); }

  void start_hooked(Words flags = {}, std::string poll_interval = "1h") {
    flags.insert(flags.begin(), {"--hooks", "127.0.0.1:0"});
    start({.poll_interval = std::move(poll_interval), .flags = std::move(flags)});
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
};

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

TEST_CASE_METHOD(Hooked, "hooks: an event that is pushed before the log has it arrives soon all the same") {
  start_hooked();
  const std::string early = R"({"uuid":"u","published":")" + format_rfc3339(World::now()) + R"("})";
  CHECK(delivers(hook_body(world.org_domain(org), {early}), known) == 204);
  const std::size_t asked = requests(org);
  REQUIRE(wait([&] { return requests(org) > asked; }));
  world.issue(org, 1);
  REQUIRE(all_arrive(10s));
}

TEST_CASE_METHOD(Hooked, "hooks: Okta's verification is answered, and what would be refused is said") {
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
  // Trying until it is let in would spend what this address may be refused, and be answered 429.
  REQUIRE(says("read the secrets in " + path("secrets") + " again"));
  CHECK(delivers(body, "Authorization: another-secret-of-16\r\n") == 204);
  CHECK(delivers(body, "Authorization: Basic dXNlcjpzZWNyZXRzZWNyZXQ=\r\n") == 401);
}

TEST_CASE_METHOD(Hooked, "hooks: nothing hostile gets in, and polling goes on as if there were none") {
  start_hooked({}, "100ms");
  const std::string good = hook_body(world.org_domain(org), {});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n" + known;
  // Being left in the end counts as refused, and each address may be refused so often.
  std::vector<HookClient> slow;
  for (int i = 0; i < 300; ++i) {
    slow.emplace_back(port, "", "127.0.0.2");
    slow.back().say("POST / HTTP/1.1\r\nHost: h\r\nX: ");
  }
  for (int round = 0; round < 3; ++round) {
    world.issue(org, 50);
    CHECK(delivers(good, "") == 401);                                                       // 1 nothing
    CHECK(delivers(good, "logzio_token: " + std::string(32, 'a') + "\r\n") == 401);         // 2 guessed
    CHECK(delivers(good, known + known) == 401);                                            // 3 twice
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
    REQUIRE(all_arrive(5s));
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
  std::vector<std::string> arrived() {
    return world.with_listener(0, [](model::Listener& logz) {
      std::vector<std::string> lines;
      for (const model::StoredLine& line : logz.lines()) {
        if (line.text.contains("\"tenant_name\":\"globex.okta.com\"")) lines.push_back(line.text);
      }
      return lines;
    });
  }
  bool arrive(std::size_t count) {
    return wait([&] { return arrived().size() >= count; });
  }
};

TEST_CASE_METHOD(Alone, "hooks: an org that is not polled has its events delivered themselves, each once") {
  start_hooked({"--hooks-orgs", pusher});
  const std::string first = event();
  CHECK(pushes(first) == 200);
  REQUIRE(arrive(1));
  const std::string line = arrived()[0];
  CHECK(member(line, "type") == "okta");
  CHECK(member(line, "@timestamp") == "2026-11-23T08:15:30.123Z");
  CHECK(member(line, "message") == "User login to Okta");
  CHECK(member(line, "eventType") == "user.session.start");
  CHECK(member(line, "okta_hook_event_id") == "85b60edb-0000-4000-8000-000000000001");
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

TEST_CASE_METHOD(Alone,
                 "hooks: killed under load, every delivery that was answered 200 arrives, repeats say so") {
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
    CHECK(daemon.wait_exit(20s) == 78);
    return daemon.log();
  };
  CHECK_THAT(refusal({"--hooks", "0.0.0.0:0"}), Contains("without TLS only loopback is listened on"));
  CHECK_THAT(refusal({"--hooks", "127.0.0.1:0", "--hooks-cert", "a.pem"}), Contains("belong together"));
  CHECK_THAT(refusal({"--hooks-secrets", "secrets"}), Contains("--hooks is not set"));
  CHECK_THAT(refusal({"--hooks", "127.0.0.1:0", "--hooks-secrets", bench.path("not-there")}),
             Contains("cannot be read"));
  CHECK_THAT(refusal({"--hooks", "127.0.0.1:0", "--hooks-cert", bench.world.ca_file(), "--hooks-key",
                      bench.world.ca_file()}),
             Contains("is not the key of"));
}

}  // namespace logzio_okta::e2e
