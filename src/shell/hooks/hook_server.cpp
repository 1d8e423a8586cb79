#include "shell/hooks/hook_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <iterator>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/http/forwarded.hpp"
#include "logzio_okta/http/request.hpp"
#include "logzio_okta/okta/hook.hpp"

#include "shell/net/listen_socket.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

constexpr Duration turn_min = 500us;                       // Per turn of the loop, even if it is busy.
constexpr std::size_t read_bytes = 16 * limits::KiB;       // At once.
constexpr std::size_t linger_bytes_max = 1 * limits::MiB;  // Read and discarded, so that the answer arrives.
constexpr int steps_max = 32;                              // Of one connection, before the next has its turn.
constexpr std::uint64_t listener_id = 0;

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

HookRefusal kind_of(int status) {
  return status == 413 || status == 431 ? HookRefusal::too_large : HookRefusal::malformed;
}

std::string compose(int status, std::string_view type, std::string_view body, bool keeps_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
  text.append(reason_of(status)).append("\r\nDate: ").append(format_http_date(wall_now()));
  text.append("\r\nConnection: ").append(keeps_alive ? "keep-alive" : "close");
  text.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
  if (status == 405) text.append("Allow: GET, POST\r\n");
  if (status != 204) {
    if (!body.empty()) text.append("Content-Type: ").append(type).append("\r\n");
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  }
  return text.append("\r\n").append(status == 204 ? "" : body);
}

IpAddress address_of(const sockaddr_storage& address) {
  const void* const raw = &address;
  if (address.ss_family == AF_INET) {
    const void* const v4 = &static_cast<const sockaddr_in*>(raw)->sin_addr;
    return IpAddress::v4(std::span<const unsigned char, IpAddress::v4_bytes>(
        static_cast<const unsigned char*>(v4), IpAddress::v4_bytes));
  }
  const in6_addr& v6 = static_cast<const sockaddr_in6*>(raw)->sin6_addr;
  return IpAddress::v6(std::span<const unsigned char, IpAddress::bytes>(v6.s6_addr));
}

}  // namespace

struct HookServer::Impl {
  enum class Phase : std::uint8_t {
    announced,  ///< A proxy may name its client.
    shaking_hands,
    reading,
    waiting,  ///< For the core's answer.
    writing,
    lingering,  ///< The answer is sent; waits for the client to close, or its time to end.
  };
  struct Connection {
    Connection(std::uint64_t number, ServerChannel&& with) : id(number), channel(std::move(with)) {}

    std::uint64_t id;
    ServerChannel channel;
    AddressKey address{};   ///< Refusals are counted by this.
    bool trusted = false;   ///< The address is a proxy's: no limit by address.
    bool by_proxy = false;  ///< By a proxy that must name its client,
    bool named = false;     ///< and has done so for the whole connection.
    bool proven = false;    ///< It has shown a credential.
    ProxyHeader announcement;
    Phase phase = Phase::shaking_hands;
    RequestReader reader{limits::hook_body_bytes_max};
    LetIn let_in;        ///< Of the accepted request.
    std::string unread;  ///< Bytes after those the reader took.
    std::string out;
    std::size_t held = 0;  ///< Its share of all bodies' bytes.
    std::size_t lingered = 0;
    bool closes = false;       ///< Once `out` is written.
    bool spoke = false;        ///< At least one byte came.
    std::uint32_t events = 0;  ///< The events it waits for.
    Instant until;
  };
  /// Two different connections that count together.
  static bool shares_address(const Connection& a, const Connection& b) {
    return &a != &b && !a.trusted && !b.trusted && a.address == b.address;
  }
  using Connections = std::unordered_map<std::uint64_t, std::unique_ptr<Connection>>;

  Impl(const HookGate& gate_given, std::optional<ServerTls> tls_given, const HookBounds& bounds_given)
      : gate(gate_given), tls(std::move(tls_given)), bounds(bounds_given), guard(bounds_given.flood) {}

