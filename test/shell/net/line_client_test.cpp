#include "shell/net/line_client.hpp"

#include <atomic>
#include <set>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/cure.hpp"

#include "catch.hpp"
#include "shell/loopback_server.hpp"
#include "shell/network_bench.hpp"
#include "tools/certificates.hpp"

using namespace logzio_okta;
using namespace logzio_okta::test;

namespace {

const std::string two_lines = "{\"type\":\"okta\",\"n\":1}\n{\"type\":\"okta\",\"n\":2}\n";
const std::string opening = "{\"token\":\"" + std::string(token) + "\",";
const std::string two_lines_with_token =
    opening + "\"type\":\"okta\",\"n\":1}\n" + opening + "\"type\":\"okta\",\"n\":2}\n";

// This many lines of a thousand bytes.
std::string many_lines(std::size_t count) {
  const std::string line = "{\"n\":\"" + std::string(991, 'x') + "\"}\n";
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += line;
  return lines;
}

std::string with_tokens(std::string lines) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at) + 1;
    out += opening + lines.substr(at + 1, end - at - 1);
    at = end;
  }
  return out;
}

bool taken(const BulkAnswer& answer) {
  return std::holds_alternative<LinesTaken>(answer.result);
}

// Trust in one authority, and a certificate of it for localhost.
struct Tls {
  Authority authority;
  TemporaryFile ca_file{authority.pem()};
  Certificate certificate = authority.issue({"localhost", "127.0.0.1"});
};

NetworkBench over_tcp(const LoopbackServer& server, Patience patience = {}) {
  return NetworkBench({.listener = on_loopback("tcp", server.port()), .patience = patience});
}
NetworkBench over_tls(const LoopbackServer& server, const Tls& tls, Patience patience = {}) {
  return NetworkBench({.listener = "tls://localhost:" + std::to_string(server.port()),
                       .patience = patience,
                       .ca_file = tls.ca_file.path()});
}

}  // namespace

TEST_CASE("line client: lines go over TCP with the token first, settled when the peer closes in answer") {
  Recorder received;
  const LoopbackServer server([&](Peer& peer) { received.add(peer.read_all()); });
  NetworkBench bench = over_tcp(server);
  const BulkId id = bench.send(two_lines);
  const BulkAnswer answer = bench.bulk_answer();
  CHECK(answer.id == id);
  CHECK(taken(answer));
  CHECK(received.all().at(0) == two_lines_with_token);
  CHECK(bench.client().take_notes().empty());
}

TEST_CASE("line client: lines go over TLS, settled by the peer's close_notify") {
  const Tls tls;
  Recorder received;
  const LoopbackServer server(tls.certificate, [&](Peer& peer) {
    received.add(peer.read_all());
    peer.close_notify();
  });
  NetworkBench bench = over_tls(server, tls);
  bench.send(two_lines);
  CHECK(taken(bench.bulk_answer()));
  CHECK(received.all().at(0) == two_lines_with_token);
}

TEST_CASE("line client: a TLS peer that ends its stream without a close_notify has answered as well") {
  const Tls tls;
  const LoopbackServer server(tls.certificate, [](Peer& peer) { peer.read_all(); });
  NetworkBench bench = over_tls(server, tls);
  bench.send(two_lines);
  CHECK(taken(bench.bulk_answer()));
}

TEST_CASE("line client: a listener known by its address is verified by it") {
  const Tls tls;
  const LoopbackServer server(tls.certificate, [](Peer& peer) { peer.read_all(); });
  NetworkBench bench({.listener = on_loopback("tls", server.port()), .ca_file = tls.ca_file.path()});
  bench.send(two_lines);
  CHECK(taken(bench.bulk_answer()));
}

TEST_CASE("line client: a large bulk arrives whole over TCP and over TLS") {
  const Tls tls;
  const std::string lines = many_lines(5000);
  Recorder received;
  const auto record = [&](Peer& peer) { received.add(peer.read_all()); };
  const LoopbackServer plain_server(record);
  const LoopbackServer tls_server(tls.certificate, record);
  NetworkBench over_plain = over_tcp(plain_server);
  over_plain.send(lines);
  CHECK(taken(over_plain.bulk_answer()));
  NetworkBench secured = over_tls(tls_server, tls);
  secured.send(lines);
  CHECK(taken(secured.bulk_answer()));
  for (const std::string& bytes : received.all()) CHECK((bytes == with_tokens(lines)));
  CHECK(received.all().size() == 2);
}

