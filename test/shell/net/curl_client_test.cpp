#include "shell/net/curl_client.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/random.hpp"
#include "logzio_okta/http/cure.hpp"

#include "catch.hpp"
#include "shell/file_limit.hpp"
#include "shell/loopback_server.hpp"
#include "shell/network_bench.hpp"
#include "shell/os/descriptor.hpp"
#include "tools/certificates.hpp"

using namespace logzio_okta;
using namespace logzio_okta::test;

namespace {

Domain org_at(const LoopbackServer& server) {
  return domain(on_loopback("http", server.port()));
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t content_length(const std::string& head) {
  const std::string name = "Content-Length: ";
  return std::stoul(head.substr(head.find(name) + name.size()));
}

// Answers every request on the connection with 200 and the request's number on this connection.
void count_requests(Peer& peer) {
  for (int i = 1; !peer.read_head().empty(); ++i) peer.answer("200 OK", "", std::to_string(i));
}

LoopbackServer one_answer(std::string bytes) {
  return LoopbackServer([bytes = std::move(bytes)](Peer& peer) {
    peer.read_head();
    peer.write(bytes);
  });
}

// The result of one request to a server that answers with these bytes and closes.
HttpResult answered_with(const std::string& bytes) {
  const LoopbackServer server = one_answer(bytes);
  NetworkBench bench;
  bench.ask(org_at(server));
  return bench.okta_answer().result;
}

// Bytes that do not shrink when packed; so many that libcurl would ask for a 100-continue first.
std::string noise() {
  std::string bytes(3 * limits::MiB, '\0');
  Random random(1);
  std::ranges::generate(bytes, [&] { return static_cast<char>(random.next()); });
  return bytes;
}

// A CONNECT proxy that records what it is told and carries every tunnel to one port.
LoopbackServer tunnel_to(std::uint16_t port, Recorder& heads) {
  return LoopbackServer([port, &heads](Peer& peer) {
    heads.add(peer.read_head());
    const int target = LoopbackServer::connect_to(port);
    peer.write("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n");
    peer.relay_to(target);
    ::close(target);
  });
}

}  // namespace

TEST_CASE("curl client: a question goes out byte for byte with these headers and no others") {
  Recorder heads;
  const LoopbackServer server([&](Peer& peer) {
    heads.add(peer.read_head());
    peer.answer("200 OK", "", "[]");
  });
  NetworkBench bench;
  const std::string target =
      "/api/v1/./../logs?since=2026-11-23T12%3A00%3a00.000Z&after=a,b;c%2f/../d?&limit=1000";
  const RequestId id = bench.ask(org_at(server), target);
  const OktaAnswer answer = bench.okta_answer();
  CHECK(answer.id == id);
  REQUIRE(answer.result.has_value());
  CHECK(answer.result->status == 200);
  CHECK(answer.result->body == "[]");
  REQUIRE(heads.all().size() == 1);
  CHECK(heads.all().front() ==
        "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
            "\r\nUser-Agent: logzio-okta/" LOGZIO_OKTA_VERSION "\r\nAuthorization: SSWS " +
            std::string(api_key) +
            "\r\nAccept: application/json\r\nContent-Type: application/json"
            "\r\nAccept-Encoding: gzip\r\n\r\n");
}

TEST_CASE("curl client: a body stays encoded as it came") {
  const std::string body = gzip("[{\"uuid\":\"1\"}]");
  const HttpResult result = answered_with("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                                          std::to_string(body.size()) + "\r\n\r\n" + body);
  REQUIRE(result.has_value());
  CHECK((result->body == body));
  CHECK(find_header(result->headers, "content-encoding") == "gzip");
}

TEST_CASE("curl client: only the final answer's headers are shown, without trailers") {
  const HttpResult result = answered_with(
      "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: "
      "<https://evil.example>\r\n\r\n"
      "HTTP/1.1 429 Too Many Requests\r\nX-Rate-Limit-Limit:  120 \r\nEmpty:\r\nFolded: a\r\n  b\r\n"
      "Transfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n2\r\n{}\r\n0\r\nX-Late: 1\r\n\r\n");
  REQUIRE(result.has_value());
  CHECK(result->status == 429);
  CHECK(result->body == "{}");
  CHECK(find_header(result->headers, "x-rate-limit-limit") == "120");
  CHECK(find_header(result->headers, "empty") == "");
  CHECK(find_header(result->headers, "folded") == "a b");
  CHECK_FALSE(find_header(result->headers, "x-early"));
  CHECK_FALSE(find_header(result->headers, "link"));
  CHECK_FALSE(find_header(result->headers, "x-late"));
}

TEST_CASE("curl client: headers without end are cut off") {
  for (const std::size_t line_bytes : {std::size_t{1000}, std::size_t{200'000}}) {
    std::string head = "HTTP/1.1 200 OK\r\n";
    while (head.size() <= limits::header_bytes_max) head += "X: " + std::string(line_bytes, 'x') + "\r\n";
    const HttpResult result = answered_with(head + "\r\n");
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().fault == TransportFault::answer_too_large);
    CHECK(result.error().sent);
  }
}

TEST_CASE("curl client: a body that is, or announces to be, too large is cut to its beginning") {
  const std::string body = "[" + std::string(limits::answer_bytes_max, 'x');
  const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  for (const std::string& framing : {length, std::string("Connection: close\r\n")}) {
    const HttpResult result =
        answered_with("HTTP/1.1 200 OK\r\nLink: <l>; rel=\"next\"\r\n" + framing + "\r\n" + body);
    REQUIRE(result.has_value());
    CHECK(result->status == 200);
    CHECK(result->cut_off);
    CHECK(find_header(result->headers, "link") == "<l>; rel=\"next\"");
    CHECK((result->body == body.substr(0, limits::beginning_bytes_max)));
  }
}

TEST_CASE("curl client: the listener's answer is bounded where it announces nothing") {
  const LoopbackServer server([](Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" +
               std::string(2 * limits::bulk_answer_bytes_max, 'x'));
  });
  NetworkBench bench({.listener = on_loopback("http", server.port())});
  bench.send("{\"a\":1}\n");
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::answer_too_large);
  CHECK(error.sent);
}

TEST_CASE("curl client: a redirect is an answer like others and is not followed") {
  const LoopbackServer other(count_requests);
  const HttpResult result =
      answered_with("HTTP/1.1 302 Found\r\nLocation: " + on_loopback("http", other.port()) +
                    "/\r\nContent-Length: 0\r\n\r\n");
  REQUIRE(result.has_value());
  CHECK(result->status == 302);
  CHECK(other.connections() == 0);
}

TEST_CASE("curl client: a key does not leave for another origin") {
  const LoopbackServer other(count_requests);
  NetworkBench bench;
  const CredentialId key = bench.keyring().add(domain("acme.okta.com"), Secret(std::string(api_key)));
  bench.client().ask(
      {.id = {1}, .credential = key, .origin = org_at(other).origin(), .target = "/api/v1/logs"});
  const TransportError error = error_of(bench.okta_answer());
  CHECK(error.fault == TransportFault::refused_by_us);
  CHECK_FALSE(error.sent);
  bench.client().wait({}, 0s);
  CHECK(other.connections() == 0);
}

TEST_CASE("curl client: a target that would break out of the request line is refused") {
  const LoopbackServer server(count_requests);
  NetworkBench bench;
  for (const char* target : {"/a b", "/a\r\nHost: evil.example", "", "//x\t", "https://evil.example/"}) {
    bench.ask(org_at(server), target);
    CHECK(error_of(bench.okta_answer()).fault == TransportFault::refused_by_us);
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("curl client: an answer that breaks off is cut, and may have been acted on") {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[", "HTTP/1.1 200 OK\r\nX-",
                            "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 O", "HTTP/1.1 100 Continue\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{}"}) {
    INFO(bytes);
    const HttpResult result = answered_with(bytes);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().fault == TransportFault::cut);
    CHECK(result.error().sent);
  }
}

TEST_CASE("curl client: what is not HTTP is not an answer") {
  const HttpResult result = answered_with("SSH-2.0-OpenSSH_9.2\r\n");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().fault == TransportFault::cut);
  CHECK(contains(result.error().text, "not HTTP"));
}

