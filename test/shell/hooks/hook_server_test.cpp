#include "shell/hooks/hook_server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ifaddrs.h>
#include <poll.h>

#include "catch.hpp"
#include "shell/file_limit.hpp"
#include "shell/loopback_client.hpp"
#include "shell/os/patience.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

const std::string token = "AbcdefghijklmnopqrstuvwxyzABCDEF";

/// A server whose core is the test.
struct Door {
  Keyring keyring;
  HookGate gate{keyring};
  std::unique_ptr<HookServer> server;
  std::vector<HookArrived> arrived;
  std::vector<bool> verified;  ///< Whether it was let in.
  std::vector<HooksRefused> refused;
  /// What a delivery is answered with; 0 leaves it open.
  int answers = 204;

  explicit Door(const HookBounds& bounds = {}, const std::string& host = "127.0.0.1") {
    keyring.set_token(Secret(std::string(token)));
    std::vector<Secret> secrets;
    secrets.emplace_back(std::string("Basic dXNlcjpwYXNzd29yZA=="));
    gate.set_secrets(std::move(secrets));
    auto listening = HookServer::listen({.host = host, .port = 0, .given = true}, gate, {}, bounds);
    if (!listening) FAIL(listening.error());
    server = std::move(*listening);
  }

  void take() {
    while (auto input = server->next_arrival()) {
      if (auto* hook = std::get_if<HookArrived>(&*input)) {
        if (answers > 0)
          server->answer({.id = hook->id, .status = answers, .why = answers < 300 ? "" : "a reason"});
        arrived.push_back(std::move(*hook));
      }
      if (const auto* answer = std::get_if<HookVerified>(&*input)) verified.push_back(answer->let_in);
      if (const auto* away = std::get_if<HooksRefused>(&*input)) refused.push_back(*away);
    }
  }
  [[nodiscard]] std::uint64_t count(HookRefusal kind) const {
    std::uint64_t all = 0;
    for (const HooksRefused& each : refused) all += each.kind == kind ? each.count : 0;
    return all;
  }

  /// Turns the loop until the condition holds, as the daemon would.
  void turn_until(const std::vector<Client*>& clients, const std::function<bool()>& reached) {
    const auto give_up = std::chrono::steady_clock::now() + 120s;
    while (!reached()) {
      if (std::chrono::steady_clock::now() > give_up) FAIL("no end");
      std::vector<pollfd> fds = {{.fd = server->fd(), .events = POLLIN, .revents = 0}};
      for (const Client* client : clients) {
        if (!client->closed()) fds.push_back({.fd = client->fd(), .events = POLLIN, .revents = 0});
      }
      const auto wait = server->timeout();
      ::poll(fds.data(), fds.size(), wait ? static_cast<int>(to_ms(*wait).count() + 1) : 1000);
      server->run();
      take();
      for (Client* client : clients) client->listen();
    }
  }
  /// What a client receives that sends this and then only reads until it is disconnected.
  std::string hears(const std::string& bytes) {
    Client client(server->port());
    client.say(bytes);
    turn_until({&client}, [&] { return client.closed(); });
    return client.heard();
  }
};

struct OwnAddress {
  std::string text;
  in_addr_t number = 0;
};
/// An address of this machine that is not loopback.
std::optional<OwnAddress> own_address() {
  ifaddrs* list = nullptr;
  REQUIRE(::getifaddrs(&list) == 0);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> guard(list, ::freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    const void* const raw = each->ifa_addr;
    const in_addr address = static_cast<const sockaddr_in*>(raw)->sin_addr;
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
    if (IpAddress::parse(text.data())->is_loopback()) continue;
    return OwnAddress{.text = text.data(), .number = ntohl(address.s_addr)};
  }
  return std::nullopt;
}

