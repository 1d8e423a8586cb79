#include "shell/serve/admin.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/http/visit.hpp"

#include "shell/net/listen_socket.hpp"
#include "shell/os/descriptor.hpp"
#include "shell/os/patience.hpp"
#include "shell/serve/metrics.hpp"
#include "shell/serve/status_json.hpp"
#include "shell/serve/status_page.hpp"
#include "shell/serve/status_text.hpp"

namespace logzio_okta {
namespace {

constexpr const char* text_type = "text/plain; charset=utf-8";
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* json_type = "application/json";
constexpr const char* html_type = "text/html; charset=utf-8";
// The page's own style and script, and what it asks of us; nothing from elsewhere. Whatever it shows it puts
// in as text.
constexpr const char* page_policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr const char* no_policy = "default-src 'none'; frame-ancestors 'none'";

struct Reply {
  unsigned status = MHD_HTTP_OK;
  const char* type = text_type;
  std::string body;
};

MHD_Result send_reply(MHD_Connection* connection, const Reply& reply) {
  // The library only reads the body: MUST_COPY takes a plain void pointer because its other modes free it.
  MHD_Response* response = MHD_create_response_from_buffer(
      reply.body.size(), const_cast<char*>(reply.body.data()),  // NOLINT(*-const-cast)
      MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  const std::pair<const char*, const char*> common[] = {
      {MHD_HTTP_HEADER_CONNECTION, "close"},
      {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
      {"X-Content-Type-Options", "nosniff"},
      {"Content-Security-Policy", reply.type == html_type ? page_policy : no_policy},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Referrer-Policy", "no-referrer"},
  };
  for (const auto& [name, value] : common) MHD_add_response_header(response, name, value);
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type);
  if (reply.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return queued;
}

std::optional<std::string> header_of(MHD_Connection* connection, const char* name) {
  const char* const value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  if (value == nullptr) return std::nullopt;
  return value;
}

Visit visit_of(MHD_Connection* connection) {
  Visit visit{.hosts = {},
              .origin = header_of(connection, MHD_HTTP_HEADER_ORIGIN),
              .fetch_site = header_of(connection, "Sec-Fetch-Site"),
              .fetch_mode = header_of(connection, "Sec-Fetch-Mode"),
              .fetch_destination = header_of(connection, "Sec-Fetch-Dest")};
  const auto add = [](void* hosts, MHD_ValueKind, const char* name, const char* value) -> MHD_Result {
    if (ascii::equal_ignoring_case(name, MHD_HTTP_HEADER_HOST)) {
      static_cast<std::vector<std::string>*>(hosts)->emplace_back(value == nullptr ? "" : value);
    }
    return MHD_YES;
  };
  MHD_get_connection_values(connection, MHD_HEADER_KIND, add, &visit.hosts);
  return visit;
}

}  // namespace

struct Admin::Impl {
  struct Client {
    MHD_Connection* connection = nullptr;
    Instant until;  ///< Never: it is shut already, which the library has yet to see.
    bool answered = false;
  };

  AdminSources sources;
  AdminLimits limits;
  VisitRules rules;
  std::uint16_t port = 0;
  MHD_Daemon* daemon = nullptr;
  std::vector<Client> clients;
  Instant rests_until{};  ///< A connection waits that cannot be accepted.

  Impl(AdminSources what, AdminLimits bounds, VisitRules visits)
      : sources(std::move(what)), limits(bounds), rules(std::move(visits)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (daemon != nullptr) MHD_stop_daemon(daemon);
  }

  bool start(int socket);
  [[nodiscard]] Reply answer(std::string_view path, std::size_t columns) const;
  [[nodiscard]] MHD_Result handle(MHD_Connection* connection, std::string_view method, std::string_view path,
                                  std::size_t* upload_size, void** seen);
  void notify(MHD_Connection* connection, MHD_ConnectionNotificationCode what);
  void make_room();
  void drop_overdue(Instant now);
  static void shut(Client& client);
  [[nodiscard]] int epoll_fd() const;
  [[nodiscard]] bool cannot_accept() const;
};

bool Admin::Impl::start(int socket) {
  const auto on_request = [](void* self, MHD_Connection* connection, const char* url, const char* method,
                             const char*, const char*, std::size_t* upload_size, void** seen) {
    return static_cast<Impl*>(self)->handle(connection, method, url, upload_size, seen);
  };
  const auto on_connection = [](void* self, MHD_Connection* connection, void**,
                                MHD_ConnectionNotificationCode what) {
    static_cast<Impl*>(self)->notify(connection, what);
  };
  MHD_NotifyConnectionCallback notify_connection = on_connection;
  // More than we allow, as the library would turn the newest away: a burst comes in before we have made room.
  const unsigned accepted = 2 * limits.connections;
  daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, nullptr, nullptr, on_request, this,              //
                            MHD_OPTION_LISTEN_SOCKET, socket,                                  //
                            MHD_OPTION_CONNECTION_LIMIT, accepted,                             //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits.memory_per_connection,  //
                            MHD_OPTION_CONNECTION_MEMORY_INCREMENT, std::size_t{limits::KiB},  //
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,                                   //
                            MHD_OPTION_NOTIFY_CONNECTION, notify_connection, this,             //
                            MHD_OPTION_END);
  return daemon != nullptr;
}

Reply Admin::Impl::answer(std::string_view path, std::size_t columns) const {
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/metrics")
    return {.type = metrics_type, .body = metrics_text(sources.report(), sources.facts())};
  if (path == "/status") return {.type = json_type, .body = status_json(sources.report()) + "\n"};
  if (path == "/status.txt")
    return {.body = status_text(sources.report(), sources.history, columns, sources.facts().refused)};
  if (path == "/history") return {.type = json_type, .body = sources.history.json() + "\n"};
  if (path == "/state-dir") return {.body = sources.state_dir + "\n"};
  if (path == "/") return {.type = html_type, .body = std::string(status_page())};
  if (path == "/readyz") {
    const Report now = sources.report();
    if (now.ready) return {.body = "ready\n"};
    return {.status = MHD_HTTP_SERVICE_UNAVAILABLE, .body = now.not_ready_because + "\n"};
  }
  if (path == "/readyz/all") {
    const Report now = sources.report();
    if (now.ready && now.tenants_in_trouble() == 0) return {.body = "ready\n"};
    return {.status = MHD_HTTP_SERVICE_UNAVAILABLE, .body = headline(now) + "\n"};
  }
  return {.status = MHD_HTTP_NOT_FOUND,
          .body = "not found: there is / /healthz /readyz /readyz/all /metrics /status /status.txt\n"};
}

/// Called when the headers are there, for every piece of a body, and when the request is complete. A body is
/// taken and forgotten: closing with bytes unread would reset the connection and the answer with it.
MHD_Result Admin::Impl::handle(MHD_Connection* connection, std::string_view method, std::string_view path,
                               std::size_t* upload_size, void** seen) {
  if (*seen == nullptr || *upload_size != 0) {
    *seen = this;
    *upload_size = 0;
    return MHD_YES;
  }
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return send_reply(connection, {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = "only GET and HEAD\n"});
  }
  for (Client& client : clients) client.answered |= client.connection == connection;
  if (const auto refusal = refuse_visit(visit_of(connection), rules)) {
    return send_reply(connection,
                      {.status = static_cast<unsigned>(refusal->status), .body = refusal->text + "\n"});
  }
  const char* columns = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "columns");
  return send_reply(connection, answer(path, columns != nullptr ? std::strtoul(columns, nullptr, 10) : 0));
}

