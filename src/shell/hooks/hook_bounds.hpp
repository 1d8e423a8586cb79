// HookBounds: what strangers may cost the server for event hooks, and which peers it trusts.
#pragma once

#include <cstddef>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/address.hpp"
#include "logzio_okta/http/flood_guard.hpp"

namespace logzio_okta {

struct HookBounds {
  std::size_t connections = limits::hook_connections_max;
  std::size_t connections_per_address = limits::hook_connections_per_address_max;
  std::size_t bodies_bytes = limits::hook_bodies_bytes_max;
  Duration patience = limits::hook_patience;
  Duration linger = limits::hook_linger;
  Duration ticket_key_life = limits::ticket_key_life;
  FloodBounds flood{};
  bool trusts_loopback = true;     ///< A reverse proxy there has many clients: no limits by address.
  std::vector<IpBlock> proxies{};  ///< The same, and they must name their clients.
};

}  // namespace logzio_okta