TEST_CASE("curl client: a server that says nothing is given up after the stall time") {
  const LoopbackServer server([](Peer& peer) { peer.hold(); });
  NetworkBench bench({.patience = {.ask_stall = 60ms}});
  bench.ask(org_at(server));
  const TransportError error = error_of(bench.okta_answer());
  CHECK(error.fault == TransportFault::timed_out);
  CHECK(error.sent);
  CHECK(contains(error.text, "60 ms"));
  CHECK(contains(error.cure, "proxy, firewall or relay"));
}

TEST_CASE("curl client: a server that drips has the whole time and no more") {
  const LoopbackServer server([](Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (peer.write("x")) Peer::pause();
  });
  NetworkBench bench({.patience = {.ask_stall = 10s, .ask_whole = 150ms}});
  bench.ask(org_at(server));
  const TransportError error = error_of(bench.okta_answer());
  CHECK(error.fault == TransportFault::timed_out);
  CHECK(error.sent);
}

TEST_CASE("curl client: a port without a listener is unreachable, with the system's reason") {
  const std::uint16_t port = LoopbackServer([](Peer&) {}).port();
  NetworkBench bench;
  bench.ask(domain(on_loopback("http", port)));
  const TransportError error = error_of(bench.okta_answer());
  CHECK(error.fault == TransportFault::unreachable);
  CHECK_FALSE(error.sent);
  CHECK(contains(error.text, "Connection refused"));
}

