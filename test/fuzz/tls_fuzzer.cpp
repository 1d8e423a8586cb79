// What a peer may send within TLS, at any time, to the hook's port and on a line connection: a real OpenSSL
// peer that shakes hands, updates its keys, asks to renegotiate, hands out tickets, sends data, ends and is
// cut in the middle of a record, or sends bytes of its own. No call may take more than it is allowed to, data
// arrives as it was sent, and no line connection seems to be ended by a peer that has not ended it.
#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "fuzz/input.hpp"
#include "shell/net/line_channel.hpp"
#include "shell/net/server_tls.hpp"
#include "tools/certificates.hpp"

using namespace logzio_okta;

namespace {

using Context = std::unique_ptr<SSL_CTX, test::openssl::Release<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, test::openssl::Release<SSL_free>>;

constexpr std::size_t steps_max = 200;

std::string written(const std::string& text) {
  std::string path = "/tmp/logzio-okta-fuzz-XXXXXX";
  const int fd = ::mkstemp(path.data());
  CHECK(fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(fd);
  return path;
}

/// Made once: a certificate for both, our server, and our client's trust in the certificate's authority.
struct World {
  test::Authority authority;
  test::Certificate certificate = authority.issue({"localhost"});
  std::string ca_file = written(authority.pem());
  std::string certificate_file = written(certificate.certificate_pem);
  std::string key_file = written(certificate.key_pem);
  std::vector<std::string> warnings;
  ServerTls server = ServerTls::load(certificate_file, key_file, warnings).value();
  Trust trust = Trust::load(ca_file).value();
  TlsContext lines = line_tls_context(trust);

  World() {
    std::signal(SIGPIPE, SIG_IGN);  // As the daemon does: the peer may be gone.
    for (const std::string& path : {ca_file, certificate_file, key_file}) ::unlink(path.c_str());
  }
};

/// The peer, whose bytes reach us when and as far as the input says.
class Peer {
 public:
  Peer(const World& world, int fd, bool is_server, int version)
      : fd_(fd), context_(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), version);
    if (is_server) {
      const test::openssl::Bio certificate(BIO_new_mem_buf(world.certificate.certificate_pem.data(), -1));
      const test::openssl::Bio key(BIO_new_mem_buf(world.certificate.key_pem.data(), -1));
      const test::openssl::Cert x(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
      const test::openssl::Key k(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
      CHECK(SSL_CTX_use_certificate(context_.get(), x.get()) == 1);
      CHECK(SSL_CTX_use_PrivateKey(context_.get(), k.get()) == 1);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    is_server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { close(); }

  void shake() { static_cast<void>(SSL_do_handshake(ssl_.get())); }
  void say(std::string_view data) {
    if (SSL_write(ssl_.get(), data.data(), static_cast<int>(data.size())) > 0) said.append(data);
  }
  void update_key(bool asks) {
    static_cast<void>(
        SSL_key_update(ssl_.get(), asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED));
    shake();
  }
  void renegotiate() {
    static_cast<void>(SSL_renegotiate(ssl_.get()));
    shake();
  }
  void hand_out_ticket() {
    static_cast<void>(SSL_new_session_ticket(ssl_.get()));
    shake();
  }
  void listen() {
    std::array<char, 4096> room{};
    const ssize_t count = ::recv(fd_, room.data(), room.size(), 0);
    if (count > 0) BIO_write(SSL_get_rbio(ssl_.get()), room.data(), static_cast<int>(count));
    static_cast<void>(SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size())));
  }
  void end() {
    static_cast<void>(SSL_shutdown(ssl_.get()));
    has_ended = true;
  }
  /// At most this many of the bytes that wait to be sent.
  void deliver(std::size_t bytes_max) {
    std::array<char, 4096> room{};
    const int count =
        BIO_read(SSL_get_wbio(ssl_.get()), room.data(), static_cast<int>(std::min(bytes_max, room.size())));
    if (count > 0) deliver_raw({room.data(), static_cast<std::size_t>(count)});
  }
  void deliver_raw(std::string_view bytes) {
    static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    has_ended = true;
  }

  std::string said;
  bool has_ended = false;

 private:
  int fd_;
  Context context_;
  Connection ssl_;
};

void act(fuzz::Input& input, Peer& peer) {
  switch (input.below(12)) {
    case 0:
      return peer.say(std::string(1 + input.below(5000), 'd'));
    case 1:
      return peer.update_key(input.flag());
    case 2:
      return peer.renegotiate();
    case 3:
      return peer.hand_out_ticket();
    case 4:
      return peer.end();
    case 5:
      return peer.deliver_raw(input.take(input.below(64)));
    case 6:
      return peer.deliver(input.below(40));
    case 7:
      for (std::size_t i = input.below(200); i > 0; --i) peer.update_key(false);
      return;
    case 8:
      if (input.below(8) == 0) peer.close();
      return;
    case 9:
      peer.shake();
      return peer.deliver(4096);
    case 10:
      return peer.listen();
    default:
      return peer.deliver(4096);
  }
}

std::size_t waiting_at(int fd) {
  int bytes = 0;
  CHECK(::ioctl(fd, FIONREAD, &bytes) == 0);
  return static_cast<std::size_t>(bytes);
}

/// How many records begin in the first bytes that wait at a socket, as far as they look like records.
std::size_t records_in(std::string_view bytes) {
  std::size_t records = 0;
  while (!bytes.empty()) {
    ++records;
    if (bytes.size() < SSL3_RT_HEADER_LENGTH) break;
    const auto high = static_cast<unsigned char>(bytes[3]);
    const auto low = static_cast<unsigned char>(bytes[4]);
    const std::size_t size = SSL3_RT_HEADER_LENGTH + (static_cast<std::size_t>(high) << 8U | low);
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return records;
}

/// A call of ours that takes no more records from the socket than it may. Before a handshake is done that is
/// what is counted, then the one that it is called for, in four pieces at most.
template <class Call>
auto bounded(int fd, bool shaken, Call call) {
  constexpr std::size_t pieces_max = 8;
  static std::array<char, 256 * limits::KiB> room;
  const ssize_t waiting = ::recv(fd, room.data(), room.size(), MSG_PEEK);
  const std::size_t before = waiting_at(fd);
  const auto result = call();
  const std::size_t taken = before - waiting_at(fd);
  if (waiting > 0) {
    CHECK(records_in({room.data(), taken}) <= (shaken ? pieces_max : limits::tls_idle_records_max + 2));
  }
  return result;
}

void at_the_hook(const World& world, fuzz::Input& input, std::array<int, 2> ends, int version) {
  Peer peer(world, ends[1], false, version);
  ServerChannel channel{Descriptor(ends[0]), &world.server};
  std::string heard;
  bool shaken = false;
  std::array<char, 16 * limits::KiB> room{};
  for (std::size_t step = 0; step < steps_max && !input.empty(); ++step) {
    act(input, peer);
    if (!shaken) shaken = bounded(channel.fd(), false, [&] { return channel.shake_hands(); }) == Flow::moved;
    if (!shaken) continue;
    std::size_t idle = 0;
    for (;;) {
      std::size_t count = 0;
      const std::size_t before = waiting_at(channel.fd());
      const Flow flow =
          bounded(channel.fd(), true, [&] { return channel.read(room.data(), room.size(), count); });
      if (flow == Flow::moved) heard.append(room.data(), count);
      if (channel.is_abused()) CHECK(flow != Flow::wants_read);
      if (flow == Flow::ended || waiting_at(channel.fd()) == 0) break;
      idle = flow == Flow::moved ? 0 : idle + 1;
      CHECK(idle <= limits::tls_idle_records_max + 1);
      if (before == waiting_at(channel.fd()) && flow != Flow::moved) break;  // It waits to write.
    }
    std::size_t count = 0;
    if (input.flag()) static_cast<void>(channel.write("an answer", count));
  }
  // Whatever was forged in between, nothing arrives that the peer has not sent.
  CHECK(peer.said.starts_with(heard));
}

void on_a_line(const World& world, fuzz::Input& input, std::array<int, 2> ends, int version) {
  using Step = LineChannel::Step;
  Peer peer(world, ends[1], true, version);
  LineChannel channel(ends[0], world.lines.get(), "localhost");
  bool shaken = false;
  bool over = false;
  for (std::size_t step = 0; step < steps_max && !input.empty() && !over; ++step) {
    const auto look = [&](Step result) {
      over = result == Step::ended || result == Step::broken;
      if (result == Step::ended) CHECK(peer.has_ended);
      if (result == Step::broken) CHECK(!channel.trouble().empty());
      return result;
    };
    act(input, peer);
    if (!shaken) {
      shaken = look(bounded(channel.socket(), false, [&] { return channel.handshake(); })) == Step::done;
      continue;
    }
    std::size_t count = 0;
    switch (input.below(4)) {
      case 0:
        look(channel.write("{\"n\":1}\n", count));
        break;
      case 1:
        look(bounded(channel.socket(), true, [&] { return channel.finish(); }));
        break;
      default:
        look(bounded(channel.socket(), true, [&] { return channel.discard(); }));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  fuzz::Input input(data, size);
  std::array<int, 2> ends{};
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const int version = input.flag() ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (input.flag()) {
    at_the_hook(world, input, ends, version);
  } else {
    on_a_line(world, input, ends, version);
  }
  ERR_clear_error();
  return 0;
}