  bool start(Descriptor socket);
  bool watch(int fd, std::uint64_t id, std::uint32_t& now, std::uint32_t events);
  void listen_if_room();

  void accept_one();
  bool make_room(const Connection* newcomer = nullptr);
  void admit(Descriptor socket, const IpAddress& peer);
  [[nodiscard]] bool is_proxy(const IpAddress& peer) const;
  bool has_room(Connection& connection);
  void drop_overdue();
  void drop(Connection& connection, bool broken);

  void advance(Connection& connection);
  bool step(Connection& connection);
  bool wait_for(Connection& connection, Flow flow);
  bool hear_proxy(Connection& connection);
  bool heard_proxy(Connection& connection);
  bool read(Connection& connection);
  bool digest(Connection& connection);
  bool look_at_head(Connection& connection);
  bool hold(Connection& connection, std::size_t bytes);
  bool hand_over(Connection& connection);
  bool write(Connection& connection);
  bool linger(Connection& connection);
  void say(Connection& connection, int status, std::string_view type, std::string_view body,
           bool keeps_alive);
  void turn_away(Connection& connection, HookRefusal kind, int status, std::string_view why);
  void count(HookRefusal kind) { ++refusals.at(static_cast<std::size_t>(kind)); }

  const HookGate& gate;
  std::optional<ServerTls> tls;
  HookBounds bounds;
  FloodGuard guard;
  Descriptor listener;
  Descriptor epoll;
  std::uint16_t port = 0;
  std::uint32_t listener_events = 0;
  Instant accepts_again = never;  ///< While no descriptor is left for another connection.
  Connections connections;
  std::deque<std::uint64_t> again;  ///< Connections that can continue without a new event.
  std::uint64_t last_id = listener_id;
  std::size_t held_bytes = 0;
  Instant now{};
  Instant rested{};  ///< When the last turn ended.
  std::deque<Input> arrivals;
  std::array<std::uint64_t, hook_refusals_count> refusals{};  ///< Not reported yet.
};

// Listening.

bool HookServer::Impl::start(Descriptor socket) {
  listener = std::move(socket);
  port = port_of(listener);
  epoll = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  return epoll && watch(listener.get(), listener_id, listener_events, EPOLLIN);
}

/// `current`: the events already watched for; 0: none.
bool HookServer::Impl::watch(int fd, std::uint64_t id, std::uint32_t& current, std::uint32_t events) {
  if (current == events) return true;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  const int change = current == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  current = events;
  return ::epoll_ctl(epoll.get(), change, fd, &event) == 0;
}

void HookServer::Impl::listen_if_room() {
  accepts_again = never;
  if (listener) watch(listener.get(), listener_id, listener_events, EPOLLIN);
}