TEST_CASE("curl client: a name without address is said to be one, and holds nothing up") {
  const LoopbackServer server(count_requests);
  NetworkBench bench({.patience = {.connect = 3s}});
  const RequestId lost = bench.ask(domain("no-such-org.invalid"));
  const RequestId good = bench.ask(org_at(server));
  std::map<std::uint64_t, HttpResult> results;
  for (int i = 0; i < 2; ++i) {
    OktaAnswer answer = bench.okta_answer();
    results.emplace(answer.id.value, std::move(answer.result));
  }
  CHECK(results.at(good.value).has_value());
  REQUIRE_FALSE(results.at(lost.value).has_value());
  CHECK(results.at(lost.value).error().fault == TransportFault::unresolved);
  CHECK_FALSE(results.at(lost.value).error().sent);
  CHECK(contains(results.at(lost.value).error().text, "no-such-org.invalid"));
}

TEST_CASE("curl client: TLS with a certificate of the CA file works") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  const LoopbackServer server(authority.issue({"localhost"}), count_requests);
  NetworkBench bench({.ca_file = ca_file.path()});
  bench.ask(domain("localhost:" + std::to_string(server.port())));
  CHECK(bench.okta_answer().result.value().body == "1");
}

TEST_CASE("curl client: TLS with a certificate that is not trusted sends nothing and names the cure") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  Recorder heads;
  const auto record = [&](Peer& peer) { heads.add(peer.read_head()); };
  const auto error_with = [&](const Certificate& certificate) {
    const LoopbackServer server(certificate, record);
    NetworkBench bench({.ca_file = ca_file.path()});
    bench.ask(domain("localhost:" + std::to_string(server.port())));
    const TransportError error = error_of(bench.okta_answer());
    CHECK(error.fault == TransportFault::untrusted);
    CHECK_FALSE(error.sent);
    CHECK(contains(error.text, "localhost:" + std::to_string(server.port())));
    return with_cure(error);
  };
  CHECK(contains(error_with(Authority("Stranger").issue({"localhost"})), "--ca-file"));
  CHECK(contains(error_with(authority.issue({"localhost"}, -60)), "expired"));
  CHECK(contains(error_with(authority.issue({"evil.example"})), "another name"));
  for (const std::string& head : heads.all()) CHECK(head.empty());
}

