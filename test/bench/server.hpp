// Server: HTTPS on loopback for the bench, in one thread and as cheap as it can be, so that what is measured
// is the daemon. It understands what the daemon sends and nothing else.
//
//     Server server(tls, [](Request&& request) { return Answer{...}; });
//     server.turn(10ms);          // Whatever is ready, or came due meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"

#include "sandbox/stream.hpp"

namespace logzio_okta::bench {

struct Request {
  std::string_view target;
  std::string_view host;  ///< Without the port.
  std::string body;
};

struct Answer {
  std::string head;  ///< Status line and headers, up to and with the empty line.
  std::shared_ptr<const std::string> body = nullptr;
  Duration delay = {};
  std::function<void()> sent = nullptr;  ///< Called when the last byte was handed to the system.
};

class Server {
 public:
  /// Binds a free port. Throws std::system_error.
  Server(sandbox::TlsContext tls, std::function<Answer(Request&&)> answer);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// From now on no body is read: a listener that has stopped.
  void stop_reading_bodies() { reads_bodies_ = false; }
  void turn(Duration wait);

 private:
  struct Connection;
  void accept_all();
  void watch(Connection& connection, std::uint32_t events) const;
  void move_on(Connection& connection);
  bool read_some(Connection& connection);
  bool take_requests(Connection& connection);
  bool write_some(Connection& connection);
  void start_due(Instant now);

  sandbox::TlsContext tls_;
  std::function<Answer(Request&&)> answer_;
  sandbox::Fd epoll_;
  sandbox::Fd listening_;
  std::uint16_t port_ = 0;
  bool reads_bodies_ = true;
  std::map<int, std::unique_ptr<Connection>> connections_;
  std::multimap<Instant, int> due_;  ///< Answers held back, by connection.
};

[[nodiscard]] Instant steady_now();

}  // namespace logzio_okta::bench