void HookServer::Impl::accept_one() {
  if (connections.size() >= bounds.connections && !make_room()) {
    watch(listener.get(), listener_id, listener_events, 0);  // Until one of them closes.
    return;
  }
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  Descriptor socket(::accept4(listener.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) return admit(std::move(socket), address_of(address));
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
  watch(listener.get(), listener_id, listener_events, 0);  // It would be ready at once, and in vain.
  accepts_again = now + limits::accept_rest;
}

/// Closes the connection nearest to its deadline that does not wait for us; only one of the newcomer's
/// address, if there is a newcomer. Connections that have shown a credential come last.
bool HookServer::Impl::make_room(const Connection* newcomer) {
  const auto worth = [](const Connection& each) { return std::pair(each.proven, each.until); };
  Connection* first = nullptr;
  for (const auto& [id, connection] : connections) {
    if (connection->phase == Phase::waiting) continue;
    if (newcomer != nullptr && !shares_address(*connection, *newcomer)) continue;
    if (first == nullptr || worth(*connection) < worth(*first)) first = connection.get();
  }
  if (first == nullptr) return false;
  drop(*first, first->spoke);
  return true;
}

bool HookServer::Impl::is_proxy(const IpAddress& peer) const {
  return std::ranges::any_of(bounds.proxies, [&](const IpBlock& each) { return each.contains(peer); });
}

void HookServer::Impl::admit(Descriptor socket, const IpAddress& peer) {
  const bool by_proxy = is_proxy(peer);
  if (!tls && !by_proxy && !peer.is_loopback()) {
    count(HookRefusal::cleartext);
    return;
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::uint64_t id = ++last_id;
  auto connection = std::make_unique<Connection>(id, ServerChannel(std::move(socket), tls ? &*tls : nullptr));
  connection->address = key_of(peer);
  connection->by_proxy = by_proxy;
  connection->trusted = by_proxy || (peer.is_loopback() && bounds.trusts_loopback);
  connection->until = now + bounds.patience;
  if (by_proxy) connection->phase = Phase::announced;
  if (!has_room(*connection)) return;
  Connection& added = *connections.emplace(id, std::move(connection)).first->second;
  advance(added);
}

/// Whether this connection's address may have it. If the address has its share already, its oldest connection
/// is closed: a silent client must not shut out others that share the address.
bool HookServer::Impl::has_room(Connection& connection) {
  if (connection.trusted) return true;
  const auto same = static_cast<std::size_t>(std::ranges::count_if(
      connections, [&](const auto& each) { return shares_address(*each.second, connection); }));
  const bool full = same >= bounds.connections_per_address;
  const bool may = guard.may_connect(connection.address, now);
  if (full || !may) count(HookRefusal::flooding);
  if (!may) return false;
  return !full || make_room(&connection);
}

void HookServer::Impl::drop_overdue() {
  std::vector<Connection*> overdue;
  for (const auto& [id, connection] : connections) {
    if (now >= connection->until) overdue.push_back(connection.get());
  }
  for (Connection* connection : overdue) drop(*connection, connection->phase != Phase::lingering);
}

/// `broken`: in the middle of a request.
void HookServer::Impl::drop(Connection& connection, bool broken) {
  const bool begun = connection.phase == Phase::announced || connection.phase == Phase::shaking_hands ||
                     connection.reader.begun();
  const bool cut = broken && connection.spoke && begun && connection.phase != Phase::waiting &&
                   connection.phase != Phase::lingering;
  if (cut || connection.channel.is_abused()) {
    count(HookRefusal::broken);
    guard.refused(connection.address, now);
  }
  held_bytes -= connection.held;
  // Closing its socket ends the watch.
  connections.erase(connection.id);
  listen_if_room();
}

// One connection.

void HookServer::Impl::advance(Connection& connection) {
  const std::uint64_t id = connection.id;
  for (int steps = 0; steps < steps_max; ++steps) {
    if (!step(connection)) return;
  }
  again.push_back(id);
}

/// False if it must wait, or is gone.
bool HookServer::Impl::step(Connection& connection) {
  switch (connection.phase) {
    case Phase::announced:
      return hear_proxy(connection);
    case Phase::shaking_hands: {
      const Flow flow = connection.channel.shake_hands();
      if (flow != Flow::moved) {
        connection.spoke = connection.spoke || flow == Flow::ended;
        return wait_for(connection, flow);
      }
      connection.phase = Phase::reading;
      return true;
    }
    case Phase::reading:
      return read(connection);
    case Phase::waiting:
      return false;
    case Phase::writing:
      return write(connection);
    case Phase::lingering:
      return linger(connection);
  }
  return false;
}

bool HookServer::Impl::wait_for(Connection& connection, Flow flow) {
  const std::uint32_t events = flow == Flow::wants_write ? EPOLLOUT : EPOLLIN;
  if (flow == Flow::ended || !watch(connection.channel.fd(), connection.id, connection.events, events)) {
    drop(connection, true);
  }
  return false;
}

/// The PROXY header comes before TLS: it is read from the socket itself, and no byte after it.
bool HookServer::Impl::hear_proxy(Connection& connection) {
  const int fd = connection.channel.fd();
  std::array<char, limits::proxy_header_bytes_max> bytes;  // NOLINT(*-member-init): read into.
  const ssize_t there = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK);
  if (there <= 0) {
    const bool later = there < 0 && (errno == EAGAIN || errno == EINTR);
    return wait_for(connection, later ? Flow::wants_read : Flow::ended);
  }
  connection.spoke = true;
  ProxyHeader& header = connection.announcement;
  const std::string_view seen(bytes.data(), static_cast<std::size_t>(there));
  if (header.taken().empty() && !ProxyHeader::may_begin_with(seen.front())) return heard_proxy(connection);
  const std::size_t taken = header.feed(seen);
  if (::recv(fd, bytes.data(), taken, 0) != static_cast<ssize_t>(taken)) {
    return wait_for(connection, Flow::ended);
  }
  switch (header.stage()) {
    case ProxyHeader::Stage::reading:
      return true;
    case ProxyHeader::Stage::absent:
      // TLS never begins like this; in the clear it was the beginning of a request.
      if (tls) return wait_for(connection, Flow::ended);
      connection.unread = header.taken();
      return heard_proxy(connection);
    case ProxyHeader::Stage::broken:
      return wait_for(connection, Flow::ended);
    case ProxyHeader::Stage::whole:
      return heard_proxy(connection);
  }
  return false;
}

bool HookServer::Impl::heard_proxy(Connection& connection) {
  connection.phase = Phase::shaking_hands;
  const std::optional<IpAddress>& client = connection.announcement.client();
  if (!client) return true;
  connection.named = true;
  connection.address = key_of(*client);
  connection.trusted = client->is_loopback() && bounds.trusts_loopback;
  if (has_room(connection)) return true;
  drop(connection, false);
  return false;
}

bool HookServer::Impl::read(Connection& connection) {
  if (!connection.unread.empty()) return digest(connection);
  std::array<char, read_bytes> bytes;  // NOLINT(*-member-init): read into.
  std::size_t got = 0;
  const Flow flow = connection.channel.read(bytes.data(), bytes.size(), got);
  if (flow != Flow::moved) return wait_for(connection, flow);
  connection.spoke = true;
  connection.unread.assign(bytes.data(), got);
  return digest(connection);
}

/// Feeds the reader and acts on the result.
bool HookServer::Impl::digest(Connection& connection) {
  RequestReader& reader = connection.reader;
  for (;;) {
    switch (reader.stage()) {
      case RequestReader::Stage::headed:
        if (!look_at_head(connection)) return true;
        break;
      case RequestReader::Stage::whole:
        return hand_over(connection);
      case RequestReader::Stage::broken:
        turn_away(connection, kind_of(reader.fault().status), reader.fault().status, reader.fault().why);
        return true;
      case RequestReader::Stage::head:
      case RequestReader::Stage::body:
        if (connection.unread.empty()) return true;
        connection.unread.erase(0, reader.feed(connection.unread));
        if (!hold(connection, reader.body().size())) return true;
        break;
    }
  }
}

/// False if the request has been answered.
bool HookServer::Impl::look_at_head(Connection& connection) {
  RequestReader& reader = connection.reader;
  if (connection.by_proxy && !connection.named) {
    if (const auto client = forwarded_client(reader, bounds.proxies)) connection.address = key_of(*client);
  }
  const Admission admission = gate.judge(reader);
  if (const auto* away = std::get_if<TurnedAway>(&admission)) {
    if (guard.is_flooding(connection.address, now)) {
      turn_away(connection, HookRefusal::flooding, 429, "refused too often");
    } else {
      turn_away(connection, away->kind, away->status, away->why);
    }
    return false;
  }
  if (const auto* verification = std::get_if<Verification>(&admission)) {
    if (!verification->let_in) guard.refused(connection.address, now);
    connection.proven = connection.proven || verification->let_in;
    arrivals.emplace_back(HookVerified{.let_in = verification->let_in});
    say(connection, 200, "application/json", verification_answer(verification->challenge), false);
    return false;
  }
  if (std::holds_alternative<HealthProbe>(admission)) {
    say(connection, 200, {}, {}, false);
    return false;
  }
  if (reader.expects_continue()) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    std::size_t written = 0;
    // The first bytes of an answer always fit; a connection that cannot take them is useless.
    if (connection.channel.write(go_on, written) != Flow::moved || written != go_on.size()) {
      connection.until = now;
    }
  }
  connection.proven = true;
  connection.let_in = std::get<LetIn>(admission);
  reader.take_body();
  return true;
}

