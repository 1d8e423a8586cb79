// Server: one thread that serves any number of ports of 127.0.0.1 from one epoll loop.
//
// It knows bytes, HTTP/1.1, TLS and every way a connection can end; what is said on a port is decided by its
// Role, whose functions are called on the server's thread. Calls from other threads are forwarded to it and
// wait until they are done, so the caller must not hold a lock that a role takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>

#include "model/answer.hpp"
#include "model/listener.hpp"
#include "sandbox/stream.hpp"

namespace logzio_okta::sandbox {

struct PortId {
  std::size_t index = 0;
};

/// Requests and answers.
struct HttpRole {
  std::function<model::Intake(const model::Request& head)> admit;
  std::function<model::Answer(const model::Request&)> handle;
};
/// Lines without an answer.
struct LinesRole {
  std::function<model::LineConnection()> connect;
  std::function<bool(model::LineConnection&, std::string_view)> feed;
  std::function<bool(model::LineConnection&)> finish;
};
/// Reads every byte and never sends one.
struct TrapRole {
  std::function<void()> connected;
  std::function<void(std::string_view)> hear;
};
/// A proxy for CONNECT. Where it lets a client through, the connection becomes one of that port, as seen from
/// outside a tunnel to it.
struct ProxyRole {
  std::function<std::variant<PortId, model::Answer>(const model::Request&)> route;
};
using Role = std::variant<HttpRole, LinesRole, TrapRole, ProxyRole>;

struct PortSpec {
  Role role;
  TlsContext tls;  ///< Null: plain.
  model::Framing framing = model::Framing::content_length;
  std::uint16_t port = 0;  ///< 0: any free one.
};

class Server {
 public:
  /// Throws std::system_error, as do the others, when the system has no more to give.
  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  PortId add(PortSpec spec);
  [[nodiscard]] std::uint16_t number(PortId port) const;
  /// Refuses connections (and resets open ones) until told otherwise; the port stays ours.
  void refuse(PortId port, bool refused);
  /// Resets every connection of a port.
  void drop(PortId port);
  /// For connections made from now on.
  void set_tls(PortId port, TlsContext tls);
  void set_framing(PortId port, model::Framing framing);
  /// Connections accepted so far, and those open now.
  [[nodiscard]] std::size_t accepted(PortId port) const;
  [[nodiscard]] std::size_t standing(PortId port) const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace logzio_okta::sandbox
