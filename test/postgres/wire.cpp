#include "postgres/wire.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/stream.hpp"

namespace logzio_okta::test {
namespace {

using sandbox::Fd;
using Clock = std::chrono::steady_clock;

constexpr std::size_t held_bytes_max = std::size_t{16} << 20U;

/// Bytes on their way, each piece with the moment at which it may arrive.
struct Lane {
  struct Piece {
    std::string bytes;
    Clock::time_point due;
  };
  std::deque<Piece> pieces;
  std::size_t bytes = 0;
  bool ended = false;   ///< Nothing more comes in.
  bool passed = false;  ///< And that has been said at the other end.
};

struct Pair {
  Fd client;
  Fd server;
  Lane there;
  Lane back;
  enum class Swallow : std::uint8_t { no, armed, asked } swallow = Swallow::no;
  bool broken = false;
};

void reset(const Fd& socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void set_up(const Fd& socket) {
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
}

Fd connect_to(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  set_up(socket);
  return socket;
}

}  // namespace

class Wire::Loop {
 public:
  explicit Loop(std::uint16_t leads_to)
      : leads_to_(leads_to),
        listening_(sandbox::bind_loopback()),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (listen(listening_.get(), SOMAXCONN) != 0)
      throw std::system_error(errno, std::generic_category(), "listen");
    fcntl(listening_.get(), F_SETFL, O_NONBLOCK);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~Loop() {
    thread_.request_stop();
    wake();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] std::uint16_t port() const { return sandbox::port_of(listening_); }
  template <class Change>
  auto change(Change change) {
    const std::lock_guard lock(mutex_);
    wake();
    return change(*this);
  }

  bool refuses = false;
  Way stalled = Way::none;
  Duration delay{};
  std::size_t swallowed = 0;

  void cut() {
    for (Pair& pair : pairs_) pair.broken = true;
  }
  void swallow() {
    for (Pair& pair : pairs_) pair.swallow = Pair::Swallow::armed;
  }
  void lead_to(std::uint16_t port) { leads_to_ = port; }

