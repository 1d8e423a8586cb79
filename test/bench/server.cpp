#include "bench/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "logzio_okta/base/check.hpp"

namespace logzio_okta::bench {
namespace {

using sandbox::Fd;
using sandbox::IoResult;
using sandbox::IoState;

constexpr std::size_t head_bytes_max = 16'384;
constexpr std::string_view head_end = "\r\n\r\n";

// The value of a header as the daemon writes it: "Name: value".
std::string_view header(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  head.remove_prefix(at + name.size());
  return head.substr(0, head.find("\r\n"));
}

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Instant steady_now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

struct Server::Connection {
  explicit Connection(Fd fd) : stream(std::move(fd)) {}

  sandbox::Stream stream;
  std::string head;  ///< The head of the request being read, perhaps with the first bytes of its body.
  std::string body;
  std::size_t body_filled = 0;
  bool in_body = false;
  Answer answer;  ///< Being written, or held back.
  std::size_t head_written = 0;
  std::size_t body_written = 0;
  bool answering = false;
  bool held_back = false;
};

Server::Server(sandbox::TlsContext tls, std::function<Answer(Request&&)> answer)
    : tls_(std::move(tls)),
      answer_(std::move(answer)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      listening_(sandbox::bind_loopback()),
      port_(sandbox::port_of(listening_)) {
  if (listen(listening_.get(), SOMAXCONN) != 0)
    throw std::system_error(errno, std::generic_category(), "listen");
  epoll_event event{.events = EPOLLIN, .data = {.fd = listening_.get()}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listening_.get(), &event) == 0);
}

Server::~Server() = default;

void Server::turn(Duration wait) {
  if (!due_.empty()) wait = std::clamp<Duration>(due_.begin()->first - steady_now(), 0s, wait);
  std::array<epoll_event, 64> events{};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  const int ready = epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(ms));
  for (int i = 0; i < ready; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == listening_.get()) {
      accept_all();
    } else if (const auto found = connections_.find(fd); found != connections_.end()) {
      move_on(*found->second);
    }
  }
  start_due(steady_now());
}

void Server::accept_all() {
  for (;;) {
    Fd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.open()) return;
    const int yes = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const int number = fd.get();
    auto connection = std::make_unique<Connection>(std::move(fd));
    connection->stream.start_tls(tls_);
    epoll_event event{.events = EPOLLIN, .data = {.fd = number}};
    CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, number, &event) == 0);
    connections_[number] = std::move(connection);
  }
}

void Server::watch(Connection& connection, std::uint32_t events) const {
  epoll_event event{.events = events, .data = {.fd = connection.stream.fd()}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.stream.fd(), &event) == 0);
}

void Server::move_on(Connection& connection) {
  const bool alive = (connection.answering && !connection.held_back && !write_some(connection)) ? false
                     : connection.answering                                                     ? true
                                            : read_some(connection);
  if (!alive) {
    const int fd = connection.stream.fd();
    std::erase_if(due_, [&](const auto& each) { return each.second == fd; });
    connections_.erase(fd);  // Which closes it, and epoll forgets it.
    return;
  }
  std::uint32_t events = 0;
  const bool deaf = connection.in_body && !reads_bodies_;
  if (!connection.answering && !deaf) events |= EPOLLIN;
  if ((connection.answering && !connection.held_back) || connection.stream.wants_write()) events |= EPOLLOUT;
  watch(connection, events);
}

// False when the connection is over.
bool Server::read_some(Connection& connection) {
  constexpr int reads_max = 32;  // Then the others have their turn.
  for (int i = 0; i < reads_max && !connection.answering; ++i) {
    IoResult result;
    if (connection.in_body) {
      if (!reads_bodies_) return true;
      result = connection.stream.read(
          {connection.body.data() + connection.body_filled, connection.body.size() - connection.body_filled});
      if (result.state == IoState::moved) connection.body_filled += result.bytes;
    } else {
      std::array<char, head_bytes_max> room;
      result = connection.stream.read(room);
      if (result.state == IoState::moved) connection.head.append(room.data(), result.bytes);
    }
    if (result.state == IoState::again) return true;
    if (result.state != IoState::moved || !take_requests(connection)) return false;
  }
  return true;
}

// The daemon sends one request at a time on a connection, so that nothing follows a body.
bool Server::take_requests(Connection& connection) {
  if (!connection.in_body) {
    const std::size_t end = connection.head.find(head_end);
    if (end == std::string::npos) return connection.head.size() < head_bytes_max;
    const std::string_view head = std::string_view(connection.head).substr(0, end);
    const std::string_view rest = std::string_view(connection.head).substr(end + head_end.size());
    connection.body.resize(number(header(head, "Content-Length: ")));
    if (rest.size() > connection.body.size()) return false;
    connection.body_filled = rest.copy(connection.body.data(), rest.size());
    connection.in_body = true;
  }
  if (connection.body_filled < connection.body.size()) return true;
  const std::string_view head = connection.head;
  const std::size_t target_at = head.find(' ') + 1;
  const std::string_view host = header(head, "Host: ");
  connection.answer = answer_({.target = head.substr(target_at, head.find(' ', target_at) - target_at),
                               .host = host.substr(0, host.find(':')),
                               .body = std::move(connection.body)});
  connection.head.clear();
  connection.body.clear();
  connection.in_body = false;
  connection.answering = true;
  connection.head_written = connection.body_written = 0;
  connection.held_back = connection.answer.delay > 0s;
  if (connection.held_back) {
    due_.emplace(steady_now() + connection.answer.delay, connection.stream.fd());
    return true;
  }
  return write_some(connection);
}

bool Server::write_some(Connection& connection) {
  const auto write = [&](const std::string& text, std::size_t& written) {
    while (written < text.size()) {
      const IoResult result = connection.stream.write(std::string_view(text).substr(written));
      if (result.state != IoState::moved) return result.state;
      written += result.bytes;
    }
    return IoState::moved;
  };
  IoState state = write(connection.answer.head, connection.head_written);
  if (state == IoState::moved && connection.answer.body) {
    state = write(*connection.answer.body, connection.body_written);
  }
  if (state == IoState::again) return true;
  if (state != IoState::moved) return false;
  connection.answering = false;
  if (connection.answer.sent) connection.answer.sent();
  connection.answer = {};
  return true;
}

void Server::start_due(Instant now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto found = connections_.find(due_.begin()->second);
    due_.erase(due_.begin());
    if (found == connections_.end()) continue;
    found->second->held_back = false;
    move_on(*found->second);
  }
}

}  // namespace logzio_okta::bench
