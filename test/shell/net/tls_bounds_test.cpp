#include "shell/net/tls_bounds.hpp"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "shell/loopback_server.hpp"
#include "shell/net/line_channel.hpp"
#include "shell/net/server_tls.hpp"
#include "shell/network_bench.hpp"
#include "tools/certificates.hpp"
#include "tools/tls_client.hpp"

using namespace logzio_okta;
using namespace logzio_okta::test;

namespace {

using Context = std::unique_ptr<SSL_CTX, openssl::Release<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, openssl::Release<SSL_free>>;
using Session = std::unique_ptr<SSL_SESSION, openssl::Release<SSL_SESSION_free>>;

constexpr const char* gcm = "ECDHE-ECDSA-AES128-GCM-SHA256";

/// How many bytes wait at a socket.
std::size_t waiting_at(int fd) {
  int bytes = 0;
  REQUIRE(ioctl(fd, FIONREAD, &bytes) == 0);
  return static_cast<std::size_t>(bytes);
}

std::array<int, 2> two_ends() {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return ends;
}

/// Our server, by a certificate of its own.
struct Server {
  Certificate certificate = Authority().issue({"localhost"});
  TemporaryFile certificate_file{certificate.certificate_pem};
  TemporaryFile key_file{certificate.key_pem};
  std::vector<std::string> warnings;
  ServerTls tls = ServerTls::load(certificate_file.path(), key_file.path(), warnings).value();
};

/// A client of OpenSSL's, and our end of its connection.
struct Talk {
  Context context;
  Connection client;
  ServerChannel channel;
  int client_fd;

  Talk(const Server& server, int version, const char* ciphers = gcm, SSL_SESSION* session = nullptr)
      : Talk(server, version, ciphers, session, two_ends()) {}
  Talk(const Server& server, int version, const char* ciphers, SSL_SESSION* session, std::array<int, 2> ends)
      : context(SSL_CTX_new(TLS_client_method())),
        channel(Descriptor(ends[0]), &server.tls),
        client_fd(ends[1]) {
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_security_level(context.get(), 0);
    REQUIRE(SSL_CTX_set_cipher_list(context.get(), ciphers) == 1);
    client.reset(SSL_new(context.get()));
    SSL_set_fd(client.get(), client_fd);
    SSL_set_connect_state(client.get());
    if (session != nullptr) SSL_set_session(client.get(), session);
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;
  ~Talk() { ::close(client_fd); }

  /// False where the two do not agree.
  bool shake_hands() {
    for (int i = 0; i < 10; ++i) {
      const bool theirs = SSL_do_handshake(client.get()) == 1;
      const Flow ours = channel.shake_hands();
      if (ours == Flow::ended) return false;
      if (theirs && ours == Flow::moved) return true;
    }
    return false;
  }
  bool send_key_update(int kind = SSL_KEY_UPDATE_NOT_REQUESTED) {
    return SSL_key_update(client.get(), kind) == 1 && SSL_do_handshake(client.get()) == 1;
  }
  Flow read(std::string& into) {
    std::array<char, 16 * limits::KiB> room{};
    std::size_t count = 0;
    const Flow flow = channel.read(room.data(), room.size(), count);
    if (flow == Flow::moved) into.append(room.data(), count);
    return flow;
  }
  /// Reads again and again, while `fill` keeps something to read there, and checks that no call takes more
  /// than so much of it. Returns how many calls it took until the connection was closed.
  std::size_t calls_until_left(const std::function<void()>& fill, std::size_t bytes_max) {
    constexpr std::size_t far_too_many = 10 * limits::tls_idle_records_max;
    for (std::size_t calls = 1; calls <= far_too_many; ++calls) {
      fill();
      const std::size_t before = waiting_at(channel.fd());
      std::string data;
      const Flow flow = read(data);
      const std::size_t took = before - waiting_at(channel.fd());
      CHECK(data.empty());
      if (took > bytes_max) FAIL("one call took " + std::to_string(took) + " bytes");
      if (flow == Flow::ended) return calls;
    }
    FAIL("it is never left");
    return 0;
  }
};

// A handshake message of 20,000 bytes in records of one byte each.
std::string crumbs(char type, std::size_t count) {
  std::string message = {type, '\0', '\x4e', '\x20'};
  std::string records;
  for (std::size_t i = 0; i < count; ++i) {
    records.append("\x16\x03\x03\x00\x01", 5).push_back(i < message.size() ? message[i] : '\x03');
  }
  return records;
}
constexpr std::size_t crumb_bytes = 6;

/// What a server sends to give a client nothing but work, until the client disconnects.
void flood(Peer& peer) {
  constexpr int many = 100'000;
  peer.read_head();
  static_cast<void>(peer.send_idle_records(many));
  peer.hold();
}

}  // namespace

TEST_CASE("tls bounds: a client's key updates are taken one a call, and after so many it is left") {
  const Server server;
  for (const int kind : {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED}) {
    Talk talk(server, TLS1_3_VERSION);
    REQUIRE(talk.shake_hands());
    constexpr std::size_t record_bytes = 27;  // A header, five bytes and a tag.
    const std::size_t calls = talk.calls_until_left([&] { talk.send_key_update(kind); }, record_bytes);
    CHECK(calls <= 2 * (limits::tls_idle_records_max + 1));  // One to take it, one to answer it.
    CHECK(talk.channel.is_abused());
    std::string data;
    CHECK(talk.read(data) == Flow::ended);
    std::size_t written = 0;
    CHECK(talk.channel.write("answer", written) == Flow::ended);
  }
}

TEST_CASE("tls bounds: a client's requests to renegotiate are bounded as well") {
  const Server server;
  Talk talk(server, TLS1_2_VERSION);
  REQUIRE(talk.shake_hands());
  RecordWriter writer(talk.client.get());
  constexpr unsigned char handshake = 22;
  const std::string hello("\x01\x00\x00\x00", 4);
  constexpr std::size_t record_bytes = 5 + 8 + 4 + 16;
  const auto fill = [&] {
    while (writer.write(handshake, hello)) {
    }
  };
  CHECK(talk.calls_until_left(fill, record_bytes) <= limits::tls_idle_records_max + 1);
  CHECK(talk.channel.is_abused());
}

TEST_CASE("tls bounds: a handshake in crumbs is given up, on either side") {
  constexpr std::size_t crumbs_max = limits::tls_idle_records_max + 1;
  constexpr char client_hello = 1;
  constexpr char server_hello = 2;
  const Server server;
  Talk talk(server, TLS1_3_VERSION);
  const std::string many = crumbs(client_hello, 4 * crumbs_max);
  REQUIRE(::send(talk.client_fd, many.data(), many.size(), 0) == static_cast<ssize_t>(many.size()));
  CHECK(talk.channel.shake_hands() == Flow::ended);
  CHECK(many.size() - waiting_at(talk.channel.fd()) <= crumbs_max * crumb_bytes);
  CHECK(talk.channel.is_abused());

  const Trust trust = Trust::load(std::nullopt).value();
  const TlsContext context = line_tls_context(trust);
  const std::array<int, 2> ends = two_ends();
  const Descriptor peer(ends[1]);
  LineChannel channel(ends[0], context.get(), "localhost");
  CHECK(channel.handshake() == LineChannel::Step::empty);
  const std::string more = crumbs(server_hello, 4 * crumbs_max);
  REQUIRE(::send(peer.get(), more.data(), more.size(), 0) == static_cast<ssize_t>(more.size()));
  CHECK(channel.handshake() == LineChannel::Step::broken);
  CHECK(more.size() - waiting_at(channel.socket()) <= crumbs_max * crumb_bytes);
  CHECK_THAT(channel.trouble(), Catch::Matchers::Contains("records without data"));
}

TEST_CASE("tls bounds: data makes up for key updates, a few bytes do not") {
  const Server server;
  Talk talk(server, TLS1_3_VERSION);
  REQUIRE(talk.shake_hands());
  const std::string page(4 * limits::KiB, 'x');
  std::string data;
  constexpr std::size_t rounds = 3 * limits::tls_idle_records_max;
  for (std::size_t i = 0; i < rounds; ++i) {
    REQUIRE(talk.send_key_update());
    REQUIRE(SSL_write(talk.client.get(), page.data(), static_cast<int>(page.size())) > 0);
    while (talk.read(data) == Flow::moved || waiting_at(talk.channel.fd()) > 0) {
    }
  }
  CHECK(data.size() == rounds * page.size());
  CHECK_FALSE(talk.channel.is_abused());

  bool left = false;
  for (std::size_t i = 0; i < rounds && !left; ++i) {
    left = !talk.send_key_update() || SSL_write(talk.client.get(), "x", 1) <= 0;
    while (!left && waiting_at(talk.channel.fd()) > 0) left = talk.read(data) == Flow::ended;
  }
  CHECK(left);
  CHECK(talk.channel.is_abused());
}

TEST_CASE("tls bounds: a server that we ask is left when it sends nothing but TLS, not waited for") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    CAPTURE(version);
    const LoopbackServer hostile(authority.issue({"localhost"}), flood, version);
    NetworkBench bench({.ca_file = ca_file.path()});
    bench.ask(domain("localhost:" + std::to_string(hostile.port())));
    const TransportError error = error_of(bench.okta_answer());
    CHECK(error.fault != TransportFault::timed_out);

