// Connection: one conversation of the Server, as a state machine that never blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sandbox/request_reader.hpp"
#include "sandbox/server.hpp"
#include "sandbox/stream.hpp"

namespace logzio_okta::sandbox {

using Moment = std::chrono::steady_clock::time_point;

struct Port {
  PortId id;
  Fd socket;
  std::uint16_t number = 0;
  PortSpec spec;
  bool refused = false;
  std::size_t accepted = 0;
  std::size_t standing = 0;
};

class Connection {
 public:
  /// `find_port` says where a proxy may connect a client.
  Connection(Stream stream, Port& port, std::function<Port&(PortId)> find_port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Call when the descriptor is ready or the moment of `wake_at` has come: goes as far as it can.
  void on_ready(std::uint32_t events);
  void on_time(Moment now);
  void drop();

  [[nodiscard]] int fd() const { return stream_.fd(); }
  /// What epoll should wait for.
  [[nodiscard]] std::uint32_t interest() const;
  [[nodiscard]] std::optional<Moment> wake_at() const;
  [[nodiscard]] bool closed() const { return std::holds_alternative<Closed>(state_); }
  [[nodiscard]] const Port& port() const { return *port_; }

 private:
  struct Receiving {
    RequestReader reader;
    model::Intake intake;
  };
  struct Pausing {
    model::Answer answer;
    bool keep_alive;
    Moment until;
  };
  struct Sending {
    std::string head;
    std::shared_ptr<const std::string> body;
    std::string tail;
    model::Delivery delivery;
    bool keep_alive;
    std::size_t sent = 0;

    [[nodiscard]] std::string_view unsent() const;
    [[nodiscard]] bool whole() const { return sent >= head.size() + body->size() + tail.size(); }
  };
  struct Lines {
    model::LineConnection lines;
  };
  struct Trapped {};
  struct Draining {};  ///< We have ended our side; input is discarded until the peer ends its own.
  struct Stalled {
    bool peer_may_end;  ///< The peer's end of stream is part of the protocol; it does not end the connection.
  };
  struct Closed {};
  using State = std::variant<Receiving, Pausing, Sending, Lines, Trapped, Draining, Stalled, Closed>;
  using Next = std::optional<State>;  ///< Nothing: wait.

  [[nodiscard]] static State first_state(const Port& port);
  Next step(Receiving& receiving);
  Next step(Pausing&) { return std::nullopt; }
  Next step(Sending& sending);
  Next step(Lines& lines);
  Next step(Trapped&);
  Next step(Draining&);
  Next step(Stalled&) { return std::nullopt; }
  Next step(Closed&) { return std::nullopt; }

  Next on_head(Receiving& receiving);
  State tunnel(const model::Request& request);
  State answer_with(model::Answer answer, bool keep_alive);
  State send(model::Answer answer, bool keep_alive) const;
  State end_with(model::Ending ending, bool whole, bool keep_alive);
  /// Appends the input to `unread_`.
  IoState read_more();
  void move_to(Port& port);

  Stream stream_;
  Port* port_;
  std::function<Port&(PortId)> find_port_;
  std::string unread_;
  State state_;
};

}  // namespace logzio_okta::sandbox