 private:
  void wake() const {
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);
  }

  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> watched = what_to_watch();
      poll(watched.data(), watched.size(), longest_wait());
      const std::lock_guard lock(mutex_);
      std::uint64_t count = 0;
      (void)!read(wake_.get(), &count, sizeof count);
      accept_all();
      for (Pair& pair : pairs_) move(pair);
      std::erase_if(pairs_, [&](Pair& pair) { return is_over(pair); });
    }
  }

  [[nodiscard]] bool stalls(Way way) const { return stalled == way || stalled == Way::both; }

  std::vector<pollfd> what_to_watch() {
    const std::lock_guard lock(mutex_);
    std::vector<pollfd> watched{{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                {.fd = listening_.get(), .events = POLLIN, .revents = 0}};
    for (const Pair& pair : pairs_) {
      const auto wants = [&](const Lane& in, const Lane& out, Way out_way) {
        const bool room = !in.ended && in.bytes < held_bytes_max;
        const bool due = !out.pieces.empty() && out.pieces.front().due <= Clock::now() && !stalls(out_way);
        return static_cast<short>((room ? POLLIN : 0) | (due ? POLLOUT : 0));
      };
      watched.push_back(
          {.fd = pair.client.get(), .events = wants(pair.there, pair.back, Way::back), .revents = 0});
      watched.push_back(
          {.fd = pair.server.get(), .events = wants(pair.back, pair.there, Way::there), .revents = 0});
      // poll reports a hang-up whether it is asked for or not.
      for (auto each = watched.end() - 2; each != watched.end(); ++each) {
        if (each->events == 0) each->fd = -1;
      }
    }
    return watched;
  }

  /// Until the next piece is due, in milliseconds.
  int longest_wait() {
    const std::lock_guard lock(mutex_);
    auto wait = std::chrono::milliseconds(60'000);
    for (const Pair& pair : pairs_) {
      for (const Lane* lane : {&pair.there, &pair.back}) {
        if (lane->pieces.empty()) continue;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(lane->pieces.front().due - Clock::now());
        if (left.count() > 0) wait = std::min(wait, left);
      }
    }
    return static_cast<int>(wait.count());
  }

  void accept_all() {
    for (;;) {
      Fd client(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.open()) return;
      set_up(client);
      Fd server = refuses ? Fd() : connect_to(leads_to_);
      if (!server.open()) {
        reset(client);
        continue;
      }
      Pair& pair = pairs_.emplace_back();
      pair.client = std::move(client);
      pair.server = std::move(server);
    }
  }

  void move(Pair& pair) {
    if (refuses) pair.broken = true;
    take(pair, pair.client, pair.there);
    take(pair, pair.server, pair.back);
    if (pair.swallow == Pair::Swallow::armed && !pair.there.pieces.empty() && pair.back.pieces.empty()) {
      pair.swallow = Pair::Swallow::asked;
    } else if (pair.swallow == Pair::Swallow::asked && !pair.back.pieces.empty()) {
      pair.broken = true;
      ++swallowed;
    }
    if (pair.broken) return;
    if (!stalls(Way::there)) give(pair, pair.server, pair.there);
    if (!stalls(Way::back)) give(pair, pair.client, pair.back);
  }

  void take(Pair& pair, const Fd& from, Lane& lane) const {
    std::array<char, 65'536> room{};
    while (!lane.ended && !pair.broken && lane.bytes < held_bytes_max) {
      const ssize_t got = recv(from.get(), room.data(), room.size(), 0);
      if (got > 0) {
        lane.pieces.push_back(
            {.bytes = {room.data(), static_cast<std::size_t>(got)}, .due = Clock::now() + delay});
        lane.bytes += static_cast<std::size_t>(got);
        continue;
      }
      if (got == 0) lane.ended = true;
      if (got < 0 && errno != EAGAIN && errno != EINTR) pair.broken = true;
      return;
    }
  }

  static void give(Pair& pair, const Fd& to, Lane& lane) {
    while (!lane.pieces.empty() && lane.pieces.front().due <= Clock::now()) {
      std::string& bytes = lane.pieces.front().bytes;
      const ssize_t sent = send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) pair.broken = true;
        return;
      }
      lane.bytes -= static_cast<std::size_t>(sent);
      bytes.erase(0, static_cast<std::size_t>(sent));
      if (bytes.empty()) lane.pieces.pop_front();
    }
    if (lane.ended && lane.pieces.empty() && !std::exchange(lane.passed, true)) shutdown(to.get(), SHUT_WR);
  }

  static bool is_over(const Pair& pair) {
    if (pair.broken) {
      reset(pair.client);
      reset(pair.server);
    }
    return pair.broken || (pair.there.passed && pair.back.passed);
  }

  std::mutex mutex_;
  std::uint16_t leads_to_;
  Fd listening_;
  Fd wake_;
  std::list<Pair> pairs_;
  std::jthread thread_;  ///< Last: it uses all of the above.
};

Wire::Wire(std::uint16_t leads_to) : loop_(std::make_unique<Loop>(leads_to)) {}
Wire::~Wire() = default;

std::uint16_t Wire::port() const {
  return loop_->port();
}
void Wire::cut() {
  loop_->change([](Loop& loop) { loop.cut(); });
}
void Wire::refuse(bool refused) {
  loop_->change([&](Loop& loop) { loop.refuses = refused; });
}
void Wire::swallow_answers() {
  loop_->change([](Loop& loop) { loop.swallow(); });
}
std::size_t Wire::swallowed() const {
  return loop_->change([](Loop& loop) { return loop.swallowed; });
}
void Wire::stall(Way way) {
  loop_->change([&](Loop& loop) { loop.stalled = way; });
}
void Wire::delay(Duration time) {
  loop_->change([&](Loop& loop) { loop.delay = time; });
}
void Wire::lead_to(std::uint16_t port) {
  loop_->change([&](Loop& loop) { loop.lead_to(port); });
}

}  // namespace logzio_okta::test