std::string post(const std::string& body, const std::string& headers = "logzio_token: " + token + "\r\n",
                 const std::string& connection = "close") {
  return "POST /hooks HTTP/1.1\r\nHost: h\r\nConnection: " + connection + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("hook server: Okta's verification is answered, whatever else is in it") {
  Door door;
  const std::string get = "GET /event-hook/ HTTP/1.1\r\nHost: h\r\nUser-Agent: Okta-Integrations\r\n";
  const std::string answer = door.hears(get + "X-Okta-Verification-Challenge: My-Challenge_1\r\n\r\n");
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, Contains("\r\nContent-Type: application/json\r\n"));
  CHECK_THAT(answer, Contains("\r\n\r\n{\"verification\":\"My-Challenge_1\"}"));
  door.hears(get + "x-okta-verification-challenge: c\r\nLOGZIO_TOKEN: " + token + "\r\n\r\n");
  CHECK(door.verified == std::vector{false, true});

  CHECK_THAT(door.hears(get + "\r\n"), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(door.hears(get + "X-Okta-Verification-Challenge: <a b>\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  const std::string endless(limits::hook_challenge_bytes_max + 1, 'c');
  CHECK_THAT(door.hears(get + "X-Okta-Verification-Challenge: " + endless + "\r\n\r\n"),
             StartsWith("HTTP/1.1 400 "));
}

TEST_CASE("hook server: a delivery with our token or a secret of ours is let in and gets the core's answer") {
  Door door;
  CHECK_THAT(door.hears(post("{one}")), StartsWith("HTTP/1.1 204 No Content\r\n"));
  CHECK_THAT(door.hears(post("{two}", "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n")),
             StartsWith("HTTP/1.1 204 "));
  CHECK_THAT(door.hears(post("{three}", "Logzio_Token: " + token + "\r\nLOGZIO_REGION: EU\r\n")),
             StartsWith("HTTP/1.1 204 "));
  door.answers = 503;
  const std::string answer = door.hears(post("{four}"));
  CHECK_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK_THAT(answer, Contains("\r\n\r\na reason\n"));
  REQUIRE(door.arrived.size() == 4);
  CHECK(door.arrived[0].body == "{one}");
  CHECK(door.arrived[3].body == "{four}");
  CHECK(door.refused.empty());
}

TEST_CASE("hook server: an account's own token lets in for that account's orgs, ours for all") {
  Door door;
  const std::string accounts(32, 'q');
  std::vector<TenantEntry> entries;
  entries.push_back({.domain = Domain::parse("acme.okta.com").value(), .api_key = Secret("k")});
  entries.back().token = Secret(std::string(accounts));
  const Roster roster = door.keyring.replace(std::move(entries));
  CHECK_THAT(door.hears(post("{}", "logzio_token: " + accounts + "\r\n")), StartsWith("HTTP/1.1 204 "));
  CHECK(door.arrived.at(0).accounts == std::vector{roster.tenants[0].destination});
  CHECK_THAT(door.hears(post("{}")), StartsWith("HTTP/1.1 204 "));
  CHECK(door.arrived.at(1).accounts.empty());
  CHECK_THAT(door.hears(post("{}", "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n")),
             StartsWith("HTTP/1.1 204 "));
  CHECK(door.arrived.at(2).accounts.empty());

  door.hears("GET / HTTP/1.1\r\nHost: h\r\nX-Okta-Verification-Challenge: c\r\nlogzio_token: " + accounts +
             "\r\n\r\n");
  CHECK(door.verified == std::vector{true});
}

TEST_CASE("hook server: no other client is let in") {
  Door door;
  const auto status = [&](const std::string& headers) {
    return door.hears(post("{}", headers)).substr(9, 3);
  };
  CHECK(status("") == "401");
  CHECK(status("logzio_token: " + token.substr(1) + "\r\n") == "401");
  CHECK(status("logzio_token: " + token + "x\r\n") == "401");
  CHECK(status("logzio_token:\r\n") == "401");
  CHECK(status("Authorization: Basic wrong\r\n") == "401");
  CHECK(status("Authorization: " + token + "\r\n") == "401");  // A token is not a secret of --hooks-secrets,
  CHECK(status("logzio_token: Basic dXNlcjpwYXNzd29yZA==\r\n") == "401");  // nor a secret a token.
  CHECK(status("logzio_token: wrong\r\nAuthorization: Basic dXNlcjpwYXNzd29yZA==\r\n") == "401");
  CHECK(door.count(HookRefusal::unauthorized) == 8);
  CHECK(status("logzio_token: " + token + "\r\nlogzio_region: nl\r\n") == "400");
  CHECK(status("logzio_token: " + token + "\r\nContent-Encoding: gzip\r\n") == "415");
  CHECK(door.arrived.empty());
}

TEST_CASE("hook server: a header that is read here and comes twice is refused, whatever it says") {
  Door door;
  const std::string known = "logzio_token: " + token + "\r\n";
  const std::string secret = "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n";
  for (const std::string& twice :
       {known + "LOGZIO_TOKEN: " + token + "\r\n", known + "logzio_token: wrong\r\n", secret + secret,
        known + "logzio_region: us\r\nLogzio_Region: eu\r\n",
        known + "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"}) {
    CAPTURE(twice);
    CHECK_THAT(door.hears(post("{}", twice)), StartsWith("HTTP/1.1 400 ") && Contains("given twice"));
  }
  const std::string challenge = "X-Okta-Verification-Challenge: c\r\n";
  CHECK_THAT(door.hears("GET / HTTP/1.1\r\nHost: h\r\n" + challenge + challenge + "\r\n"),
             StartsWith("HTTP/1.1 400 "));
  CHECK(door.count(HookRefusal::malformed) == 6);
  CHECK(door.arrived.empty());
}

TEST_CASE("hook server: a delivery names no region but those that are allowed") {
  Door door;
  const auto status = [&](const std::string& region) {
    return door.hears(post("{}", "logzio_token: " + token + "\r\n" + region)).substr(9, 3);
  };
  door.gate.set_regions({"eu", "uk"});
  CHECK(status("logzio_region: EU\r\n") == "204");
  CHECK(status("logzio_region: us\r\n") == "403");
  CHECK(status("") == "204");
  door.gate.set_regions({});
  CHECK(status("logzio_region: eu\r\n") == "403");
  CHECK(status("") == "204");
}

TEST_CASE("hook server: a body is not taken before its head is judged") {
  Door door;
  // None of the announced body is sent, and still there is an answer.
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ";
  CHECK_THAT(door.hears(head + "10\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
  const std::string known = "logzio_token: " + token + "\r\n";
  CHECK_THAT(door.hears(head + std::to_string(limits::hook_body_bytes_max + 1) + "\r\n" + known + "\r\n"),
             StartsWith("HTTP/1.1 413 "));
  CHECK(door.count(HookRefusal::too_large) == 1);

  Client client(door.server->port());
  client.say(head + "2\r\nExpect: 100-continue\r\n" + known + "\r\n");
  door.turn_until({&client}, [&] { return client.heard() == "HTTP/1.1 100 Continue\r\n\r\n"; });
  client.say("{}");
  door.turn_until({&client}, [&] { return client.heard().contains("HTTP/1.1 204 "); });
}

TEST_CASE("hook server: requests of one connection are answered in order, also when they come at once") {
  Door door;
  const std::string known = "logzio_token: " + token + "\r\n";
  Client client(door.server->port());
  client.say(post("1", known, "keep-alive") + post("2", known, "keep-alive") + post("3", known));
  door.turn_until({&client}, [&] { return client.closed(); });
  REQUIRE(door.arrived.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(door.arrived[i].body == std::to_string(i + 1));
  CHECK(door.refused.empty());

  // A refused one is the last that is heard.
  CHECK_FALSE(door.hears(post("4", "", "keep-alive") + post("5")).contains("204"));
  CHECK(door.arrived.size() == 3);
}

TEST_CASE("hook server: an answer that is no longer awaited does no harm") {
  Door door;
  door.answers = 0;
  {
    Client client(door.server->port());
    client.say(post("{}"));
    door.turn_until({&client}, [&] { return door.arrived.size() == 1; });
  }
  door.server->answer({.id = door.arrived[0].id, .status = 200, .why = ""});
  door.server->answer({.id = HookId{999}, .status = 200, .why = ""});
  door.turn_until({}, [&] { return door.server->connections() == 0; });
}

TEST_CASE("hook server: one that nobody answers is left as well") {
  Door door({.patience = 50ms});
  door.answers = 0;
  CHECK(door.hears(post("{}")).empty());
  CHECK(door.arrived.size() == 1);
  CHECK(door.refused.empty());
}

TEST_CASE("hook server: what is no request is refused and counted") {
  Door door;
  CHECK_THAT(door.hears("\x16\x03\x01 hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(door.hears("PUT / HTTP/1.1\r\nHost: h\r\n\r\n"), Contains("\r\nAllow: GET, POST\r\n"));
  CHECK_THAT(
      door.hears("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(limits::request_head_bytes_max, 'x')),
      StartsWith("HTTP/1.1 431 "));
  CHECK(door.count(HookRefusal::malformed) == 2);
  CHECK(door.count(HookRefusal::too_large) == 1);
}

TEST_CASE("hook server: a client that sends too slowly, or nothing, is dropped after the timeout") {
  Door door({.patience = 50ms});
  CHECK(door.hears("POST / HT").empty());
  CHECK(door.hears("").empty());
  CHECK(door.count(HookRefusal::broken) == 1);  // A look at the port does not count.
}

TEST_CASE("hook server: when all places are taken, the one nearest to its end makes room") {
  Door door({.connections = 3});
  std::vector<Client> slow;
  for (int i = 0; i < 3; ++i) {
    slow.emplace_back(door.server->port());
    slow.back().say("POST / HTTP/1.1\r\n");
    door.turn_until({}, [&] { return door.server->connections() == static_cast<std::size_t>(i) + 1; });
  }
  CHECK_THAT(door.hears(post("{}")), StartsWith("HTTP/1.1 204 "));
  door.turn_until({&slow[0]}, [&] { return slow[0].closed(); });
  slow[2].listen();
  CHECK_FALSE(slow[2].closed());
}

TEST_CASE("hook server: one that waits for its answer is not sent away for another") {
  Door door({.connections = 1});
  door.answers = 0;
  Client first(door.server->port());
  first.say(post("{}"));
  door.turn_until({&first}, [&] { return door.arrived.size() == 1; });
  Client second(door.server->port());
  second.say(post("{}"));
  door.turn_until({&first},
                  [&] { return door.server->timeout().value_or(1h) > 1s; });  // Nothing to do but wait.
  door.server->answer({.id = door.arrived[0].id, .status = 204, .why = ""});
  door.turn_until({&first, &second}, [&] { return first.closed() && door.arrived.size() == 2; });
}

TEST_CASE("hook server: the bodies of all requests together are bounded") {
  Door door({.bodies_bytes = 100});
  door.answers = 0;
  Client first(door.server->port());
  first.say(post(std::string(80, 'a')));
  door.turn_until({&first}, [&] { return door.arrived.size() == 1; });
  CHECK_THAT(door.hears(post(std::string(30, 'b'))), StartsWith("HTTP/1.1 503 "));
  CHECK(door.count(HookRefusal::unavailable) == 1);
  door.server->answer({.id = door.arrived[0].id, .status = 204, .why = ""});
  door.answers = 204;
  CHECK_THAT(door.hears(post(std::string(80, 'c'))), StartsWith("HTTP/1.1 204 "));
}

TEST_CASE("hook server: a client with a credential is let in, however often its address was refused") {
  Door door({.flood = {.refusals = 3, .refusals_per_second = 0}, .trusts_loopback = false});
  for (int i = 0; i < 3; ++i) CHECK_THAT(door.hears(post("{}", "")), StartsWith("HTTP/1.1 401 "));
  for (int i = 0; i < 20; ++i) {
    CHECK_THAT(door.hears(post("{}", "")), StartsWith("HTTP/1.1 429 "));
    CHECK_THAT(door.hears(post("{}")), StartsWith("HTTP/1.1 204 "));
  }
  CHECK(door.count(HookRefusal::flooding) == 20);
}

TEST_CASE("hook server: a flooding address has a few connections more, and then as time passes") {
  Door door(
      {.patience = 200ms,
       .flood = {.refusals = 3, .refusals_per_second = 0, .connections = 5, .connections_per_second = 20},
       .trusts_loopback = false});
  for (int i = 0; i < 3; ++i) CHECK_THAT(door.hears(post("{}", "")), StartsWith("HTTP/1.1 401 "));
  std::vector<Client> flood;
  std::vector<Client*> all;
  for (int i = 0; i < 50; ++i) flood.emplace_back(door.server->port());
  for (Client& client : flood) all.push_back(&client);
  door.turn_until(all, [&] { return door.count(HookRefusal::flooding) >= 30; });
  door.turn_until({}, [&] { return door.hears(post("{}")).starts_with("HTTP/1.1 204 "); });
}

TEST_CASE("hook server: silent connections do not keep out clients that share their address") {
  Door door({.connections_per_address = 4, .trusts_loopback = false});
  std::vector<Client> silent;
  std::vector<Client*> all;
  for (int i = 0; i < 70; ++i) silent.emplace_back(door.server->port());
  for (Client& client : silent) all.push_back(&client);
  CHECK_THAT(door.hears(post("{}")), StartsWith("HTTP/1.1 204 "));
  door.turn_until(all, [&] { return std::ranges::count_if(silent, &Client::closed) >= 66; });
  CHECK(door.server->connections() <= 4);
}

TEST_CASE("hook server: one that has shown a credential makes room for strangers last") {
  Door door({.connections = 3});
  Client known(door.server->port());
  known.say(post("{}", "logzio_token: " + token + "\r\n", "keep-alive"));
  door.turn_until({&known}, [&] { return door.arrived.size() == 1; });
  std::vector<Client> strangers;
  for (int i = 0; i < 9; ++i) {
    strangers.emplace_back(door.server->port());
    strangers.back().say("POST / HTTP/1.1\r\n");
  }
  door.turn_until({&known}, [&] { return door.count(HookRefusal::broken) >= 7; });
  CHECK_FALSE(known.closed());
}

TEST_CASE("hook server: without TLS only loopback and the named proxies are heard") {
  const auto own = own_address();
  if (!own) return;  // A machine with only loopback.
  const std::string text = own->text;
  for (const bool named : {false, true}) {
    CAPTURE(text, named);
    HookBounds bounds;
    bounds.proxies.push_back(IpBlock::parse(named ? text : "203.0.113.0/24").value());
    Door door(bounds, "0.0.0.0");
    Client client(door.server->port(), own->number);
    client.say(post("{}"));
    door.turn_until({&client}, [&] { return client.closed(); });
    CHECK(client.heard().starts_with("HTTP/1.1 204 ") == named);
    CHECK(door.count(HookRefusal::cleartext) == (named ? 0 : 1));
    CHECK_THAT(door.hears(post("{}")), StartsWith("HTTP/1.1 204 "));  // Loopback always may.
  }
}

TEST_CASE("hook server: a proxy that is named tells whose refusals count together") {
  const std::string proxy = GENERATE("127.0.0.1", "127.0.0.0/8");
  Door door({.flood = {.refusals = 3, .refusals_per_second = 0},
             .trusts_loopback = false,
             .proxies = {IpBlock::parse(proxy).value()}});
  const auto status = [&](const std::string& before, const std::string& headers) {
    return door.hears(before + post("{}", headers)).substr(9, 3);
  };
  const std::string binary = std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16) +
                             std::string("\xc0\0\x02\x02\x7f\0\0\x01\x10\0\x20\0", 12);
  const std::vector<std::pair<std::string, std::string>> floods = {
      {"PROXY TCP4 192.0.2.1 127.0.0.1 50000 443\r\n", ""},
      {binary, ""},
      {"", "X-Forwarded-For: 198.51.100.7, 192.0.2.3\r\n"},
      {"", "Forwarded: for=\"[2001:db8::4]:4711\";proto=https\r\n"},
  };
  for (const auto& [before, headers] : floods) {
    CAPTURE(before, headers);
    for (int i = 0; i < 3; ++i) CHECK(status(before, headers) == "401");
    CHECK(status(before, headers) == "429");
    CHECK(status(before, headers + "logzio_token: " + token + "\r\n") == "204");
  }
  CHECK(status("PROXY TCP4 192.0.2.9 127.0.0.1 50000 443\r\n", "") == "401");
  CHECK(status("", "X-Forwarded-For: 192.0.2.9\r\n") == "401");
  CHECK(status("PROXY UNKNOWN\r\n", "logzio_token: " + token + "\r\n") == "204");
  CHECK(door.hears("PROXY TCP4 nonsense\r\n" + post("{}")).empty());
  CHECK_THAT(door.hears("PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
}

TEST_CASE("hook server: a proxy's words in pieces are put together, and nobody else's are believed") {
  Door door({.proxies = {IpBlock::parse("127.0.0.1").value()}});
  Client client(door.server->port());
  for (const char c : std::string("PROXY TCP6 2001:db8::1 ::1 50000 443\r\n")) {
    client.say(std::string(1, c));
    door.server->run();
  }
  client.say(post("{}"));
  door.turn_until({&client}, [&] { return client.closed(); });
  CHECK_THAT(client.heard(), StartsWith("HTTP/1.1 204 "));

  Door strict({.trusts_loopback = false});
  CHECK_THAT(strict.hears("PROXY TCP4 192.0.2.1 127.0.0.1 50000 443\r\n" + post("{}")),
             StartsWith("HTTP/1.1 400 "));
}

TEST_CASE("hook server: a flood of empty lines is refused with the second, and counted") {
  Door door;
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "\r\n";
  CHECK_THAT(door.hears(lines), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(door.hears("\r\n" + post("{}")), StartsWith("HTTP/1.1 204 "));
  CHECK(door.count(HookRefusal::malformed) == 1);

  Door hasty({.patience = 50ms});
  CHECK(hasty.hears("\r\n").empty());
  CHECK(hasty.count(HookRefusal::broken) == 1);
}

TEST_CASE("hook server: through a proxy on this machine a flood keeps no one else out") {
  Door door({.flood = {.refusals = 3, .refusals_per_second = 0}});
  for (int i = 0; i < 3; ++i) CHECK_THAT(door.hears(post("{}", "")), StartsWith("HTTP/1.1 401 "));
  CHECK_THAT(door.hears(post("{}", "")), StartsWith("HTTP/1.1 429 "));
  CHECK_THAT(door.hears(post("{}")), StartsWith("HTTP/1.1 204 "));
}

TEST_CASE("flood guard: a purse empties, fills up again, and the number kept is limited") {
  FloodGuard guard({.refusals = 2, .refusals_per_second = 1, .addresses = 2});
  const Instant start = Instant{} + 1h;
  const AddressKey a{1};
  const AddressKey b{2};
  const AddressKey c{3};
  CHECK_FALSE(guard.is_flooding(a, start));
  guard.refused(a, start);
  guard.refused(a, start);
  CHECK(guard.is_flooding(a, start));
  CHECK_FALSE(guard.is_flooding(b, start));
  CHECK_FALSE(guard.is_flooding(a, start + 1s));
  guard.refused(b, start);
  guard.refused(c, start);  // b goes, which has more left than a.
  CHECK(guard.is_flooding(a, start));
}

TEST_CASE("flood guard: an address that floods has a second purse, of connections") {
  FloodGuard guard(
      {.refusals = 1, .refusals_per_second = 0.1, .connections = 2, .connections_per_second = 1});
  const Instant start = Instant{} + 1h;
  const AddressKey a{1};
  for (int i = 0; i < 10; ++i) CHECK(guard.may_connect(a, start));
  guard.refused(a, start);
  CHECK(guard.may_connect(a, start));
  CHECK(guard.may_connect(a, start));
  CHECK_FALSE(guard.may_connect(a, start));
  CHECK(guard.may_connect(a, start + 1s));
  CHECK_FALSE(guard.may_connect(a, start + 1s));
  for (int i = 0; i < 10; ++i) CHECK(guard.may_connect(a, start + 10s));  // Its refusals are forgiven.
}

TEST_CASE("flood guard: an IPv4 address counts for itself, an IPv6 one for its /64") {
  const auto key = [](const char* text) { return key_of(IpAddress::parse(text).value()); };
  CHECK(key("192.0.2.1") != key("192.0.2.2"));
  CHECK(key("192.0.2.1") == key("::ffff:192.0.2.1"));
  CHECK(key("2001:db8::1") == key("2001:db8::ffff:1"));
  CHECK(key("2001:db8::1") != key("2001:db8:0:1::1"));
}

TEST_CASE("hook secrets: one a line, none that could be guessed, and no error quotes one") {
  const test::TempDir dir;
  const std::string path = dir / "secrets";
  std::vector<std::string> warnings;
  const auto read = [&](const std::string& text) {
    test::write_file(path, text);
    return read_hook_secrets(path, warnings);
  };
  const auto secrets = read("\nBasic dXNlcjpwYXNz  \r\n\n0123456789abcdef");
  REQUIRE(secrets.has_value());
  REQUIRE(secrets->size() == 2);
  CHECK((*secrets)[0].same_as("Basic dXNlcjpwYXNz"));
  CHECK((*secrets)[1].same_as("0123456789abcdef"));
  CHECK_THAT(read("0123456789abcdef\nshort").error().text, Contains("line 2 is shorter"));
  CHECK_FALSE(read("short").error().text.contains("short\""));
  CHECK_THAT(read("0123456789abcdef\x01").error().text, Contains("line 1 has a character"));
  CHECK_THAT(read("\n \n").error().text, Contains("has no secret"));
  CHECK_THAT(read_hook_secrets(path + "-not", warnings).error().text, Contains("cannot be read"));
}

TEST_CASE("hook server: a load balancer's probe is answered for anyone, empty and uncounted") {
  Door door;
  for (const char* const method : {"GET", "HEAD"}) {
    const std::string answer = door.hears(std::string(method) + " /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n") && Contains("\r\nContent-Length: 0\r\n"));
    CHECK(answer.ends_with("\r\n\r\n"));
  }
  CHECK(door.verified.empty());
  CHECK(door.arrived.empty());
  CHECK_THAT(door.hears("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  CHECK_THAT(door.hears("GET /healthz/x HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_CASE(
    "hook server: with no descriptor left it rests instead of spinning, and takes who waits once there is "
    "one") {
  Door door;
  Client client(door.server->port());
  client.say(post("{one}"));
  {
    const test::FileLimit none(test::FileLimit::nothing_new());
    pollfd ready{.fd = door.server->fd(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&ready, 1, 20'000) == 1);
    door.server->run();
    REQUIRE(::poll(&ready, 1, 0) == 0);
    REQUIRE(door.server->timeout() > 0s);
    REQUIRE(door.server->timeout() <= limits::accept_rest);
  }
  door.turn_until({&client}, [&] { return client.closed(); });
  CHECK_THAT(client.heard(), StartsWith("HTTP/1.1 204 "));
}

}  // namespace logzio_okta