TEST_CASE("curl client: TLS below 1.2 is refused") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  const LoopbackServer server(authority.issue({"localhost"}), count_requests, TLS1_1_VERSION);
  NetworkBench bench({.ca_file = ca_file.path()});
  bench.ask(domain("localhost:" + std::to_string(server.port())));
  const TransportError error = error_of(bench.okta_answer());
  CHECK(error.fault == TransportFault::tls_failed);
  CHECK_FALSE(error.sent);
}

TEST_CASE("curl client: a connection is used again") {
  const LoopbackServer server(count_requests);
  NetworkBench bench;
  for (const char* number : {"1", "2", "3"}) {
    bench.ask(org_at(server));
    CHECK(bench.okta_answer().result.value().body == number);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("curl client: fifty questions are asked side by side, and their connections are kept") {
  constexpr int tenants = 50;
  std::atomic<int> asked = 0;
  // Nobody is answered before all have asked.
  const LoopbackServer server([&](Peer& peer) {
    for (int round = 1; !peer.read_head().empty(); ++round) {
      ++asked;
      peer.hold_until([&] { return asked >= round * tenants; });
      peer.answer("200 OK", "", std::to_string(round));
    }
  });
  NetworkBench bench;
  for (const char* round : {"1", "2"}) {
    for (int i = 0; i < tenants; ++i) bench.ask(org_at(server));
    CHECK(bench.client().in_flight() == tenants);
    for (int i = 0; i < tenants; ++i) CHECK(bench.okta_answer().result.value().body == round);
  }
  CHECK(server.connections() == tenants);
}

TEST_CASE("curl client: a cancelled question has no answer, on its way or waiting to be read") {
  const LoopbackServer server(count_requests);
  const LoopbackServer silent([](Peer& peer) { peer.hold(); });
  NetworkBench bench;
  const RequestId on_its_way = bench.ask(org_at(silent));
  const RequestId refused = bench.ask(org_at(server), "no path");
  bench.client().cancel(on_its_way);
  bench.client().cancel(refused);
  bench.client().cancel(RequestId{999});
  CHECK(bench.client().in_flight() == 0);
  CHECK_FALSE(bench.client().next_answer().has_value());
  const RequestId wanted = bench.ask(org_at(server));
  CHECK(bench.okta_answer().id == wanted);
}

TEST_CASE("curl client: a bulk is posted packed, with the token in the target") {
  Recorder seen;
  const LoopbackServer server([&](Peer& peer) {
    const std::string head = peer.read_head();
    seen.add(head);
    seen.add(peer.read_body(content_length(head)));
    peer.answer("400 Bad Request", "Retry-After: 3\r\n", "{\"malformedLines\":1}");
  });
  NetworkBench bench({.listener = on_loopback("http", server.port())});
  const std::string plain = noise();
  const auto body = packed(plain);
  const BulkId id = bench.send(plain);
  const BulkAnswer answer = bench.bulk_answer();
  CHECK(answer.id == id);
  const auto& result = std::get<HttpAnswer>(answer.result);
  CHECK(result.status == 400);
  CHECK(result.body == "{\"malformedLines\":1}");
  CHECK(find_header(result.headers, "retry-after") == "3");
  CHECK(seen.all().at(0) == "POST /?token=" + std::string(token) +
                                " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                "\r\nUser-Agent: logzio-okta/" LOGZIO_OKTA_VERSION
                                "\r\nAccept: */*\r\nContent-Type: text/plain\r\nContent-Encoding: gzip"
                                "\r\nContent-Length: " +
                                std::to_string(body->size()) + "\r\n\r\n");
  CHECK((seen.all().at(1) == *body));
}

TEST_CASE(
    "curl client: a bulk taken on a reused connection that closes unanswered is not sent again by itself") {
  Recorder bodies;
  const LoopbackServer server([&](Peer& peer) {
    for (int i = 0; i < 2; ++i) {
      const std::string head = peer.read_head();
      if (head.empty()) return;
      bodies.add(peer.read_body(content_length(head)));
      if (i == 0) peer.answer("200 OK", "", "");
    }
  });
  NetworkBench bench({.listener = on_loopback("http", server.port())});
  bench.send("{\"n\":1}\n");
  CHECK(std::get<HttpAnswer>(bench.bulk_answer().result).status == 200);
  bench.send("{\"n\":2}\n");
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::cut);
  CHECK(error.sent);
  bench.client().wait({}, 20ms);
  CHECK(bodies.all().size() == 2);
}

TEST_CASE("curl client: a bulk begun on a connection that breaks does not go on in its middle on another") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  Recorder heads;
  std::atomic<bool> first = true;
  const LoopbackServer server(LoopbackServer::Narrow{}, authority.issue({"localhost"}), [&](Peer& peer) {
    if (!first.exchange(false)) return heads.add(peer.read_head());
    peer.read_body(content_length(peer.read_head()));
    peer.answer("200 OK", "", "");
    heads.add(peer.read_head());
    // TLS has taken all that libcurl has given it, and counts none of it as sent until it has left.
    int settled = 0;
    for (int before = -1; settled < 20; before = peer.pending()) {
      settled = peer.pending() > 0 && peer.pending() == before ? settled + 1 : 0;
      Peer::pause();
    }
    peer.reset();
  });
  NetworkBench bench(
      {.listener = "https://localhost:" + std::to_string(server.port()), .ca_file = ca_file.path()});
  bench.send("{\"n\":1}\n");
  CHECK(std::get<HttpAnswer>(bench.bulk_answer().result).status == 200);
  bench.send(noise());
  const TransportError error = bench.bulk_error();
  CHECK(error.sent);
  while (heads.all().size() < 2) bench.client().wait({}, 20ms);  // The other connection has ended too.
  CHECK(heads.all()[1].empty());
}

