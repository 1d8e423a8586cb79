// The sandbox is tried with libcurl's easy interface, so that the daemon's own client proves nothing about
// it.
#include "sandbox/world.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/http/link_header.hpp"

#include "catch.hpp"

namespace logzio_okta::sandbox {
namespace {

struct Reply {
  CURLcode code = CURLE_OK;
  int status = 0;
  Headers headers;
  std::string body;
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(bytes, size * count);
  return size * count;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* to) {
  const std::string_view line(bytes, size * count);
  if (const std::size_t colon = line.find(": "); colon != std::string_view::npos) {
    static_cast<Headers*>(to)->push_back(
        {std::string(line.substr(0, colon)), std::string(line.substr(colon + 2, line.size() - colon - 4))});
  }
  return size * count;
}

/// A curl easy handle that keeps its connections.
class Client {
 public:
  explicit Client(const World& world) : ca_file_(world.ca_file()), curl_(curl_easy_init()) {}
  ~Client() { curl_easy_cleanup(curl_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::string proxy;
  std::string proxy_login;
  long timeout_ms = 20'000;

  Reply get(const std::string& url, const std::string& key) {
    prepare(url);
    return perform({"Authorization: SSWS " + key});
  }
  Reply post(const std::string& url, std::string_view body, std::vector<std::string> headers = {}) {
    prepare(url);
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl_, CURLOPT_COPYPOSTFIELDS, body.data());
    return perform(std::move(headers));
  }
  long connects() {
    long count = 0;
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &count);
    return count;
  }

 private:
  void prepare(const std::string& url) {
    curl_easy_reset(curl_);
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_CAINFO, ca_file_.c_str());
    curl_easy_setopt(curl_, CURLOPT_PROXY, proxy.c_str());
    if (!proxy_login.empty()) curl_easy_setopt(curl_, CURLOPT_PROXYUSERPWD, proxy_login.c_str());
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  }
  Reply perform(const std::vector<std::string>& headers) {
    Reply reply;
    curl_slist* list = nullptr;
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &reply.body);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &reply.headers);
    reply.code = curl_easy_perform(curl_);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    curl_slist_free_all(list);
    return reply;
  }

  std::string ca_file_;
  CURL* curl_;
};

std::string first_url(const World& world, std::size_t org, int limit = 1000) {
  return world.org_domain(org) + "/api/v1/logs?since=" + format_rfc3339(World::now() - 24h) +
         "&sortOrder=ASCENDING&limit=" + std::to_string(limit);
}

std::string bulk_url(const World& world, std::size_t listener) {
  return world.listener_address(listener) + "/?token=" + world.token();
}

/// A blocking line client: what the daemon's must be able to bear.
class LineSocket {
 public:
  explicit LineSocket(std::uint16_t port, long patience_s = 120)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = patience_s, .tv_usec = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected = connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// 0: the peer ended its side; -1: a reset, or nothing came for too long.
  ssize_t end_and_wait() {
    shutdown(fd_.get(), SHUT_WR);
    char byte = 0;
    return recv(fd_.get(), &byte, 1, 0);
  }

  bool connected = false;

 private:
  Fd fd_;
};

TEST_CASE("world: pages are followed over HTTP and HTTPS on one connection, in either framing") {
  const bool tls = GENERATE(false, true);
  const auto framing = GENERATE(model::Framing::content_length, model::Framing::chunked);
  World world;
  const std::size_t org = world.add_org({.tls = tls});
  world.set_framing(world.org_port(org), framing);
  world.issue_past(org, 250, 1h);
  Client client(world);
  std::string url = first_url(world, org, 100);
  std::string all;
  for (int page = 0; page < 3; ++page) {
    const Reply reply = client.get(url, world.org_key(org));
    REQUIRE(reply.code == CURLE_OK);
    REQUIRE(reply.status == 200);
    all += reply.body;
    url = find_link(reply.headers, "next").value_or("");
  }
  CHECK(client.get(url, world.org_key(org)).body == "[]");
  CHECK(world.accepted(world.org_port(org)) == 1);
  world.with_org(org, [&](model::OktaOrg& okta) {
    CHECK(all == okta.log().page(0, 100) + okta.log().page(100, 200) + okta.log().page(200, 250));
    CHECK(okta.counts().misuses == 0);
  });
}