TEST_CASE("line client: nothing is settled before the peer closes its side") {
  std::atomic<bool> close_now = false;
  std::atomic<bool> read = false;
  const LoopbackServer server([&](Peer& peer) {
    peer.read_all();
    read = true;
    peer.hold_until([&] { return close_now.load(); });
  });
  NetworkBench bench = over_tcp(server);
  bench.send(two_lines);
  while (!read) bench.client().wait({}, 5ms);
  for (int i = 0; i < 5; ++i) bench.client().wait({}, 5ms);
  CHECK_FALSE(bench.client().next_answer().has_value());
  close_now = true;
  CHECK(taken(bench.bulk_answer()));
}

TEST_CASE("line client: a reset in answer to our end is a lost answer") {
  const Tls tls;
  const auto reset = [](Peer& peer) {
    peer.read_all();
    peer.reset();
  };
  const LoopbackServer plain_server(reset);
  const LoopbackServer tls_server(tls.certificate, reset);
  NetworkBench over_plain = over_tcp(plain_server);
  NetworkBench secured = over_tls(tls_server, tls);
  for (NetworkBench* bench : {&over_plain, &secured}) {
    bench->send(two_lines);
    const TransportError error = bench->bulk_error();
    CHECK(error.fault == TransportFault::cut);
    CHECK(error.sent);
  }
}

