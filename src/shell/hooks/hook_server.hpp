// HookServer: the HTTP server for Okta's event hooks, inside the loop.
//
//     GET  with X-Okta-Verification-Challenge    200 {"verification":"..."}
//     GET or HEAD /healthz without it            200, empty: for a load balancer's probe
//     POST with a credential the gate knows      the core's answer: 200, 204, 400, 403, 503
//     anything else                              refused, with the reason in one line
//
//     auto server = HookServer::listen(address, gate, std::move(tls));
//     if (!server) return complain(server.error());
//     wait_until_readable((*server)->fd(), (*server)->timeout());
//     (*server)->run();
//     while (auto arrival = (*server)->next_arrival()) handle(std::move(*arrival));
//     (*server)->answer(answer);  // Each HookArrived, once.
//
// It is open to the internet, so the cost of a stranger's requests is bounded:
// - run() takes at most limits::hook_turn, and no longer than the rest of the loop just took, so neither a
//   burst of TLS handshakes (half a millisecond each) nor of requests delays polling. The remaining work
//   waits for the next turn.
// - A connection has limits::hook_patience for a whole request. If all slots are taken, or an address has
//   used its share, the connection nearest to its deadline is closed; one that has shown a credential only if
//   all have.
// - Work within TLS is bounded by bound_tls(); a connection that exceeds it is dropped and counted.
// - A request is accepted or refused by its head; bodies are read only from accepted requests, and their
//   total is bounded.
// - Requests of one connection are answered in order, one at a time. After a refusal nothing more is read.
//
// Floods are limited by address, but a client with a credential is never shut out (FloodGuard). Behind a
// proxy in bounds.proxies, the client's address is the one it names: by the PROXY protocol before the first
// byte, or by X-Forwarded-For or Forwarded in each request. Those proxies may use plain HTTP if we have no
// certificate; beyond loopback no other client may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"

#include "shell/hooks/hook_bounds.hpp"
#include "shell/hooks/hook_gate.hpp"
#include "shell/net/server_tls.hpp"

namespace logzio_okta {

class HookServer {
 public:
  /// The gate must outlive the server. `tls`: nothing for plain HTTP. The error names the address and what to
  /// do.
  static std::expected<std::unique_ptr<HookServer>, std::string> listen(const AdminAddress& address,
                                                                        const HookGate& gate,
                                                                        std::optional<ServerTls> tls,
                                                                        const HookBounds& bounds = {});
  HookServer(const HookServer&) = delete;
  HookServer& operator=(const HookServer&) = delete;
  ~HookServer();

  /// Readable if run() has something to do.
  [[nodiscard]] int fd() const;
  /// How long to wait for fd() before calling run(); nothing: forever.
  [[nodiscard]] std::optional<Duration> timeout() const;
  /// Never blocks. Harmless if there is nothing to do.
  void run();
  /// The oldest input not read yet: HookArrived, HooksRefused or HookVerified.
  [[nodiscard]] std::optional<Input> next_arrival();
  /// Ignored if the client is gone.
  void answer(const AnswerHook& answer);

  /// For connections accepted from now on.
  void replace_tls(ServerTls&& tls);
  /// Accepts no new connections; waiting clients still get their answers.
  void stop_listening();
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  explicit HookServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
