// HookServer: the door for Okta's event hooks, inside the loop.
//
//     GET  with X-Okta-Verification-Challenge    200 {"verification":"..."}
//     GET or HEAD /healthz without it            200, empty: for a load balancer's probe
//     POST with a credential the gate knows      whatever the core answers: 200, 204, 400, 403, 503
//     anything else                              refused with one line why
//
//     auto server = HookServer::listen(address, gate, std::move(tls));
//     if (!server) return complain(server.error());
//     wait_until_readable((*server)->fd(), (*server)->timeout());
//     (*server)->run();
//     while (auto arrival = (*server)->next_arrival()) handle(std::move(*arrival));
//     (*server)->answer(answer);  // Each HookArrived, once.
//
// It is open to the internet, so nothing a stranger does may cost more than it should:
// - run() ends after limits::hook_turn at the latest, and after no more time than the rest of the loop has
//   just had, so that neither a burst of TLS handshakes (half a millisecond each) nor a storm of requests
//   keeps polling from its turn. What is left over waits for the next one.
// - A connection has limits::hook_patience for a whole request, however slowly it speaks. When all places are
//   taken, or an address has its share of them, the one nearest to its end makes room, and one that has shown
//   a credential only when all have.
// - Within TLS it is bounded by bound_tls(), and one that goes beyond is left and counted.
// - A request is judged by its head; a body is taken only from who is let in, and all of them together are
//   bounded.
// - Requests of one connection are answered in order, one at a time. Whoever was refused is not heard
//   further.
//
// Who floods is told by the address, and no address keeps out who has a credential (FloodGuard). Behind a
// proxy that bounds.proxies names, the address is the one it tells: by the PROXY protocol before the first
// byte, or by X-Forwarded-For or Forwarded in each request. Those proxies may speak plain HTTP where we have
// no certificate; nobody else beyond loopback may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/address.hpp"
#include "logzio_okta/http/flood_guard.hpp"

#include "shell/hooks/hook_gate.hpp"
#include "shell/net/server_tls.hpp"

namespace logzio_okta {

struct HookBounds {
  std::size_t connections = limits::hook_connections_max;
  std::size_t connections_per_address = limits::hook_connections_per_address_max;
  std::size_t bodies_bytes = limits::hook_bodies_bytes_max;
  Duration patience = limits::hook_patience;
  Duration linger = limits::hook_linger;
  Duration ticket_key_life = limits::ticket_key_life;
  FloodBounds flood{};
  bool trusts_loopback = true;     ///< A reverse proxy there speaks for many: no limits by address.
  std::vector<IpBlock> proxies{};  ///< Likewise, and they are asked for whom.
};

class HookServer {
 public:
  /// The gate outlives the server. `tls`: nothing for plain HTTP. The error names the address and what to do.
  static std::expected<std::unique_ptr<HookServer>, std::string> listen(const AdminAddress& address,
                                                                        const HookGate& gate,
                                                                        std::optional<ServerTls> tls,
                                                                        const HookBounds& bounds = {});
  HookServer(const HookServer&) = delete;
  HookServer& operator=(const HookServer&) = delete;
  ~HookServer();

  /// Readable when run() has something to do.
  [[nodiscard]] int fd() const;
  /// How long run() may wait for fd(); nothing if for ever.
  [[nodiscard]] std::optional<Duration> timeout() const;
  /// Never blocks. Harmless when there is nothing to do.
  void run();
  /// The oldest not read yet: HookArrived, HooksRefused or HookVerified.
  [[nodiscard]] std::optional<Input> next_arrival();
  /// One whose client has gone is ignored.
  void answer(const AnswerHook& answer);

  /// For connections from now on.
  void replace_tls(ServerTls&& tls);
  /// Nobody new comes in; who waits for an answer still gets it.
  void stop_listening();
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  explicit HookServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