TEST_CASE("world: a certificate is trusted only as it should be") {
  World world;
  const std::size_t org = world.add_org({.tls = true});
  Client client(world);
  CHECK(client.get(first_url(world, org), world.org_key(org)).code == CURLE_OK);
  for (const Trust trust : {Trust::wrong_name, Trust::stranger, Trust::expired}) {
    world.set_trust(world.org_port(org), trust);
    Client another(world);
    CHECK(another.get(first_url(world, org), world.org_key(org)).code == CURLE_PEER_FAILED_VERIFICATION);
  }
}

TEST_CASE("world: an answer is cut, stalled, delayed or without end") {
  const bool tls = GENERATE(false, true);
  World world;
  const std::size_t org = world.add_org({.tls = tls});
  world.issue_past(org, 100, 1h);
  const auto ask = [&](model::OktaFault fault) {
    world.with_org(org, [&](model::OktaOrg& okta) { okta.inject(std::move(fault), 1); });
    Client client(world);
    client.timeout_ms = 300;
    return client.get(first_url(world, org), world.org_key(org));
  };
  using model::Ending;
  namespace fault = model::fault;

  const Reply cut = ask(fault::Cut{.bytes = 50'000, .ending = Ending::fin});
  CHECK((cut.code == CURLE_PARTIAL_FILE || cut.code == CURLE_RECV_ERROR));
  CHECK(cut.body.size() > 40'000);
  CHECK(cut.body.size() < 50'000);
  CHECK(ask(fault::Cut{.bytes = 50'000, .ending = Ending::reset}).code == CURLE_RECV_ERROR);
  const Reply stalled = ask(fault::Cut{.bytes = 50'000, .ending = Ending::stall});
  CHECK(stalled.code == CURLE_OPERATION_TIMEDOUT);
  CHECK(stalled.body.size() > 40'000);
  CHECK(ask(fault::hang()).code == CURLE_OPERATION_TIMEDOUT);
  CHECK(ask(fault::hang()).status == 0);
  CHECK((ask(fault::Cut{}).code == CURLE_GOT_NOTHING || tls));
  CHECK(ask(fault::Delay{30s}).code == CURLE_OPERATION_TIMEDOUT);
  CHECK(ask(fault::Delay{20ms}).status == 200);
  const Reply endless = ask(fault::Endless{});
  CHECK(endless.code == CURLE_OPERATION_TIMEDOUT);
  CHECK(endless.body.size() > 1'000'000);
}

TEST_CASE("world: a connection may be closed after an answer, and the next request gets a fresh one") {
  World world;
  const std::size_t org = world.add_org();
  world.with_org(org, [](model::OktaOrg& okta) { okta.inject(model::fault::CloseAfter{}, 1); });
  Client client(world);
  CHECK(client.get(first_url(world, org), world.org_key(org)).status == 200);
  CHECK(client.get(first_url(world, org), world.org_key(org)).status == 200);
  CHECK(world.accepted(world.org_port(org)) == 2);
}

TEST_CASE("world: the listener takes a bulk and hands its lines to the ledger") {
  const auto protocol = GENERATE(Protocol::http_bulk, Protocol::https_bulk);
  World world;
  const std::size_t org = world.add_org();
  const std::size_t listener = world.add_listener({.protocol = protocol});
  world.issue(org, 1);
  const std::string event =
      world.with_org(org, [](model::OktaOrg& okta) { return okta.log().events()[0].bytes; });
  const std::string line =
      "{\"type\":\"okta\",\"tenant_name\":\"" + world.org_name(org) + "\"," + event.substr(1);
  Client client(world);
  const Reply reply = client.post(bulk_url(world, listener), gzip(line + "\n"), {"Content-Encoding: gzip"});
  CHECK(reply.status == 200);
  CHECK(reply.body.empty());
  CHECK(world.judge().proven());
  CHECK(world.judge().delivered == 1);
  CHECK(world.wait(
      1s, [&] { return world.with_ledger([](model::Ledger& ledger) { return ledger.complete(); }); }));

  const Reply partial = client.post(bulk_url(world, listener), "{\"a\":1}\nnot json\n");
  CHECK(partial.status == 400);
  CHECK(partial.body == R"({"malformedLines":1,"successfulLines":1,"oversizedLines":0,"emptyLogLines":0})");
  CHECK(client.post(world.listener_address(listener) + "/", "{}").status == 401);
}

TEST_CASE("world: a large bulk waits for 100 Continue and gets it") {
  World world;
  const std::size_t listener = world.add_listener({.settings = {.judge_lines = false, .keep_lines = false}});
  world.set_judging(false);
  std::string body;
  while (body.size() < 5'000'000) body += "{\"a\":\"" + std::string(2000, 'x') + "\"}\n";
  Client client(world);
  client.timeout_ms = 5000;
  const Reply reply = client.post(bulk_url(world, listener), body, {"Expect: 100-continue"});
  CHECK(reply.status == 200);
  world.with_listener(
      listener, [&](model::Listener& model) { CHECK(model.records().front().wire_bytes == body.size()); });
}

TEST_CASE("world: a bulk may be taken and never answered, or cut off on its way in") {
  const auto protocol = GENERATE(Protocol::http_bulk, Protocol::https_bulk);
  World world;
  world.set_judging(false);
  const std::size_t listener = world.add_listener({.protocol = protocol});
  const auto post = [&](model::ListenerFault fault) {
    world.with_listener(listener, [&](model::Listener& model) { model.inject(std::move(fault), 1); });
    Client client(world);
    client.timeout_ms = 300;
    return client.post(bulk_url(world, listener), "{\"a\":\"" + std::string(300'000, 'x') + "\"}\n");
  };
  const auto stored = [&] {
    return world.with_listener(listener, [](model::Listener& model) { return model.lines().size(); });
  };
  using model::Ending;
  namespace fault = model::fault;
  CHECK(post(fault::Unanswered{}).code != CURLE_OK);
  CHECK(stored() == 1);
  CHECK(post(fault::Unanswered{.stored = true, .ending = Ending::stall}).code == CURLE_OPERATION_TIMEDOUT);
  CHECK(stored() == 2);
  CHECK(post(fault::CutRequest{.bytes = 0, .ending = Ending::fin}).code != CURLE_OK);
  CHECK(post(fault::CutRequest{.bytes = 1000, .ending = Ending::reset}).code != CURLE_OK);
  CHECK(post(fault::CutRequest{.bytes = 1000, .ending = Ending::stall}).code == CURLE_OPERATION_TIMEDOUT);
  CHECK(post(fault::unavailable()).status == 503);
  CHECK(stored() == 2);
}

TEST_CASE("world: a client that is gone before its answer does no harm") {
  World world;
  const std::size_t org = world.add_org({.tls = true});
  world.issue_past(org, 1000, 1h);
  for (int i = 0; i < 5; ++i) {
    world.with_org(org, [](model::OktaOrg& okta) { okta.inject(model::fault::Delay{60ms}, 1); });
    Client client(world);
    client.timeout_ms = 50 + 10 * i;  // Before the answer, and in the middle of it.
    (void)client.get(first_url(world, org), world.org_key(org));
  }
  Client client(world);
  CHECK(client.get(first_url(world, org), world.org_key(org)).status == 200);
}

TEST_CASE("world: a port refuses connections and takes them again, on the same number") {
  World world;
  const std::size_t listener = world.add_listener({.protocol = Protocol::http_bulk});
  Client client(world);
  REQUIRE(client.post(bulk_url(world, listener), "{}").status == 200);
  world.refuse(world.listener_port(listener), true);
  for (int i = 0; i < 3; ++i)
    CHECK(client.post(bulk_url(world, listener), "{}").code == CURLE_COULDNT_CONNECT);
  world.refuse(world.listener_port(listener), false);
  CHECK(client.post(bulk_url(world, listener), "{}").status == 200);
}

TEST_CASE("world: lines over TCP are taken, and the end of stream is answered") {
  World world;
  world.set_judging(false);
  const std::size_t listener = world.add_listener({.protocol = Protocol::tcp_lines});
  const std::uint16_t port = world.port(world.listener_port(listener));
  const std::string line = "{\"token\":\"" + world.token() + "\",\"n\":1}\n";
  const auto send = [&](std::string_view bytes) {
    LineSocket socket(port);
    REQUIRE(socket.connected);
    socket.send_all(bytes);
    return socket.end_and_wait();
  };
  const auto stored = [&] {
    return world.with_listener(listener, [](model::Listener& model) { return model.lines().size(); });
  };
  CHECK(send(line + line + line) == 0);
  CHECK(stored() == 3);

  world.with_listener(listener, [&](model::Listener& model) {
    model.inject(model::fault::CutRequest{.bytes = line.size() + 5, .ending = model::Ending::reset}, 1);
  });
  CHECK(send(line + line + line) == -1);
  CHECK(stored() == 4);
  CHECK(send("{\"token\":\"wrong\"}\n") == 0);
  CHECK(stored() == 4);
}

TEST_CASE("world: a line connection's end of stream may stay unanswered, or its bytes unread") {
  World world;
  world.set_judging(false);
  const std::size_t listener = world.add_listener({.protocol = Protocol::tcp_lines});
  const std::string line = "{\"token\":\"" + world.token() + "\",\"n\":1}\n";
  using Fault = model::ListenerFault;
  const Fault fault = GENERATE(Fault(model::fault::SilentEnd{}),
                               Fault(model::fault::CutRequest{.bytes = 10, .ending = model::Ending::stall}));
  world.with_listener(listener, [&](model::Listener& model) { model.inject(fault, 1); });
  LineSocket socket(world.port(world.listener_port(listener)), 1);
  socket.send_all(line);
  CHECK(socket.end_and_wait() == -1);
  CHECK(world.standing(world.listener_port(listener)) == 1);
  const bool read = std::holds_alternative<model::fault::SilentEnd>(fault);
  world.with_listener(listener,
                      [&](model::Listener& model) { CHECK(model.lines().size() == (read ? 1 : 0)); });
}

TEST_CASE("world: the proxy lets known users through, to names that exist only behind the proxy") {
  World world;
  const std::size_t org = world.add_org({.host = "acme.okta.com"});
  const std::size_t listener = world.add_listener({.host = "listener.logz.io"});
  const PortId proxy = world.add_proxy({.user = "user", .password = "p@ss"});
  CHECK(world.org_domain(org) == "acme.okta.com");
  CHECK(world.listener_address(listener) == "https://listener.logz.io");
  world.issue(org, 1);
  Client client(world);
  client.proxy = "http://127.0.0.1:" + std::to_string(world.port(proxy));
  const std::string url = "https://acme.okta.com/api/v1/logs?since=" + format_rfc3339(World::now() - 24h);
  CHECK(client.get(url, world.org_key(org)).code != CURLE_OK);
  CHECK(world.tunnels_refused() == 1);

  client.proxy_login = "user:p@ss";
  const Reply reply = client.get(url, world.org_key(org));
  REQUIRE(reply.status == 200);
  CHECK(find_link(reply.headers, "next")->starts_with("https://acme.okta.com/api/v1/logs?"));
  CHECK(client.post("https://listener.logz.io:8071/?token=" + world.token(), "{}").status == 200);
  CHECK(world.tunnels() == std::vector<std::string>{"acme.okta.com:443", "listener.logz.io:8071"});
  CHECK(client.get("https://other.okta.com/", "key").code != CURLE_OK);
  CHECK(world.tunnels_refused() == 2);
}

TEST_CASE("world: the trap records what should never have been sent") {
  World world;
  const PortId trap = world.add_trap();
  CHECK(world.trap_calls() == 0);
  Client client(world);
  client.timeout_ms = 300;
  (void)client.get("http://127.0.0.1:" + std::to_string(world.port(trap)) + "/stolen", "secret");
  CHECK(world.trap_calls() == 1);
  CHECK(world.trap_heard().contains("SSWS secret"));
}

TEST_CASE("world: a shared log is every org's own, with its own links and names") {
  World world;
  const auto log = std::make_shared<model::EventLog>();
  const std::size_t first = world.add_org({.log = log});
  const std::size_t second = world.add_org({.log = log});
  log->append({.bytes = "{}", .published = World::now() - 1min, .persisted = World::now() - 1min});
  Client client(world);
  CHECK(client.get(first_url(world, first), world.org_key(first)).body == "[{}]");
  const Reply reply = client.get(first_url(world, second), world.org_key(second));
  CHECK(reply.body == "[{}]");
  CHECK(find_link(reply.headers, "next")->starts_with(world.org_domain(second)));
}

TEST_CASE("world: the tenants file has an entry for each key") {
  World world;
  const std::size_t org = world.add_org({.keys = {"one", "two"}});
  CHECK(world.tenants_yaml() ==
        "tenants_credentials:\n  - okta_api_key: one\n    okta_domain: " + world.org_domain(org) +
            "\n  - okta_api_key: two\n    okta_domain: " + world.org_domain(org) + "\n");
}

}  // namespace
}  // namespace logzio_okta::sandbox
