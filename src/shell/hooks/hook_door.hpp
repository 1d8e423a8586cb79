// HookDoor: who may have a connection to the server for event hooks, and for how long.
//
//     HookDoor door(bounds);
//     if (!door.open(std::move(listening))) return complain("cannot watch the port");
//     wait_until_readable(door.fd(), door.deadline());
//     HookConnection* const connection = door.let_in(tls, now);  // When `newcomer` is ready.
//     if (connection != nullptr) talk(*connection);
//     door.drop_overdue(now);
//
// It accepts, makes room for newcomers by closing the connection that is nearest to its deadline, counts what
// is refused, and adds up the bytes of all bodies. The conversation itself is HookServer's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/address.hpp"
#include "logzio_okta/http/flood_guard.hpp"

#include "shell/hooks/hook_bounds.hpp"
#include "shell/hooks/hook_connection.hpp"
#include "shell/net/server_tls.hpp"
#include "shell/os/descriptor.hpp"

namespace logzio_okta {

class HookDoor {
 public:
  /// The id, among the events of fd(), of a client asking for a connection. Any other id is a connection's.
  static constexpr std::uint64_t newcomer = 0;

  explicit HookDoor(const HookBounds& bounds) : bounds_(bounds), guard_(bounds.flood) {}

  [[nodiscard]] bool open(Descriptor socket);
  /// Accepts no connections from now on.
  void close() { listener_ = {}; }
  /// The epoll descriptor.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// The next connection, if there is one that may stay. `tls`: nullptr for plain HTTP.
  [[nodiscard]] HookConnection* let_in(const ServerTls* tls, Instant now);
  /// Whether this connection's address may have it. If the address has its share already, its oldest
  /// connection is closed: a silent client must not shut out others that share the address.
  [[nodiscard]] bool has_room(const HookConnection& connection, Instant now);
  /// Null if the connection is gone.
  [[nodiscard]] HookConnection* find(std::uint64_t id);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

  /// From now on, waits for these events on its socket; 0: none.
  [[nodiscard]] bool watch(HookConnection& connection, std::uint32_t events);
  /// Adds what its body holds to all bodies' bytes. False if that is too much.
  [[nodiscard]] bool hold(HookConnection& connection, std::size_t bytes);
  void let_go(HookConnection& connection) { held_bytes_ -= std::exchange(connection.held, 0); }
  /// `broken`: it ended in the middle of a request.
  void drop(const HookConnection& connection, bool broken, Instant now);
  void drop_overdue(Instant now);
  /// Accepts again if there was no descriptor for it, and time has passed.
  void accept_again(Instant now);

  /// A refusal, which counts against the address.
  void blame(const HookConnection& connection, Instant now) { guard_.refused(connection.address, now); }
  [[nodiscard]] bool is_flooding(const HookConnection& connection, Instant now) const {
    return guard_.is_flooding(connection.address, now);
  }
  void count(HookRefusal kind) { ++refusals_.at(static_cast<std::size_t>(kind)); }
  /// Refusals that have not been reported yet.
  [[nodiscard]] std::optional<HooksRefused> next_refusals();

  /// When something is overdue.
  [[nodiscard]] Instant deadline() const;

 private:
  [[nodiscard]] bool watch(int fd, std::uint64_t id, std::uint32_t& current, std::uint32_t events);
  void watch_listener(std::uint32_t events);
  void listen_if_room();
  [[nodiscard]] HookConnection* admit(Descriptor socket, const IpAddress& peer, const ServerTls* tls,
                                      Instant now);
  bool make_room(const HookConnection* sharing, Instant now);

  HookBounds bounds_;
  FloodGuard guard_;
  Descriptor listener_;
  Descriptor epoll_;
  std::uint16_t port_ = 0;
  std::uint32_t listener_events_ = 0;
  Instant accepts_again_ = never;  ///< While no descriptor is left for another connection.
  std::unordered_map<std::uint64_t, std::unique_ptr<HookConnection>> connections_;
  std::uint64_t last_id_ = newcomer;
  std::size_t held_bytes_ = 0;
  std::array<std::uint64_t, hook_refusals_count> refusals_{};
};

}  // namespace logzio_okta
