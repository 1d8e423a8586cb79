// Listening on a TCP port, for our servers.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "logzio_okta/config/options.hpp"

#include "shell/os/descriptor.hpp"

namespace logzio_okta {

/// A non-blocking socket that listens there. The host is an IPv4 or IPv6 address or "localhost"; port 0 takes
/// a free one. The error names the address, `flag` ("--admin") and what to do.
std::expected<Descriptor, std::string> listen_on(const AdminAddress& address, const std::string& flag);
/// The port of a listening socket.
[[nodiscard]] std::uint16_t port_of(const Descriptor& socket);

}  // namespace logzio_okta