/// Counts the bytes of bodies; if there is no room, answers that and returns false.
bool HookServer::Impl::hold(Connection& connection, std::size_t bytes) {
  held_bytes += bytes;
  held_bytes -= connection.held;
  connection.held = bytes;
  if (held_bytes <= bounds.bodies_bytes) return true;
  turn_away(connection, HookRefusal::unavailable, 503, "too much at once; try again");
  return false;
}

bool HookServer::Impl::hand_over(Connection& connection) {
  connection.phase = Phase::waiting;
  watch(connection.channel.fd(), connection.id, connection.events, 0);
  connection.until = now + bounds.patience;  // Okta gives up long before.
  arrivals.emplace_back(HookArrived{.id = HookId{connection.id},
                                    .body = std::move(connection.reader.body()),
                                    .region = std::move(connection.let_in.region),
                                    .destination = {},
                                    .accounts = std::move(connection.let_in.accounts)});
  return false;
}

void HookServer::Impl::say(Connection& connection, int status, std::string_view type, std::string_view body,
                           bool keeps_alive) {
  connection.out = compose(status, type, body, keeps_alive);
  connection.closes = !keeps_alive;
  connection.phase = Phase::writing;
  connection.until = now + bounds.patience;
}

void HookServer::Impl::turn_away(Connection& connection, HookRefusal kind, int status, std::string_view why) {
  count(kind);
  guard.refused(connection.address, now);
  say(connection, status, "text/plain; charset=utf-8", std::string(why) + "\n", false);
}

