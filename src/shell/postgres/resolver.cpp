#include "shell/postgres/resolver.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {

/// Shared by the thread and whoever asked; whoever is last closes the descriptor.
struct Resolver::Answer {
  std::vector<StoreHost> hosts;
  Descriptor ready;
  std::atomic<bool> done = false;
  std::vector<StoreHost> found;
  std::string failure;
};

namespace {

struct AddressesFree {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

void look_up_one(const StoreHost& host, std::vector<StoreHost>& found, std::string& failure) {
  if (host.is_socket() || !host.address.empty()) return found.push_back(host);
  if (is_ip_address(host.name)) {
    found.push_back({.name = host.name, .address = host.name, .port = host.port});
    return;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.name.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, AddressesFree> owned(list);
  if (error != 0) {
    failure = "the host name " + host.name + " cannot be resolved (" + gai_strerror(error) +
              "); check the host in the store's URL and this machine's name server";
    return;
  }
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) ==
        0)
      found.push_back({.name = host.name, .address = text.data(), .port = host.port});
  }
}

bool needs_no_look_up(const std::vector<StoreHost>& hosts) {
  for (const StoreHost& host : hosts) {
    if (!host.is_socket() && host.address.empty() && !is_ip_address(host.name)) return false;
  }
  return true;
}

}  // namespace

Resolver::~Resolver() = default;

void Resolver::look_up(std::vector<StoreHost> hosts) {
  answer_ = std::make_shared<Answer>();
  answer_->hosts = std::move(hosts);
  answer_->ready = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  CHECK(answer_->ready.get() >= 0);
  ready_ = Descriptor(dup(answer_->ready.get()));
  const auto run = [answer = answer_] {
    for (const StoreHost& host : answer->hosts) look_up_one(host, answer->found, answer->failure);
    answer->done = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written =
        write(answer->ready.get(), &one, sizeof one);  // It is an eventfd.
  };
  if (needs_no_look_up(answer_->hosts)) return run();
  try {
    std::thread(run).detach();
  } catch (const std::system_error&) {
    answer_->failure = "cannot start a thread to resolve the store's host name";
    answer_->done = true;
  }
}

std::optional<Result<std::vector<StoreHost>>> Resolver::take() {
  if (!answer_ || !answer_->done) return std::nullopt;
  const auto answer = std::exchange(answer_, nullptr);
  ready_ = Descriptor();
  if (answer->found.empty()) return fail(answer->failure);
  return std::move(answer->found);
}

}  // namespace logzio_okta
