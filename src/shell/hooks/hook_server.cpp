#include "shell/hooks/hook_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/forwarded.hpp"
#include "logzio_okta/http/request.hpp"
#include "logzio_okta/http/response_text.hpp"
#include "logzio_okta/okta/hook.hpp"

#include "shell/hooks/hook_connection.hpp"
#include "shell/hooks/hook_door.hpp"
#include "shell/net/listen_socket.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

constexpr Duration turn_min = 500us;                       // Per turn of the loop, even if it is busy.
constexpr std::size_t read_bytes = 16 * limits::KiB;       // At once.
constexpr std::size_t linger_bytes_max = 1 * limits::MiB;  // Read and discarded, so that the answer arrives.
constexpr int steps_max = 32;  // Steps of one connection before the next has its turn.

HookRefusal kind_of(int status) {
  return status == 413 || status == 431 ? HookRefusal::too_large : HookRefusal::malformed;
}

}  // namespace

struct HookServer::Impl {
  using Connection = HookConnection;
  using Phase = HookPhase;

  Impl(const HookGate& gate_given, std::optional<ServerTls> tls_given, const HookBounds& bounds_given)
      : gate(gate_given), tls(std::move(tls_given)), bounds(bounds_given), door(bounds_given) {}

  void advance(Connection& connection);
  bool step(Connection& connection);
  bool wait_for(Connection& connection, Flow flow);
  bool hear_proxy(Connection& connection);
  bool heard_proxy(Connection& connection);
  bool read(Connection& connection);
  bool digest(Connection& connection);
  bool look_at_head(Connection& connection);
  bool hand_over(Connection& connection);
  bool write(Connection& connection);
  bool linger(Connection& connection);
  void say(Connection& connection, int status, std::string_view type, std::string_view body,
           bool keeps_alive);
  void turn_away(Connection& connection, HookRefusal kind, int status, std::string_view why);

  const HookGate& gate;
  std::optional<ServerTls> tls;
  HookBounds bounds;
  HookDoor door;
  std::deque<std::uint64_t> again;  ///< Connections that can continue without a new event.
  Instant now{};
  Instant rested{};  ///< When the last turn ended.
  std::deque<Input> arrivals;
};

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
  if (flow == Flow::ended || !door.watch(connection, events)) {
    door.drop(connection, true, now);
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
  if (door.has_room(connection, now)) return true;
  door.drop(connection, false, now);
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
        if (!door.hold(connection, reader.body().size())) {
          turn_away(connection, HookRefusal::unavailable, 503, "too much at once; try again");
          return true;
        }
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
    if (door.is_flooding(connection, now)) {
      turn_away(connection, HookRefusal::flooding, 429, "refused too often");
    } else {
      turn_away(connection, away->kind, away->status, away->why);
    }
    return false;
  }
  if (const auto* verification = std::get_if<Verification>(&admission)) {
    if (!verification->let_in) door.blame(connection, now);
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

bool HookServer::Impl::hand_over(Connection& connection) {
  connection.phase = Phase::waiting;
  static_cast<void>(door.watch(connection, 0));
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
  connection.out = response_text(status, type, body, keeps_alive, wall_now());
  connection.closes = !keeps_alive;
  connection.phase = Phase::writing;
  connection.until = now + bounds.patience;
}

void HookServer::Impl::turn_away(Connection& connection, HookRefusal kind, int status, std::string_view why) {
  door.count(kind);
  door.blame(connection, now);
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
  door.drop(connection, false, now);
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
  if (!impl->door.open(std::move(*socket))) return std::unexpected("cannot watch the port of --hooks");
  return std::unique_ptr<HookServer>(new HookServer(std::move(impl)));
}

int HookServer::fd() const {
  return impl_->door.fd();
}

std::optional<Duration> HookServer::timeout() const {
  if (!impl_->again.empty() || !impl_->arrivals.empty()) return Duration::zero();
  const Instant first = impl_->door.deadline();
  if (first == never) return std::nullopt;
  return std::max(Duration::zero(), first - steady_now());
}

void HookServer::run() {
  Impl& self = *impl_;
  self.now = steady_now();
  const Instant over = self.now + std::clamp(self.now - self.rested, turn_min, limits::hook_turn);
  if (self.tls) self.tls->renew_ticket_key(self.now, self.bounds.ticket_key_life);
  self.door.drop_overdue(self.now);
  self.door.accept_again(self.now);
  const auto go_on = [&] { return (self.now = steady_now()) < over; };

  std::deque<std::uint64_t> again = std::exchange(self.again, {});
  for (; !again.empty() && go_on(); again.pop_front()) {
    if (auto* const connection = self.door.find(again.front())) self.advance(*connection);
  }
  std::ranges::move(again, std::back_inserter(self.again));

  // A small number at once: the rest come first in the next call.
  std::array<epoll_event, 8> events;  // NOLINT(*-member-init): written by epoll_wait.
  while (go_on()) {
    const int count = ::epoll_wait(self.door.fd(), events.data(), static_cast<int>(events.size()), 0);
    if (count <= 0) break;
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
      self.now = steady_now();
      auto* const connection = event.data.u64 == HookDoor::newcomer
                                   ? self.door.let_in(self.tls ? &*self.tls : nullptr, self.now)
                                   : self.door.find(event.data.u64);
      if (connection != nullptr) self.advance(*connection);
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
  if (auto refused = self.door.next_refusals()) return *refused;
  return std::nullopt;
}

void HookServer::answer(const AnswerHook& answer) {
  Impl& self = *impl_;
  auto* const found = self.door.find(answer.id.value);
  if (found == nullptr) return;
  HookConnection& connection = *found;
  CHECK(connection.phase == HookPhase::waiting);
  self.now = steady_now();
  self.door.let_go(connection);
  const bool taken = answer.status < 300;
  if (answer.status >= 400 && answer.status < 500) self.door.blame(connection, self.now);
  const std::string body = answer.why.empty() ? std::string() : answer.why + "\n";
  self.say(connection, answer.status, "text/plain; charset=utf-8", body,
           (taken || answer.status == 503) && connection.reader.keeps_alive());
  self.advance(connection);
}

void HookServer::replace_tls(ServerTls&& tls) {
  impl_->tls = std::move(tls);
}

void HookServer::stop_listening() {
  impl_->door.close();
}

std::uint16_t HookServer::port() const {
  return impl_->door.port();
}

std::size_t HookServer::connections() const {
  return impl_->door.connections();
}

}  // namespace logzio_okta