bool HookServer::Impl::write(Connection& connection) {
  std::size_t written = 0;
  const Flow flow = connection.channel.write(connection.out, written);
  if (flow != Flow::moved) return wait_for(connection, flow);
  connection.out.erase(0, written);
  if (!connection.out.empty()) return true;
  if (connection.closes) {
    connection.channel.end_writing();
    connection.phase = Phase::lingering;
    connection.until = now + bounds.linger;
    connection.unread.clear();
    return true;
  }
  connection.reader.next();
  connection.phase = Phase::reading;
  connection.until = now + bounds.patience;
  return true;
}

/// Closing with unread bytes would reset the connection and lose the answer.
bool HookServer::Impl::linger(Connection& connection) {
  std::array<char, read_bytes> bytes;  // NOLINT(*-member-init): read into.
  const ssize_t got = ::recv(connection.channel.fd(), bytes.data(), bytes.size(), 0);
  if (got > 0) {
    connection.lingered += static_cast<std::size_t>(got);
    if (connection.lingered <= linger_bytes_max) return true;
  } else if (got < 0 && errno == EAGAIN) {
    return wait_for(connection, Flow::wants_read);
  }
  drop(connection, false);
  return false;
}

// The interface.

HookServer::HookServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HookServer::~HookServer() = default;