TEST_CASE("curl client: a listener that takes the bulk and says nothing is given up, sent") {
  const LoopbackServer server([](Peer& peer) {
    peer.read_head();
    peer.hold();
  });
  NetworkBench bench({.listener = on_loopback("http", server.port()), .patience = {.bulk_stall = 60ms}});
  bench.send("{\"n\":1}\n");
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::timed_out);
  CHECK(error.sent);
}

TEST_CASE("curl client: a listener that answers late is waited for as long as the bulk says") {
  const LoopbackServer server([](Peer& peer) {
    peer.read_head();
    peer.hold_until([late = steady_now() + 300ms] { return steady_now() >= late; });
    peer.answer("200 OK", "", "");
  });
  NetworkBench bench({.listener = on_loopback("http", server.port()), .patience = {.bulk_stall = 60ms}});
  constexpr int patience = 1000;
  bench.send("{\"n\":1}\n", patience);
  CHECK(std::get<HttpAnswer>(bench.bulk_answer().result).status == 200);
}

TEST_CASE("curl client: an answer that comes before the body was read counts") {
  const LoopbackServer server([](Peer& peer) {
    peer.read_head();
    peer.answer("413 Payload Too Large", "Connection: close\r\n", "");
    peer.read_all();
  });
  NetworkBench bench({.listener = on_loopback("http", server.port())});
  bench.send(noise());
  CHECK(std::get<HttpAnswer>(bench.bulk_answer().result).status == 413);
}

TEST_CASE("curl client: a bulk without a token is refused") {
  NetworkBench bench;
  bench.keyring().set_token(Secret());
  bench.send("{\"n\":1}\n");
  const TransportError error = bench.bulk_error();
  CHECK(error.fault == TransportFault::refused_by_us);
  CHECK_FALSE(error.sent);
}

