#include "shell/hooks/hook_door.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "logzio_okta/base/limits.hpp"

#include "shell/net/listen_socket.hpp"

namespace logzio_okta {
namespace {

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

bool HookDoor::open(Descriptor socket) {
  listener_ = std::move(socket);
  port_ = port_of(listener_);
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  return epoll_ && watch(listener_.get(), newcomer, listener_events_, EPOLLIN);
}

/// `current`: the events already watched for; 0: none.
bool HookDoor::watch(int fd, std::uint64_t id, std::uint32_t& current, std::uint32_t events) {
  if (current == events) return true;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  const int change = current == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  current = events;
  return ::epoll_ctl(epoll_.get(), change, fd, &event) == 0;
}

bool HookDoor::watch(HookConnection& connection, std::uint32_t events) {
  return watch(connection.channel.fd(), connection.id, connection.events, events);
}

void HookDoor::watch_listener(std::uint32_t events) {
  static_cast<void>(watch(listener_.get(), newcomer, listener_events_, events));
}

void HookDoor::listen_if_room() {
  accepts_again_ = never;
  if (listener_) watch_listener(EPOLLIN);
}

void HookDoor::accept_again(Instant now) {
  if (now >= accepts_again_) listen_if_room();
}

HookConnection* HookDoor::let_in(const ServerTls* tls, Instant now) {
  if (connections_.size() >= bounds_.connections && !make_room(nullptr, now)) {
    watch_listener(0);  // Until one of them closes.
    return nullptr;
  }
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  Descriptor socket(::accept4(listener_.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) return admit(std::move(socket), address_of(address), tls, now);
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return nullptr;
  watch_listener(0);  // It would be ready at once, and in vain.
  accepts_again_ = now + limits::accept_rest;
  return nullptr;
}

/// Closes the connection nearest to its deadline that does not wait for us; only one that shares the address
/// of `sharing`, if given. Connections that have shown a credential come last.
bool HookDoor::make_room(const HookConnection* sharing, Instant now) {
  const auto worth = [](const HookConnection& each) { return std::pair(each.proven, each.until); };
  const HookConnection* first = nullptr;
  for (const auto& [id, connection] : connections_) {
    if (connection->phase == HookPhase::waiting) continue;
    if (sharing != nullptr && !shares_address(*connection, *sharing)) continue;
    if (first == nullptr || worth(*connection) < worth(*first)) first = connection.get();
  }
  if (first == nullptr) return false;
  drop(*first, first->spoke, now);
  return true;
}

HookConnection* HookDoor::admit(Descriptor socket, const IpAddress& peer, const ServerTls* tls, Instant now) {
  const bool by_proxy =
      std::ranges::any_of(bounds_.proxies, [&](const IpBlock& each) { return each.contains(peer); });
  if (tls == nullptr && !by_proxy && !peer.is_loopback()) {
    count(HookRefusal::cleartext);
    return nullptr;
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::uint64_t number = ++last_id_;
  auto connection = std::make_unique<HookConnection>(number, ServerChannel(std::move(socket), tls));
  connection->address = key_of(peer);
  connection->by_proxy = by_proxy;
  connection->trusted = by_proxy || (peer.is_loopback() && bounds_.trusts_loopback);
  connection->until = now + bounds_.patience;
  if (by_proxy) connection->phase = HookPhase::announced;
  if (!has_room(*connection, now)) return nullptr;
  return connections_.emplace(number, std::move(connection)).first->second.get();
}

bool HookDoor::has_room(const HookConnection& connection, Instant now) {
  if (connection.trusted) return true;
  const auto same = static_cast<std::size_t>(std::ranges::count_if(
      connections_, [&](const auto& each) { return shares_address(*each.second, connection); }));
  const bool full = same >= bounds_.connections_per_address;
  const bool may = guard_.may_connect(connection.address, now);
  if (full || !may) count(HookRefusal::flooding);
  if (!may) return false;
  return !full || make_room(&connection, now);
}

HookConnection* HookDoor::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

bool HookDoor::hold(HookConnection& connection, std::size_t bytes) {
  held_bytes_ += bytes;
  held_bytes_ -= connection.held;
  connection.held = bytes;
  return held_bytes_ <= bounds_.bodies_bytes;
}

void HookDoor::drop_overdue(Instant now) {
  std::vector<const HookConnection*> overdue;
  for (const auto& [id, connection] : connections_) {
    if (now >= connection->until) overdue.push_back(connection.get());
  }
  for (const HookConnection* connection : overdue)
    drop(*connection, connection->phase != HookPhase::lingering, now);
}

void HookDoor::drop(const HookConnection& connection, bool broken, Instant now) {
  const bool begun = connection.phase == HookPhase::announced ||
                     connection.phase == HookPhase::shaking_hands || connection.reader.begun();
  const bool cut = broken && connection.spoke && begun && connection.phase != HookPhase::waiting &&
                   connection.phase != HookPhase::lingering;
  if (cut || connection.channel.is_abused()) {
    count(HookRefusal::broken);
    blame(connection, now);
  }
  held_bytes_ -= connection.held;
  // Closing its socket ends the watch.
  connections_.erase(connection.id);
  listen_if_room();
}

std::optional<HooksRefused> HookDoor::next_refusals() {
  const auto untold = std::ranges::find_if(refusals_, [](std::uint64_t count) { return count > 0; });
  if (untold == refusals_.end()) return std::nullopt;
  return HooksRefused{.kind = static_cast<HookRefusal>(untold - refusals_.begin()),
                      .count = std::exchange(*untold, 0)};
}

Instant HookDoor::deadline() const {
  Instant first = accepts_again_;
  for (const auto& [id, connection] : connections_) first = std::min(first, connection->until);
  return first;
}

}  // namespace logzio_okta