std::expected<std::unique_ptr<HookServer>, std::string> HookServer::listen(const AdminAddress& address,
                                                                           const HookGate& gate,
                                                                           std::optional<ServerTls> tls,
                                                                           const HookBounds& bounds) {
  auto socket = listen_on(address, "--hooks");
  if (!socket) return std::unexpected(socket.error());
  auto impl = std::make_unique<Impl>(gate, std::move(tls), bounds);
  if (!impl->start(std::move(*socket))) return std::unexpected("cannot watch the port of --hooks");
  return std::unique_ptr<HookServer>(new HookServer(std::move(impl)));
}

int HookServer::fd() const {
  return impl_->epoll.get();
}

std::optional<Duration> HookServer::timeout() const {
  if (!impl_->again.empty() || !impl_->arrivals.empty()) return Duration::zero();
  Instant first = impl_->accepts_again;
  for (const auto& [id, connection] : impl_->connections) first = std::min(first, connection->until);
  if (first == never) return std::nullopt;
  return std::max(Duration::zero(), first - steady_now());
}

void HookServer::run() {
  Impl& self = *impl_;
  self.now = steady_now();
  const Instant over = self.now + std::clamp(self.now - self.rested, turn_min, limits::hook_turn);
  if (self.tls) self.tls->renew_ticket_key(self.now, self.bounds.ticket_key_life);
  self.drop_overdue();
  if (self.now >= self.accepts_again) self.listen_if_room();
  const auto go_on = [&] { return (self.now = steady_now()) < over; };

  std::deque<std::uint64_t> again = std::exchange(self.again, {});
  for (; !again.empty() && go_on(); again.pop_front()) {
    const auto found = self.connections.find(again.front());
    if (found != self.connections.end()) self.advance(*found->second);
  }
  std::ranges::move(again, std::back_inserter(self.again));

  // A small number at once: the rest come first in the next call.
  std::array<epoll_event, 8> events;  // NOLINT(*-member-init): written by epoll_wait.
  while (go_on()) {
    const int count = ::epoll_wait(self.epoll.get(), events.data(), static_cast<int>(events.size()), 0);
    if (count <= 0) break;
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
      self.now = steady_now();
      if (event.data.u64 == listener_id) {
        self.accept_one();
        continue;
      }
      const auto found = self.connections.find(event.data.u64);
      if (found != self.connections.end()) self.advance(*found->second);
    }
  }
  self.rested = steady_now();
}

std::optional<Input> HookServer::next_arrival() {
  Impl& self = *impl_;
  if (!self.arrivals.empty()) {
    Input arrival = std::move(self.arrivals.front());
    self.arrivals.pop_front();
    return arrival;
  }
  const auto untold = std::ranges::find_if(self.refusals, [](std::uint64_t count) { return count > 0; });
  if (untold == self.refusals.end()) return std::nullopt;
  return HooksRefused{.kind = static_cast<HookRefusal>(untold - self.refusals.begin()),
                      .count = std::exchange(*untold, 0)};
}

void HookServer::answer(const AnswerHook& answer) {
  Impl& self = *impl_;
  const auto found = self.connections.find(answer.id.value);
  if (found == self.connections.end()) return;
  Impl::Connection& connection = *found->second;
  CHECK(connection.phase == Impl::Phase::waiting);
  self.now = steady_now();
  self.held_bytes -= std::exchange(connection.held, 0);
  const bool taken = answer.status < 300;
  if (answer.status >= 400 && answer.status < 500) self.guard.refused(connection.address, self.now);
  const std::string body = answer.why.empty() ? std::string() : answer.why + "\n";
  self.say(connection, answer.status, "text/plain; charset=utf-8", body,
           (taken || answer.status == 503) && connection.reader.keeps_alive());
  self.advance(connection);
}

void HookServer::replace_tls(ServerTls&& tls) {
  impl_->tls = std::move(tls);
}

void HookServer::stop_listening() {
  impl_->listener = {};
}

std::uint16_t HookServer::port() const {
  return impl_->port;
}

std::size_t HookServer::connections() const {
  return impl_->connections.size();
}

}  // namespace logzio_okta