TEST_CASE("curl client: TLS goes through the proxy in a tunnel that shows it no credential") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  Recorder inside;
  const LoopbackServer okta(authority.issue({"acme.okta.com"}), [&](Peer& peer) {
    inside.add(peer.read_head());
    peer.answer("200 OK", "", "[]");
  });
  Recorder outside;
  const LoopbackServer proxy = tunnel_to(okta.port(), outside);
  NetworkBench bench({.ca_file = ca_file.path(), .proxy = proxy_at(proxy.port())});
  const std::string target = "/api/v1/logs/../logs?after=x%2fy&limit=1000";
  bench.ask(domain("acme.okta.com"), target);
  const OktaAnswer answer = bench.okta_answer();
  REQUIRE(answer.result.has_value());
  CHECK_FALSE(find_header(answer.result->headers, "x-proxy"));
  CHECK(inside.all().at(0).starts_with("GET " + target + " HTTP/1.1\r\nHost: acme.okta.com\r\n"));
  CHECK_FALSE(contains(inside.all().at(0), "Proxy-"));
  REQUIRE(outside.all().size() == 1);
  CHECK(outside.all()[0].starts_with("CONNECT acme.okta.com:443 HTTP/1.1\r\n"));
  CHECK(contains(outside.all()[0], "Proxy-Authorization: Basic "));
  CHECK_FALSE(contains(outside.all()[0], "\r\nAuthorization:"));
}

TEST_CASE("curl client: a bulk's token is not shown to the proxy either") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  const LoopbackServer listener(authority.issue({"listener.example"}), [&](Peer& peer) {
    peer.read_body(content_length(peer.read_head()));
    peer.answer("200 OK", "", "");
  });
  Recorder outside;
  const LoopbackServer proxy = tunnel_to(listener.port(), outside);
  NetworkBench bench({.listener = "https://listener.example:8071",
                      .ca_file = ca_file.path(),
                      .proxy = proxy_at(proxy.port())});
  bench.send("{\"n\":1}\n");
  CHECK(std::get<HttpAnswer>(bench.bulk_answer().result).status == 200);
  REQUIRE(outside.all().size() == 1);
  CHECK(outside.all()[0].starts_with("CONNECT listener.example:8071 HTTP/1.1\r\n"));
  CHECK_FALSE(contains(outside.all()[0], token));
}

TEST_CASE("curl client: a proxy that refuses is named with its status") {
  for (const char* status : {"403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"}) {
    const LoopbackServer proxy([&](Peer& peer) {
      peer.read_head();
      peer.answer(status, "", "<html>no</html>");
    });
    NetworkBench bench({.proxy = proxy_at(proxy.port())});
    bench.ask(domain("acme.okta.com"));
    const TransportError error = error_of(bench.okta_answer());
    CHECK(error.fault == TransportFault::proxy_refused);
    CHECK_FALSE(error.sent);
    CHECK(contains(error.text, on_loopback("http", proxy.port())));
    CHECK(contains(error.text, std::string(status).substr(0, 3)));
    CHECK(contains(error.text, "acme.okta.com"));
  }
}

TEST_CASE("curl client: a proxy that hangs up or does not listen is named") {
  const LoopbackServer mute([](Peer& peer) { peer.read_head(); });
  NetworkBench refused({.proxy = proxy_at(mute.port())});
  refused.ask(domain("acme.okta.com"));
  CHECK(error_of(refused.okta_answer()).fault == TransportFault::proxy_refused);

  const std::uint16_t port = LoopbackServer([](Peer&) {}).port();
  NetworkBench dead({.proxy = proxy_at(port)});
  dead.ask(domain("acme.okta.com"));
  const TransportError error = error_of(dead.okta_answer());
  CHECK(error.fault == TransportFault::unreachable);
  CHECK_FALSE(error.sent);
  CHECK(contains(error.text, on_loopback("http", port)));
}

