#include "shell/serve/admin.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <poll.h>

#include "catch.hpp"
#include "shell/file_limit.hpp"
#include "shell/loopback_client.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

struct Bench {
  Report report;
  History history{Instant{}};
  std::unique_ptr<Admin> admin;

  explicit Bench(AdminLimits limits = {}, const std::string& host = "127.0.0.1",
                 std::vector<std::string> names = {}) {
    report.ready = true;
    auto listening = Admin::listen(
        {.host = host, .port = 0, .given = true},
        {[this] { return report; }, [] { return ProcessFacts{.log_lines_dropped = 5}; }, history}, limits,
        std::move(names));
    if (!listening) FAIL(listening.error());
    admin = std::move(*listening);
  }

  /// Turns the loop until the condition holds, as the daemon would: poll, then run. Fails after so long that
  /// it would never hold.
  template <class Condition>
  void turn_until(std::vector<Client*> clients, const Condition& reached) {
    const auto give_up = std::chrono::steady_clock::now() + 120s;
    while (!reached()) {
      if (std::chrono::steady_clock::now() > give_up) FAIL("no end");
      std::vector<pollfd> fds = {{.fd = admin->fd(), .events = POLLIN, .revents = 0}};
      for (const Client* client : clients) {
        if (!client->closed()) fds.push_back({.fd = client->fd(), .events = POLLIN, .revents = 0});
      }
      const auto wait = admin->timeout();
      ::poll(fds.data(), fds.size(), wait ? static_cast<int>(to_ms(*wait).count() + 1) : 1000);
      admin->run();
      for (Client* client : clients) client->listen();
    }
  }
  void turn_until_closed(Client& client) {
    turn_until({&client}, [&] { return client.closed(); });
  }
  std::string ask(const std::string& request) {
    Client client(admin->port());
    client.say(request);
    turn_until_closed(client);
    return client.heard();
  }
  std::string get(const std::string& path) {
    return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
};

std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? std::string() : answer.substr(at + 4);
}

}  // namespace

TEST_CASE("admin: health is ok while the loop turns") {
  Bench bench;
  const std::string answer = bench.get("/healthz");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 "));
  CHECK(body_of(answer) == "ok\n");
}

TEST_CASE("admin: readiness follows the report and says why not") {
  Bench bench;
  CHECK_THAT(bench.get("/readyz"), StartsWith("HTTP/1.1 200 "));
  bench.report.ready = false;
  bench.report.not_ready_because = "the listener refuses the token";
  const std::string answer = bench.get("/readyz");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 503 "));
  CHECK(body_of(answer) == "the listener refuses the token\n");
}

TEST_CASE("admin: metrics and status are the report's, in their own types") {
  Bench bench;
  TenantReport tenant;
  tenant.domain = "acme.okta.com";
  bench.report.tenants.push_back(tenant);
  const std::string metrics = bench.get("/metrics");
  CHECK_THAT(metrics, Contains("Content-Type: text/plain; version=0.0.4"));
  CHECK_THAT(body_of(metrics), Contains("logzio_okta_keys{tenant=\"acme.okta.com\"} 0") &&
                                   Contains("logzio_okta_log_lines_dropped_total 5"));
  const std::string status = bench.get("/status?pretty");
  CHECK_THAT(status, Contains("Content-Type: application/json"));
  CHECK_THAT(body_of(status), StartsWith("{") && Contains("\"domain\":\"acme.okta.com\""));
}

TEST_CASE("admin: the largest answer fits through") {
  Bench bench;
  for (std::size_t i = 0; i < limits::tenants_max; ++i) {
    TenantReport tenant;
    tenant.domain = "tenant-with-quite-a-long-name-" + std::to_string(i) + ".oktapreview.com";
    bench.report.tenants.push_back(tenant);
  }
  const std::string metrics = bench.get("/metrics");
  CHECK(body_of(metrics).size() > 100'000);
  CHECK_THAT(metrics, Contains("\r\nContent-Length: " + std::to_string(body_of(metrics).size()) + "\r\n"));
}

TEST_CASE("admin: the root is one page that loads nothing from elsewhere, and other paths are not found") {
  Bench bench;
  const std::string answer = bench.get("/");
  CHECK_THAT(answer,
             StartsWith("HTTP/1.1 200 ") && Contains("\r\nContent-Type: text/html; charset=utf-8\r\n"));
  CHECK_THAT(answer, Contains("default-src 'none'") && Contains("connect-src 'self'"));
  CHECK(body_of(answer).starts_with("<!doctype html>"));
  CHECK(body_of(answer).ends_with("</html>\n"));
  // The one URL in it names a kind of element, and is never asked for.
  const std::string page = body_of(answer);
  for (std::size_t at = page.find("://"); at != std::string::npos; at = page.find("://", at + 1)) {
    CHECK(page.substr(at - 4, 29) == "http://www.w3.org/2000/svg\";\n");
  }
  CHECK_THAT(page, !Contains("innerHTML"));
  bench.history.sample(Instant{}, bench.report);
  CHECK_THAT(body_of(bench.get("/history")), StartsWith("{\"interval_seconds\":10.0,"));
  CHECK_THAT(body_of(bench.get("/status.txt")), StartsWith("ready"));
  CHECK_THAT(body_of(bench.get("/status.txt")), Contains("RATE LEFT"));
  CHECK_THAT(body_of(bench.get("/status.txt?columns=40")), !Contains("RATE LEFT"));
  for (const char* path : {"/healthz/", "/Healthz", "//", "/../etc/passwd", "/nothing"}) {
    INFO(path);
    CHECK_THAT(bench.get(path), StartsWith("HTTP/1.1 404 "));
  }
}

TEST_CASE("admin: HEAD is answered as GET without the body") {
  Bench bench;
  const std::string answer = bench.ask("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 ") && Contains("Content-Length: 3"));
  CHECK(body_of(answer).empty());
}