    const LoopbackServer listener(
        authority.issue({"localhost"}),
        [](Peer& peer) {
          static_cast<void>(peer.send_idle_records(100'000));
          peer.hold();
        },
        version);
    NetworkBench bulk(
        {.listener = "tls://localhost:" + std::to_string(listener.port()), .ca_file = ca_file.path()});
    bulk.send("{\"n\":1}\n");
    const TransportError cut = bulk.bulk_error();
    CHECK(cut.fault == TransportFault::cut);
    CHECK_THAT(cut.text, Catch::Matchers::Contains("records without data"));
  }
}

TEST_CASE("tls bounds: our server has no cipher of TLS 1.2 without a key of its own and authentication") {
  const Server server;
  CHECK(Talk(server, TLS1_2_VERSION, gcm).shake_hands());
  CHECK(Talk(server, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305").shake_hands());
  CHECK_FALSE(Talk(server, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256").shake_hands());
  CHECK_FALSE(Talk(server, TLS1_2_VERSION, "AES128-GCM-SHA256").shake_hands());
  CHECK_FALSE(Talk(server, TLS1_1_VERSION, "ALL").shake_hands());
}

TEST_CASE("tls bounds: a ticket is good until its key has lived long enough") {
  Server server;
  const Instant start = Instant{} + 1h;
  const auto resumes = [&](SSL_SESSION* session) {
    Talk again(server, TLS1_2_VERSION, gcm, session);
    REQUIRE(again.shake_hands());
    return SSL_session_reused(again.client.get()) == 1;
  };
  server.tls.renew_ticket_key(start, 1h);
  Talk first(server, TLS1_2_VERSION);
  REQUIRE(first.shake_hands());
  const Session session(SSL_get1_session(first.client.get()));
  server.tls.renew_ticket_key(start + 59min, 1h);
  CHECK(resumes(session.get()));
  server.tls.renew_ticket_key(start + 1h, 1h);
  CHECK_FALSE(resumes(session.get()));
}
