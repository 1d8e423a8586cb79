#include "sandbox/connection.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <sys/epoll.h>

namespace logzio_okta::sandbox {
namespace {

// A body up to this size travels with its head in one segment.
constexpr std::size_t small_body_bytes = 16'384;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

Connection::Connection(Stream stream, Port& port, std::function<Port&(PortId)> find_port)
    : stream_(std::move(stream)), port_(&port), find_port_(std::move(find_port)), state_(Closed{}) {
  move_to(port);
  state_ = first_state(port);
}

Connection::~Connection() {
  --port_->standing;
}

void Connection::move_to(Port& port) {
  port_ = &port;
  ++port_->accepted;
  ++port_->standing;
  if (port.spec.tls) stream_.start_tls(port.spec.tls);
}

Connection::State Connection::first_state(const Port& port) {
  return std::visit(Overloaded{
                        [](const HttpRole&) -> State { return Receiving{}; },
                        [](const ProxyRole&) -> State { return Receiving{}; },
                        [](const LinesRole& role) -> State { return Lines{role.connect()}; },
                        [](const TrapRole& role) -> State {
                          role.connected();
                          return Trapped{};
                        },
                    },
                    port.spec.role);
}

void Connection::on_ready(std::uint32_t events) {
  const bool gone = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (gone && (std::holds_alternative<Pausing>(state_) || std::holds_alternative<Stalled>(state_))) {
    state_ = Closed{};
  }
  while (Next next = std::visit([this](auto& state) { return step(state); }, state_))
    state_ = std::move(*next);
}

void Connection::on_time(Moment now) {
  auto* pausing = std::get_if<Pausing>(&state_);
  if (pausing == nullptr || now < pausing->until) return;
  state_ = send(std::move(pausing->answer), pausing->keep_alive);
  on_ready(0);
}

void Connection::drop() {
  stream_.reset();
  state_ = Closed{};
}

std::uint32_t Connection::interest() const {
  const std::uint32_t reading = stream_.wants_write() ? EPOLLIN | EPOLLOUT : EPOLLIN;
  return std::visit(
      Overloaded{
          [](const Pausing&) -> std::uint32_t { return EPOLLRDHUP; },
          [](const Sending&) -> std::uint32_t { return EPOLLOUT; },
          [](const Stalled& stalled) -> std::uint32_t { return stalled.peer_may_end ? 0U : EPOLLRDHUP; },
          [&](const auto&) -> std::uint32_t { return reading; },
      },
      state_);
}

std::optional<Moment> Connection::wake_at() const {
  const auto* pausing = std::get_if<Pausing>(&state_);
  return pausing == nullptr ? std::nullopt : std::optional(pausing->until);
}

IoState Connection::read_more() {
  static thread_local std::array<char, std::size_t{256} << 10U> room;
  const IoResult result = stream_.read(room);
  if (result.state == IoState::moved) unread_.append(room.data(), result.bytes);
  return result.state;
}

Connection::Next Connection::step(Receiving& receiving) {
  using Stage = RequestReader::Stage;
  RequestReader& reader = receiving.reader;
  while (true) {
    if (reader.stage() == Stage::head_done) {
      if (Next next = on_head(receiving)) return next;
    }
    if (reader.stage() == Stage::body && reader.body_bytes() >= receiving.intake.bytes_max) {
      return end_with(receiving.intake.ending, false, false);
    }
    if (reader.stage() == Stage::done) {
      const bool keep_alive = reader.keeps_alive();
      return answer_with(std::get<HttpRole>(port_->spec.role).handle(reader.take()), keep_alive);
    }
    if (reader.stage() == Stage::bad) {
      model::Answer answer;
      answer.status = 400;
      return answer_with(std::move(answer), false);
    }
    if (unread_.empty()) {
      const IoState state = read_more();
      if (state == IoState::again) return std::nullopt;
      if (state != IoState::moved) return Closed{};
    }
    std::string_view bytes = unread_;
    if (reader.stage() == Stage::body)
      bytes = bytes.substr(0, receiving.intake.bytes_max - reader.body_bytes());
    unread_.erase(0, reader.feed(bytes));
  }
}

/// Nothing: the body may come.
Connection::Next Connection::on_head(Receiving& receiving) {
  RequestReader& reader = receiving.reader;
  if (std::holds_alternative<ProxyRole>(port_->spec.role)) return tunnel(reader.request());
  receiving.intake = std::get<HttpRole>(port_->spec.role).admit(reader.request());
  if (receiving.intake.bytes_max == 0) return end_with(receiving.intake.ending, false, false);
  if (reader.expects_continue()) (void)stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
  reader.go_on();
  return std::nullopt;
}

Connection::State Connection::tunnel(const model::Request& request) {
  auto routed = std::get<ProxyRole>(port_->spec.role).route(request);
  if (auto* answer = std::get_if<model::Answer>(&routed)) return answer_with(std::move(*answer), false);
  Port& port = find_port_(std::get<PortId>(routed));
  if (port.refused) {
    model::Answer answer;
    answer.status = 502;
    return answer_with(std::move(answer), false);
  }
  (void)stream_.write("HTTP/1.1 200 Connection established\r\n\r\n");
  --port_->standing;
  move_to(port);
  return first_state(port);
}

Connection::State Connection::answer_with(model::Answer answer, bool keep_alive) {
  if (answer.delivery.delay <= Duration::zero()) return send(std::move(answer), keep_alive);
  const Moment until = std::chrono::steady_clock::now() + answer.delivery.delay;
  return Pausing{std::move(answer), keep_alive, until};
}

Connection::State Connection::send(model::Answer answer, bool keep_alive) const {
  if (!keep_alive && !answer.delivery.endless) answer.set_header("Connection", "close");
  const model::Framing framing = port_->spec.framing;
  Sending sending{.head = wire_head(answer, framing),
                  .body = std::move(answer.body),
                  .tail = {},
                  .delivery = answer.delivery,
                  .keep_alive = keep_alive};
  if (framing == model::Framing::chunked && !answer.delivery.endless) {
    if (!sending.body->empty()) {
      sending.head += fmt::format("{:x}\r\n", sending.body->size());
      sending.tail = "\r\n";
    }
    sending.tail += "0\r\n\r\n";
  }
  if (sending.body->size() <= small_body_bytes && !answer.delivery.endless) {
    sending.head += *sending.body + sending.tail;
    sending.tail.clear();
    sending.body = model::Answer::empty_body();
  }
  return sending;
}

std::string_view Connection::Sending::unsent() const {
  const auto part = [this]() -> std::string_view {
    std::size_t at = sent;
    if (at < head.size()) return std::string_view(head).substr(at);
    at -= head.size();
    if (delivery.endless) return std::string_view(*body).substr(at % body->size());
    if (at < body->size()) return std::string_view(*body).substr(at);
    at -= body->size();
    return at < tail.size() ? std::string_view(tail).substr(at) : std::string_view();
  }();
  return part.substr(0, delivery.bytes_max - sent);
}

Connection::Next Connection::step(Sending& sending) {
  while (true) {
    const std::string_view bytes = sending.unsent();
    if (bytes.empty()) return end_with(sending.delivery.ending, sending.whole(), sending.keep_alive);
    const IoResult result = stream_.write(bytes);
    if (result.state == IoState::again) return std::nullopt;
    if (result.state != IoState::moved) return Closed{};
    sending.sent += result.bytes;
  }
}

Connection::State Connection::end_with(model::Ending ending, bool whole, bool keep_alive) {
  switch (ending) {
    case model::Ending::keep:
      if (keep_alive && whole) return first_state(*port_);
      stream_.end_output();
      return Draining{};
    case model::Ending::fin:
      if (whole) {
        stream_.end_output();
      } else {
        stream_.cut_output();
      }
      return Draining{};
    case model::Ending::reset:
      stream_.reset();
      return Closed{};
    case model::Ending::stall:
      return Stalled{std::holds_alternative<LinesRole>(port_->spec.role)};
  }
  return Closed{};
}

Connection::Next Connection::step(Lines& lines) {
  const LinesRole& role = std::get<LinesRole>(port_->spec.role);
  while (true) {
    unread_.clear();
    switch (read_more()) {
      case IoState::again:
        return std::nullopt;
      case IoState::broken:
        (void)role.finish(lines.lines);
        return Closed{};
      case IoState::ended:
        if (!role.finish(lines.lines)) return Stalled{true};
        stream_.end_output();
        return Closed{};
      case IoState::moved:
        if (role.feed(lines.lines, unread_)) break;
        if (lines.lines.intake.ending != model::Ending::fin)
          return end_with(lines.lines.intake.ending, false, false);
        // Ended without reading on: what is read after an end would look like an answer to the peer's own.
        stream_.cut_output();
        return Stalled{true};
    }
  }
}

Connection::Next Connection::step(Trapped&) {
  while (true) {
    unread_.clear();
    const IoState state = read_more();
    if (state == IoState::again) return std::nullopt;
    if (state != IoState::moved) return Closed{};
    std::get<TrapRole>(port_->spec.role).hear(unread_);
  }
}

Connection::Next Connection::step(Draining&) {
  while (true) {
    unread_.clear();
    const IoState state = read_more();
    if (state == IoState::again) return std::nullopt;
    if (state != IoState::moved) return Closed{};
  }
}

}  // namespace logzio_okta::sandbox