TEST_CASE("admin: other methods are refused with what is allowed, a body or not") {
  Bench bench;
  const std::string long_body(100'000, 'x');
  for (const std::string& request :
       {std::string("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"),
        "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + long_body,
        std::string(
            "PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        std::string("DELETE /status HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n")}) {
    const std::string answer = bench.ask(request);
    INFO(request.substr(0, 30));
    CHECK_THAT(answer, StartsWith("HTTP/1.1 405 ") && Contains("Allow: GET, HEAD"));
  }
}

TEST_CASE("admin: every answer closes its connection and keeps browsers from making more of it") {
  Bench bench;
  for (const char* path : {"/healthz", "/status", "/nothing"}) {
    const std::string answer = bench.get(path);
    CHECK_THAT(answer, Contains("Connection: close") && Contains("Cache-Control: no-store") &&
                           Contains("X-Content-Type-Options: nosniff") &&
                           Contains("Content-Security-Policy: default-src 'none'"));
  }
}

TEST_CASE("admin: only the first of pipelined requests is answered") {
  Bench bench;
  const std::string answer = bench.ask(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 "));
  CHECK(body_of(answer) == "ok\n");
}

TEST_CASE("admin: garbage and oversized headers end their connection and nothing else") {
  Bench bench({.patience = 1s});  // Some garbage is only known by never becoming a request.
  const std::string endless(16 * limits::KiB, 'a');
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string(100, '\0') + "\r\n\r\n", "GET /" + endless + " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + endless + "\r\n\r\n",
        std::string("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")}) {
    INFO(garbage.substr(0, 40));
    CHECK_THAT(bench.ask(garbage), !StartsWith("HTTP/1.1 200 "));
  }
  CHECK_THAT(bench.get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("admin: a request in single bytes is answered, and others are not kept waiting by it") {
  Bench bench;
  Client slow(bench.admin->port());
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (std::size_t i = 0; i + 1 < request.size(); ++i) {
    slow.say(request.substr(i, 1));
    bench.admin->run();
  }
  CHECK_THAT(bench.get("/readyz"), StartsWith("HTTP/1.1 200 "));
  slow.say(request.substr(request.size() - 1));
  bench.turn_until_closed(slow);
  CHECK_THAT(slow.heard(), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("admin: a client that never finishes is dropped, however busy it keeps") {
  Bench bench({.patience = 100ms});
  Client silent(bench.admin->port());
  Client dripping(bench.admin->port());
  dripping.say("GET / HTTP/1.1\r\n");
  bench.turn_until({&silent, &dripping}, [&] {
    if (!dripping.closed()) ::send(dripping.fd(), "X", 1, MSG_NOSIGNAL);
    return silent.closed() && dripping.closed();
  });
  CHECK(silent.heard().empty());
  CHECK_THAT(dripping.heard(), !StartsWith("HTTP/1.1 200 "));
  CHECK_FALSE(bench.admin->timeout());
}

TEST_CASE("admin: idle connections, however many, keep no one else out") {
  Bench bench({.connections = 8});
  std::vector<Client> crowd;
  std::vector<Client*> all;
  for (int i = 0; i < 50; ++i) crowd.emplace_back(bench.admin->port());
  for (Client& client : crowd) all.push_back(&client);
  CHECK_THAT(bench.get("/healthz"), StartsWith("HTTP/1.1 200 "));
  // The oldest have made room.
  bench.turn_until(all, [&] { return std::ranges::count_if(crowd, &Client::closed) >= 43; });
  CHECK(crowd.front().closed());
  CHECK_FALSE(crowd.back().closed());
  for (const Client& client : crowd) CHECK(client.heard().empty());
  for (int i = 0; i < 20; ++i) CHECK_THAT(bench.get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("admin: clients that ask and do not read their answers keep no one out either") {
  Bench bench({.connections = 4});
  for (std::size_t i = 0; i < limits::tenants_max; ++i) {
    bench.report.tenants.emplace_back();
    bench.report.tenants.back().domain = std::string(1000, 'x') + std::to_string(i);
  }
  std::vector<Client> crowd;
  for (int i = 0; i < 4; ++i) {
    crowd.emplace_back(bench.admin->port());
    const int small = 1;
    ::setsockopt(crowd.back().fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    crowd.back().say("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (int turn = 0; turn < 3; ++turn) bench.admin->run();
  }
  CHECK_THAT(bench.get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("admin: a page elsewhere whose name leads to us learns nothing through a user's browser") {
  Bench bench;
  for (const char* path : {"/", "/healthz", "/readyz", "/status", "/metrics", "/history", "/nothing"}) {
    const std::string get = std::string("GET ") + path + " HTTP/1.1\r\nHost: ";
    const std::string rebound = bench.ask(get + "evil.example:9810\r\n\r\n");
    CHECK_THAT(rebound, StartsWith("HTTP/1.1 421 ") && Contains("--admin-hosts"));
    CHECK_THAT(bench.ask(get + "localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\r\n"),
               StartsWith("HTTP/1.1 403 "));
    CHECK_THAT(bench.ask(get + "localhost\r\nOrigin: http://evil.example\r\n\r\n"),
               StartsWith("HTTP/1.1 403 "));
  }
  CHECK_THAT(bench.ask("GET /healthz HTTP/1.0\r\n\r\n"),
             StartsWith("HTTP/1.1 200 ") || StartsWith("HTTP/1.0 200 "));
  Bench named({}, "127.0.0.1", {"status.example.com"});
  CHECK_THAT(named.ask("GET /healthz HTTP/1.1\r\nHost: status.example.com\r\n\r\n"),
             StartsWith("HTTP/1.1 200 "));
  Bench open({}, "0.0.0.0");
  CHECK_THAT(open.ask("GET /healthz HTTP/1.1\r\nHost: logzio-okta:9810\r\n\r\n"),
             StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("admin: a client that leaves in the middle is forgotten") {
  Bench bench;
  {
    Client leaving(bench.admin->port());
    leaving.say("GET /metrics HTTP/1.1\r\n");
    bench.admin->run();
    bench.admin->run();
    CHECK(bench.admin->timeout());
  }
  bench.turn_until({}, [&] { return !bench.admin->timeout(); });
  CHECK_THAT(bench.get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("admin: a taken port is named with what to do") {
  Bench bench;
  const auto second = Admin::listen({.host = "127.0.0.1", .port = bench.admin->port(), .given = true},
                                    {[] { return Report{}; }, [] { return ProcessFacts{}; }, bench.history});
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error(), Contains("127.0.0.1:" + std::to_string(bench.admin->port())) &&
                                 Contains("Address already in use") && Contains("--admin"));
}

TEST_CASE("admin: addresses are literals or localhost; names and foreign addresses are refused in words") {
  const auto listen = [](const std::string& host) {
    static const History history{Instant{}};
    return Admin::listen({.host = host, .port = 0, .given = true},
                         {[] { return Report{}; }, [] { return ProcessFacts{}; }, history});
  };
  CHECK(listen("localhost"));
  CHECK(listen("0.0.0.0"));
  const auto name = listen("admin.example.com");
  REQUIRE_FALSE(name);
  CHECK_THAT(name.error(), Contains("admin.example.com:0") && Contains("IPv4 or IPv6 address"));
  const auto foreign = listen("192.0.2.1");
  REQUIRE_FALSE(foreign);
  CHECK_THAT(foreign.error(), Contains("no such address"));
  // A machine without IPv6 says so; one with it takes the address with and without brackets alike.
  for (const char* host : {"::1", "[::1]"}) {
    const auto six = listen(host);
    if (!six) CHECK_THAT(six.error(), Contains("[::1]:0"));
  }
}

TEST_CASE(
    "admin: with no descriptor left it rests instead of spinning, and takes who waits once there is one") {
  Bench bench;
  Client client(bench.admin->port());
  client.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  {
    const test::FileLimit none(test::FileLimit::nothing_new());
    pollfd ready{.fd = bench.admin->fd(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&ready, 1, 20'000) == 1);
    bench.admin->run();
    REQUIRE(bench.admin->fd() == -1);
    REQUIRE(bench.admin->timeout() > 0s);
    REQUIRE(bench.admin->timeout() <= limits::accept_rest);
  }
  bench.turn_until_closed(client);
  CHECK_THAT(client.heard(), StartsWith("HTTP/1.1 200 "));
}

}  // namespace logzio_okta