TEST_CASE("line client: an end of stream before ours is a lost answer") {
  const LoopbackServer server([](Peer& peer) {
    shutdown(peer.socket(), SHUT_WR);
    peer.hold();
  });
  NetworkBench bench = over_tcp(server);
  bench.send(many_lines(20'000));
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::cut);
}

TEST_CASE("line client: a peer that goes away in the middle is a lost answer") {
  const Tls tls;
  const auto leave = [](Peer& peer) { peer.read(1000); };
  const LoopbackServer plain_server(leave);
  const LoopbackServer tls_server(tls.certificate, leave);
  NetworkBench over_plain = over_tcp(plain_server);
  NetworkBench secured = over_tls(tls_server, tls);
  for (NetworkBench* bench : {&over_plain, &secured}) {
    bench->send(many_lines(20'000));
    const TransportError error = bench->bulk_error();
    CHECK(error.fault == TransportFault::cut);
    CHECK(error.sent);
  }
}

TEST_CASE("line client: a peer that keeps its side open settles after the wait, and this is said once") {
  const Tls tls;
  const auto keep = [](Peer& peer) {
    peer.read_all();
    peer.hold();
  };
  const LoopbackServer plain_server(keep);
  const LoopbackServer tls_server(tls.certificate, keep);
  NetworkBench over_plain = over_tcp(plain_server, {.line_close = 40ms});
  NetworkBench secured = over_tls(tls_server, tls, {.line_close = 40ms});
  for (NetworkBench* bench : {&over_plain, &secured}) {
    bench->send(two_lines);
    const Instant before = steady_now();
    CHECK(taken(bench->bulk_answer()));
    CHECK(steady_now() - before >= 40ms);
    const std::vector<Note> notes = bench->client().take_notes();
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].level == Level::warn);
    CHECK(notes[0].text.find("does not close its side") != std::string::npos);
    bench->send(two_lines);
    CHECK(taken(bench->bulk_answer()));
    CHECK(bench->client().take_notes().empty());
  }
}

TEST_CASE("line client: a peer that does not read is given up, never settled") {
  const Tls tls;
  const auto keep = [](Peer& peer) { peer.hold(); };
  const LoopbackServer plain_server(keep);
  const LoopbackServer tls_server(tls.certificate, keep);
  const Patience patience{.bulk_stall = 100ms, .line_close = 20ms};
  NetworkBench over_plain = over_tcp(plain_server, patience);
  NetworkBench secured = over_tls(tls_server, tls, patience);
  for (NetworkBench* bench : {&over_plain, &secured}) {
    bench->send(many_lines(20'000));
    const TransportError error = bench->bulk_error();
    CHECK(error.fault == TransportFault::timed_out);
    CHECK(error.sent);
  }
}

TEST_CASE("line client: bytes that the peer's system never took are not settled by waiting") {
  const LoopbackServer server([](Peer& peer) {
    const int small = 1;
    setsockopt(peer.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    peer.hold();
  });
  NetworkBench bench = over_tcp(server, {.bulk_stall = 300ms, .line_close = 20ms});
  bench.send(many_lines(1500));
  CHECK(bench.bulk_error().fault == TransportFault::timed_out);
}

TEST_CASE("line client: what the peer says is read and dropped") {
  const Tls tls;
  const auto chat = [](Peer& peer) {
    peer.write(std::string(3 * limits::MiB, 'x'));
    peer.read_all();
    peer.write("thank you");
  };
  const LoopbackServer plain_server(chat);
  const LoopbackServer tls_server(tls.certificate, chat);
  NetworkBench over_plain = over_tcp(plain_server);
  NetworkBench secured = over_tls(tls_server, tls);
  for (NetworkBench* bench : {&over_plain, &secured}) {
    bench->send(many_lines(5000));
    CHECK(taken(bench->bulk_answer()));
  }
}

TEST_CASE("line client: several bulks travel side by side, each on its own connection") {
  const LoopbackServer server([](Peer& peer) { peer.read_all(); });
  NetworkBench bench = over_tcp(server);
  std::set<BulkId> sent;
  for (std::size_t i = 0; i < limits::bulks_in_flight_max; ++i) sent.insert(bench.send(many_lines(500)));
  CHECK(bench.client().in_flight() == sent.size());
  while (!sent.empty()) {
    const BulkAnswer answer = bench.bulk_answer();
    CHECK(taken(answer));
    CHECK(sent.erase(answer.id) == 1);
  }
  CHECK(server.connections() == static_cast<int>(limits::bulks_in_flight_max));
  CHECK(bench.client().in_flight() == 0);
}

TEST_CASE("line client: no listener, or no such name, is reported as elsewhere") {
  const std::uint16_t port = LoopbackServer([](Peer&) {}).port();
  NetworkBench closed({.listener = on_loopback("tcp", port)});
  closed.send(two_lines);
  const TransportError unreachable = closed.bulk_error();
  CHECK(unreachable.fault == TransportFault::unreachable);
  CHECK_FALSE(unreachable.sent);

  NetworkBench nowhere({.listener = "tls://no-such-listener.invalid:5052", .patience = {.connect = 3s}});
  nowhere.send(two_lines);
  const TransportError unresolved = nowhere.bulk_error();
  CHECK(unresolved.fault == TransportFault::unresolved);
  CHECK_FALSE(unresolved.sent);
}

TEST_CASE("line client: a certificate that is not trusted gets no line") {
  const Tls tls;
  Recorder received;
  const auto record = [&](Peer& peer) { received.add(peer.read_all()); };
  const auto error_with = [&](const Certificate& certificate) {
    const LoopbackServer server(certificate, record);
    NetworkBench bench = over_tls(server, tls);
    bench.send(two_lines);
    const TransportError error = bench.bulk_error();
    CHECK(error.fault == TransportFault::untrusted);
    CHECK_FALSE(error.sent);
    return with_cure(error);
  };
  CHECK(error_with(Authority("Stranger").issue({"localhost"})).find("--ca-file") != std::string::npos);
  CHECK(error_with(tls.authority.issue({"evil.example"})).find("another name") != std::string::npos);
  for (const std::string& bytes : received.all()) CHECK(bytes.empty());
}

TEST_CASE("line client: a peer that does not speak TLS is given up") {
  const Tls tls;
  const LoopbackServer silent([](Peer& peer) { peer.hold(); });
  NetworkBench waiting = over_tls(silent, tls, {.connect = 80ms});
  waiting.send(two_lines);
  CHECK(waiting.bulk_error().fault == TransportFault::unreachable);

  const LoopbackServer plain([](Peer& peer) {
    peer.write("220 hello\r\n");
    peer.read_all();
  });
  NetworkBench confused = over_tls(plain, tls);
  confused.send(two_lines);
  const TransportError error = confused.bulk_error();
  CHECK(error.fault == TransportFault::tls_failed);
  CHECK_FALSE(error.sent);
}

TEST_CASE("line client: TLS goes through the proxy, cleartext never does") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  Recorder received;
  const LoopbackServer listener(authority.issue({"listener.example"}),
                                [&](Peer& peer) { received.add(peer.read_all()); });
  Recorder heads;
  const LoopbackServer proxy([&](Peer& peer) {
    heads.add(peer.read_head());
    const int target = LoopbackServer::connect_to(listener.port());
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    peer.relay_to(target);
    ::close(target);
  });
  NetworkBench tunnelled({.listener = "tls://listener.example:5052",
                          .ca_file = ca_file.path(),
                          .proxy = proxy_at(proxy.port())});
  tunnelled.send(two_lines);
  tunnelled.bulk_answer();
  REQUIRE(heads.all().size() == 1);
  CHECK(heads.all()[0].starts_with("CONNECT listener.example:5052 HTTP/1.1\r\n"));
  CHECK(heads.all()[0].find(token) == std::string::npos);

  NetworkBench cleartext({.listener = "tcp://no-such-listener.invalid:5050",
                          .patience = {.connect = 3s},
                          .proxy = proxy_at(proxy.port())});
  cleartext.send(two_lines);
  CHECK(cleartext.bulk_error().fault == TransportFault::unresolved);
  CHECK(proxy.connections() == 1);
}

TEST_CASE("line client: a proxy that speaks TLS itself is refused with the way out") {
  NetworkBench bench({.listener = "tls://listener.example:5052",
                      .proxy = Proxy::from("https://proxy.example:443", "").value()});
  bench.send(two_lines);
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::refused_by_us);
  CHECK(error.text.find("8071") != std::string::npos);
}

TEST_CASE("line client: a bulk without a token is refused") {
  NetworkBench bench({.listener = "tcp://127.0.0.1:9"});
  bench.keyring().set_token(Secret());
  bench.send(two_lines);
  CHECK(bench.bulk_error().fault == TransportFault::refused_by_us);
}

TEST_CASE("line client: ending it with connections on their way is quick") {
  const Tls tls;
  const LoopbackServer server(tls.certificate, [](Peer& peer) { peer.hold(); });
  const Instant before = steady_now();
  {
    NetworkBench bench = over_tls(server, tls);
    bench.send(many_lines(20'000));
    for (int i = 0; i < 20; ++i) bench.client().wait({}, 2ms);
    CHECK(bench.client().in_flight() == 1);
  }
  CHECK(steady_now() - before < limits::connect_timeout);
}

TEST_CASE(
    "line client: an end that was sent before ours had arrived is a lost answer, also once all is written") {
  std::atomic<bool> written = false;
  const LoopbackServer server([&](Peer& peer) {
    const int small = 1;
    setsockopt(peer.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    peer.hold_until([&] { return written.load(); });
    shutdown(peer.socket(), SHUT_WR);
    peer.hold();
  });
  NetworkBench bench = over_tcp(server, {.bulk_stall = 20s, .line_close = 20s});
  bench.send(many_lines(1500));
  for (int i = 0; i < 40; ++i) bench.client().wait({}, 5ms);  // Its system takes no more by then.
  written = true;
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::cut);
  CHECK(error.sent);
}

TEST_CASE("line client: a TLS end with bytes that nobody has read after it is a lost answer") {
  const Tls tls;
  const LoopbackServer server(tls.certificate, [](Peer& peer) {
    peer.read(1000);
    peer.close_notify();  // And then the socket, unread bytes and all: a reset.
  });
  NetworkBench bench = over_tls(server, tls);
  bench.send(many_lines(20));
  const BulkAnswer answer = bench.bulk_answer();
  CHECK_FALSE(taken(answer));
}
