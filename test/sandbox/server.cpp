#include "sandbox/server.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/connection.hpp"

namespace logzio_okta::sandbox {
namespace {

constexpr std::uint64_t wake_tag = 0;
constexpr std::uint64_t port_tag = std::uint64_t{1} << 63U;
constexpr int backlog = 512;
constexpr int lines_receive_bytes = 32 * 1024;

Fd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return Fd(fd);
}

}  // namespace

class Server::Loop {
 public:
  Loop()
      : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll")),
        wake_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
    watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_tag);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Loop() {
    thread_.request_stop();
    wake();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs on the loop's thread and returns when it is done.
  template <class F>
  auto run_there(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto result = task.get_future();
    {
      const std::lock_guard lock(commands_mutex_);
      commands_.emplace_back([&task] { task(); });
    }
    wake();
    return result.get();
  }

  // From here on everything happens on the loop's thread.

  PortId add(PortSpec spec) {
    // Bound to a port by number (found free a moment before), a socket keeps it even while it does not
    // listen.
    const std::uint16_t wanted = spec.port != 0 ? spec.port : port_of(bind_loopback());
    auto port = std::make_unique<Port>();
    port->id = PortId{ports_.size()};
    port->socket = bind_loopback(wanted);
    port->number = wanted;
    port->spec = std::move(spec);
    // So that a bulk never fits into what this system takes unread: an end in the middle of one then comes
    // while bytes are unacknowledged, however slow either side is.
    const int little = lines_receive_bytes;
    if (std::holds_alternative<LinesRole>(port->spec.role))
      setsockopt(port->socket.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    listen_on(*port, EPOLL_CTL_ADD);
    ports_.push_back(std::move(port));
    return ports_.back()->id;
  }

  Port& port(PortId id) { return *ports_.at(id.index); }

  void refuse(PortId id, bool refused) {
    Port& found = port(id);
    if (found.refused == refused) return;
    found.refused = refused;
    if (refused) {
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found.socket.get(), nullptr);
      shutdown(found.socket.get(), SHUT_RD);  // On a listening socket: it stops listening and stays bound.
      drop(id);
    } else {
      listen_on(found, EPOLL_CTL_ADD);
    }
  }

  void drop(PortId id) {
    std::erase_if(connections_, [&](const auto& entry) {
      if (entry.second->port().id.index != id.index) return false;
      entry.second->drop();
      return true;
    });
  }

 private:
  /// OpenSSL writes without MSG_NOSIGNAL; a peer that is gone must not end the process.
  static void hold_back_sigpipe() {
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  }

  void run(const std::stop_token& stop) {
    hold_back_sigpipe();
    std::array<epoll_event, 256> events{};
    while (!stop.stop_requested()) {
      const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience());
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events.at(static_cast<std::size_t>(i));
        if (event.data.u64 == wake_tag) {
          obey();
        } else if ((event.data.u64 & port_tag) != 0) {
          accept_all(*ports_.at(event.data.u64 & ~port_tag));
        } else {
          serve(event.data.u64, event.events);
        }
      }
      fire_timers();
    }
    connections_.clear();
  }

  void wake() {
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
  }

  void obey() {
    std::uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof count);
    std::vector<std::function<void()>> commands;
    {
      const std::lock_guard lock(commands_mutex_);
      commands.swap(commands_);
    }
    for (const auto& command : commands) command();
  }

  void watch(int operation, int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    if (epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }

  void listen_on(const Port& port, int operation) {
    if (listen(port.socket.get(), backlog) != 0)
      throw std::system_error(errno, std::generic_category(), "listen");
    watch(operation, port.socket.get(), EPOLLIN, port_tag | port.id.index);
  }

  void accept_all(Port& port) {
    while (true) {
      Fd fd(accept4(port.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd.open()) return;
      const int yes = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      const std::uint64_t id = ++last_connection_;
      auto connection = std::make_unique<Connection>(
          Stream(std::move(fd)), port, [this](PortId other) -> Port& { return this->port(other); });
      watch(EPOLL_CTL_ADD, connection->fd(), connection->interest(), id);
      connections_.emplace(id, std::move(connection));
    }
  }

  void serve(std::uint64_t id, std::uint32_t events) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;  // Dropped by a command of this very round.
    found->second->on_ready(events);
    settle(id, *found->second);
  }

  /// Forgets a connection that has ended, else waits for what it needs now.
  void settle(std::uint64_t id, const Connection& connection) {
    if (connection.closed()) {
      connections_.erase(id);
      return;
    }
    watch(EPOLL_CTL_MOD, connection.fd(), connection.interest(), id);
    if (const auto moment = connection.wake_at()) timers_.emplace(*moment, id);
  }

  void fire_timers() {
    const Moment now = std::chrono::steady_clock::now();
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const std::uint64_t id = timers_.begin()->second;
      timers_.erase(timers_.begin());
      const auto found = connections_.find(id);
      if (found == connections_.end()) continue;
      found->second->on_time(now);
      settle(id, *found->second);
    }
  }

  [[nodiscard]] int patience() const {
    if (timers_.empty()) return -1;
    const auto left = timers_.begin()->first - std::chrono::steady_clock::now();
    return std::max(0, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  }

  Fd epoll_;
  Fd wake_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t last_connection_ = 0;
  std::multimap<Moment, std::uint64_t> timers_;
  std::mutex commands_mutex_;
  std::vector<std::function<void()>> commands_;
  std::jthread thread_;
};

Server::Server() : loop_(std::make_unique<Loop>()) {}
Server::~Server() = default;

PortId Server::add(PortSpec spec) {
  return loop_->run_there([&] { return loop_->add(std::move(spec)); });
}

std::uint16_t Server::number(PortId port) const {
  return loop_->run_there([&] { return loop_->port(port).number; });
}

void Server::refuse(PortId port, bool refused) {
  loop_->run_there([&] { loop_->refuse(port, refused); });
}

void Server::drop(PortId port) {
  loop_->run_there([&] { loop_->drop(port); });
}

void Server::set_tls(PortId port, TlsContext tls) {
  loop_->run_there([&] { loop_->port(port).spec.tls = std::move(tls); });
}

void Server::set_framing(PortId port, model::Framing framing) {
  loop_->run_there([&] { loop_->port(port).spec.framing = framing; });
}

std::size_t Server::accepted(PortId port) const {
  return loop_->run_there([&] { return loop_->port(port).accepted; });
}

std::size_t Server::standing(PortId port) const {
  return loop_->run_there([&] { return loop_->port(port).standing; });
}

}  // namespace logzio_okta::sandbox
