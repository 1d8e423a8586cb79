// HookConnection: one connection to the server for event hooks, and how far its conversation has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/flood_guard.hpp"
#include "logzio_okta/http/forwarded.hpp"
#include "logzio_okta/http/request.hpp"

#include "shell/hooks/hook_gate.hpp"
#include "shell/net/server_tls.hpp"

namespace logzio_okta {

enum class HookPhase : std::uint8_t {
  announced,  ///< A proxy may name its client.
  shaking_hands,
  reading,
  waiting,  ///< For the core's answer.
  writing,
  lingering,  ///< The answer is sent; waits for the client to close, or its time to end.
};

struct HookConnection {
  HookConnection(std::uint64_t number, ServerChannel&& with) : id(number), channel(std::move(with)) {}

  std::uint64_t id;
  ServerChannel channel;
  AddressKey address{};   ///< Refusals are counted by this.
  bool trusted = false;   ///< The address is a proxy's: no limit by address.
  bool by_proxy = false;  ///< It came through a proxy that must name its client,
  bool named = false;     ///< and has done so for the whole connection.
  bool proven = false;    ///< It has shown a credential.
  ProxyHeader announcement;
  HookPhase phase = HookPhase::shaking_hands;
  RequestReader reader{limits::hook_body_bytes_max};
  LetIn let_in;        ///< How the request was accepted.
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
[[nodiscard]] inline bool shares_address(const HookConnection& a, const HookConnection& b) {
  return &a != &b && !a.trusted && !b.trusted && a.address == b.address;
}

}  // namespace logzio_okta