void Admin::Impl::notify(MHD_Connection* connection, MHD_ConnectionNotificationCode what) {
  switch (what) {
    case MHD_CONNECTION_NOTIFY_STARTED:
      make_room();
      clients.push_back({.connection = connection, .until = steady_now() + limits.patience});
      break;
    case MHD_CONNECTION_NOTIFY_CLOSED:
      std::erase_if(clients, [&](const Client& client) { return client.connection == connection; });
      break;
  }
}

/// For one more: the oldest that has not asked for anything yet goes, or the oldest.
void Admin::Impl::make_room() {
  const auto here = [](const Client& client) { return client.until != never; };
  if (std::ranges::count_if(clients, here) < static_cast<std::ptrdiff_t>(limits.connections)) return;
  auto first =
      std::ranges::find_if(clients, [&](const Client& each) { return here(each) && !each.answered; });
  if (first == clients.end()) first = std::ranges::find_if(clients, here);
  if (first != clients.end()) shut(*first);
}

void Admin::Impl::shut(Client& client) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(client.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  // The descriptor is the library's; it sees the end of the connection and closes it.
  if (info != nullptr) ::shutdown(info->connect_fd, SHUT_RDWR);
  client.until = never;
}

/// The library's own time-out counts from the last byte, so a client that sends one now and then would stay.
void Admin::Impl::drop_overdue(Instant now) {
  for (Client& client : clients) {
    if (now >= client.until) shut(client);
  }
}

int Admin::Impl::epoll_fd() const {
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
  CHECK(info != nullptr);
  return info->epoll_fd;
}

/// Something is ready that run() could do nothing about, and there is no descriptor to be had.
bool Admin::Impl::cannot_accept() const {
  pollfd ready{.fd = epoll_fd(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 0) <= 0) return false;
  return !Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;

std::expected<std::unique_ptr<Admin>, std::string> Admin::listen(const AdminAddress& address,
                                                                 AdminSources sources, AdminLimits limits,
                                                                 std::vector<std::string> names) {
  auto socket = listen_on(address, "--admin");
  if (!socket) return std::unexpected(socket.error());
  auto impl =
      std::make_unique<Impl>(std::move(sources), limits,
                             VisitRules{.on_loopback = is_loopback(address.host), .names = std::move(names)});
  impl->port = port_of(*socket);
  if (!impl->start(socket->get())) return std::unexpected("cannot start the server for --admin");
  socket->release();  // The library's now.
  return std::unique_ptr<Admin>(new Admin(std::move(impl)));
}

int Admin::fd() const {
  return steady_now() < impl_->rests_until ? -1 : impl_->epoll_fd();
}

std::optional<Duration> Admin::timeout() const {
  std::optional<Duration> wait;
  MHD_UNSIGNED_LONG_LONG ms = 0;
  if (const Instant now = steady_now(); now < impl_->rests_until) {
    wait = impl_->rests_until - now;
  } else if (MHD_get_timeout(impl_->daemon, &ms) == MHD_YES) {
    wait = std::chrono::milliseconds(ms);
  }
  const auto& clients = impl_->clients;
  const auto next = std::ranges::min_element(clients, {}, &Impl::Client::until);
  if (next == clients.end() || next->until == never) return wait;
  const Duration left = std::max(Duration::zero(), next->until - steady_now());
  return std::min(wait.value_or(left), left);
}

void Admin::run() {
  const Instant now = steady_now();
  impl_->drop_overdue(now);
  MHD_run(impl_->daemon);
  if (now >= impl_->rests_until && impl_->cannot_accept()) impl_->rests_until = now + limits::accept_rest;
}

std::uint16_t Admin::port() const {
  return impl_->port;
}

}  // namespace logzio_okta
