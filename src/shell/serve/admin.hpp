// Admin: the small HTTP server that answers for the daemon's health, inside the loop.
//
//     GET /healthz   200 "ok" while the loop turns
//     GET /readyz    200 "ready", or 503 with the reason
//     GET /metrics   Prometheus text
//     GET /readyz/all  503 as soon as one tenant does not flow
//     GET /status    JSON; /status.txt the same as a table for people
//     GET /          the same as a page that keeps itself fresh; /history is what its sparklines begin with
//
//     auto admin = Admin::listen(address, {report, facts, history, state_dir});
//     if (!admin) return complain(admin.error());
//     wait_until_readable((*admin)->fd(), (*admin)->timeout());
//     (*admin)->run();
//
// It only tells; nothing can be changed through it, and nothing it says is a secret. It has no TLS and no
// password, which is why it listens on loopback unless told otherwise. A web page elsewhere gets nothing out
// of it by way of somebody's browser (refuse_visit()). A client costs a bounded amount of memory and lives
// for `patience` at most, however slowly it speaks: one request a connection, then it is closed. When all
// places are taken, the connection that has kept silent for longest makes room, so that idle ones never keep
// out a health check.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/report.hpp"

#include "shell/serve/history.hpp"
#include "shell/serve/process_facts.hpp"

namespace logzio_okta {

/// What it tells. Each is called from run(), once for each answer that needs it.
struct AdminSources {
  std::function<Report()> report;
  std::function<ProcessFacts()> facts;
  const History& history;  ///< Outlives the server.
  std::string state_dir;   ///< For `status`, to tell whose daemon it speaks to.
};

struct AdminLimits {
  unsigned connections = 32;
  std::size_t memory_per_connection = 8 * limits::KiB;  ///< Request line and headers must fit.
  Duration patience = 10s;                              ///< From a connection's first moment to its last.
};

class Admin {
 public:
  /// `host` is an IPv4 or IPv6 address or "localhost"; port 0 takes a free one. `names`: by which it is
  /// answered to, in lower case. The error names the address and what to do.
  static std::expected<std::unique_ptr<Admin>, std::string> listen(const AdminAddress& address,
                                                                   AdminSources sources,
                                                                   AdminLimits limits = {},
                                                                   std::vector<std::string> names = {});
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;
  ~Admin();

  /// Readable when run() has something to do; -1 while it rests, since no descriptor is left for another
  /// connection.
  [[nodiscard]] int fd() const;
  /// How long run() may wait for fd(); nothing: forever.
  [[nodiscard]] std::optional<Duration> timeout() const;
  /// Never blocks. Harmless when there is nothing to do.
  void run();
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace logzio_okta