TEST_CASE("curl client: cleartext and loopback go past the proxy, and NO_PROXY is obeyed") {
  const LoopbackServer server(count_requests);
  Recorder heads;
  const LoopbackServer proxy = tunnel_to(server.port(), heads);
  NetworkBench straight({.listener = on_loopback("http", server.port()), .proxy = proxy_at(proxy.port())});
  straight.ask(org_at(server));
  CHECK(straight.okta_answer().result.has_value());

  NetworkBench cleartext({.listener = "http://no-such-listener.invalid:8070",
                          .patience = {.connect = 3s},
                          .proxy = proxy_at(proxy.port())});
  cleartext.send("{\"n\":1}\n");
  CHECK(cleartext.bulk_error().fault == TransportFault::unresolved);

  NetworkBench excepted({.patience = {.connect = 3s}, .proxy = proxy_at(proxy.port(), ".invalid")});
  excepted.ask(domain("no-such-org.invalid"));
  CHECK(error_of(excepted.okta_answer()).fault == TransportFault::unresolved);
  CHECK(proxy.connections() == 0);
}

TEST_CASE("curl client: the environment's proxies are not read by libcurl") {
  const LoopbackServer proxy([](Peer&) {});
  const std::string url = on_loopback("http", proxy.port());
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"})
    setenv(name, url.c_str(), 1);
  NetworkBench bench({.patience = {.connect = 3s}});
  bench.ask(domain("no-such-org.invalid"));
  const TransportError error = error_of(bench.okta_answer());
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"}) unsetenv(name);
  CHECK(error.fault == TransportFault::unresolved);
  CHECK(proxy.connections() == 0);
}

TEST_CASE("curl client: waiting ends when a descriptor of the caller is ready, and says which") {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  REQUIRE(write(pipe_ends[1], "x", 1) == 1);
  NetworkBench bench;
  std::array<curl_waitfd, 2> extra{{{.fd = pipe_ends[0], .events = CURL_WAIT_POLLIN, .revents = 0},
                                    {.fd = pipe_ends[1], .events = CURL_WAIT_POLLIN, .revents = 0}}};
  const Instant before = steady_now();
  bench.client().wait(extra, 600s);
  CHECK(steady_now() - before < 300s);
  CHECK(extra[0].revents == CURL_WAIT_POLLIN);
  CHECK(extra[1].revents == 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_CASE("curl client: waiting lasts as long as asked, and ends at once while an answer waits") {
  NetworkBench bench;
  const Instant before = steady_now();
  bench.client().wait({}, 30ms);
  CHECK(steady_now() - before >= 30ms);
  bench.ask(domain("acme.okta.com"), "not a path");
  bench.client().wait({}, 600s);
  CHECK(steady_now() - before < 300s);
  CHECK(bench.client().next_answer().has_value());
}

TEST_CASE("curl client: ending it with conversations on their way is quick") {
  const LoopbackServer silent([](Peer& peer) { peer.hold(); });
  const Instant before = steady_now();
  {
    NetworkBench bench({.listener = on_loopback("http", silent.port())});
    bench.ask(org_at(silent));
    bench.ask(domain("no-such-org.invalid"));
    bench.send("{\"n\":1}\n");
    bench.client().wait({}, 10ms);
  }
  CHECK(steady_now() - before < limits::connect_timeout);
}

TEST_CASE("curl client: a limit of open files below what is open is said, and what is open goes on") {
  NetworkBench bench;
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const Descriptor reads(ends[0]);
  const Descriptor writes(ends[1]);
  REQUIRE(::write(writes.get(), "x", 1) == 1);
  std::array<curl_waitfd, 3> waited{{{.fd = -1, .events = CURL_WAIT_POLLIN, .revents = 0},
                                     {.fd = reads.get(), .events = CURL_WAIT_POLLIN, .revents = 0},
                                     {.fd = -1, .events = CURL_WAIT_POLLIN, .revents = 0}}};
  {
    const FileLimit low(1);
    bench.client().wait(waited, 10s);
    CHECK(waited[1].revents == CURL_WAIT_POLLIN);
    bench.client().wait(waited, 10s);
  }
  const std::vector<Note> notes = bench.client().take_notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].level == Level::error);
  CHECK_THAT(notes[0].text, Catch::Matchers::Contains("RLIMIT_NOFILE"));
  bench.client().wait(waited, 10s);
  CHECK(waited[1].revents == CURL_WAIT_POLLIN);
}
