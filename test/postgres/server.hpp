// PostgresServer: a real PostgreSQL for one test, and everything that can happen to it.
//
//     if (!PostgresServer::programs()) return skip("PostgreSQL is not installed");
//     PostgresServer server;                 // Runs, with the empty database "okta" of the role "okta".
//     store_on(server.url());
//     server.kill_backends();                // kill -9 of what serves our clients: it recovers by itself.
//     server.kill();                         // kill -9 of all of it.
//     server.start();                        // Up again, with what was committed.
//
// Each has a directory of its own, with a unix socket in it, and a port of 127.0.0.1. The server refuses to
// run as root, so root runs it as "nobody". The cluster is made once per process and copied. Nothing of it
// outlives the object or the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "sandbox/process.hpp"
#include "sandbox/temp_dir.hpp"
#include "tools/certificates.hpp"

namespace logzio_okta::test {

struct PostgresSpec {
  bool durable = false;  ///< Each commit waits for the disk, as in production; without it only speed differs.
  std::vector<std::string> settings = {};  ///< "name=value".
  std::optional<Certificate> tls = {};     ///< With it the server speaks TLS.
};

class PostgresServer {
 public:
  /// Where PostgreSQL's programs are: LOGZIO_OKTA_POSTGRES_BIN (empty: nowhere), or the newest that Debian
  /// has installed.
  [[nodiscard]] static std::optional<std::filesystem::path> programs();

  /// Throws std::runtime_error with what the server said, as do the others.
  explicit PostgresServer(PostgresSpec spec = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// "postgresql://okta@127.0.0.1:PORT/okta"; by another role; through another port (test/postgres/wire.hpp).
  /// "locked" is the role with a password, "guest" one that may only connect.
  [[nodiscard]] std::string url(std::string_view role = "okta") const { return url(role, port_); }
  [[nodiscard]] static std::string url(std::string_view role, std::uint16_t port);
  /// The same through the unix socket.
  [[nodiscard]] std::string socket_url(std::string_view role = "okta",
                                       std::string_view database = "okta") const;
  static constexpr std::string_view password = "locked and bolted";  ///< The password of "locked".
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// The first column of the query's result, as the superuser, as text.
  [[nodiscard]] std::vector<std::string> query(const std::string& sql) const;
  /// Its only value.
  [[nodiscard]] std::string value(const std::string& sql) const;

  // What happens to it.

  void stop();             ///< An orderly stop; clients are cut off.
  void stop_at_once();     ///< Without a checkpoint: it recovers when it starts.
  void kill();             ///< kill -9 of all of it at once.
  void kill_postmaster();  ///< Only the first process; the others notice.
  void start();
  /// kill -9 of each process that serves a client whose role is not a superuser; false if there was none.
  /// The server disconnects all others, recovers, and takes clients again when this returns.
  bool kill_backends();
  void pause();  ///< SIGSTOP of all of it: connections stay open and nothing answers.
  void resume();
  [[nodiscard]] bool running() const { return server_ && server_->running(); }

  /// A copy that follows it from here on.
  [[nodiscard]] std::unique_ptr<PostgresServer> standby();
  /// For a standby: what is committed from now on will be missing in it.
  void stop_following();
  /// For a standby: from now on it takes writes, on a timeline of its own.
  void promote();

  [[nodiscard]] std::string log() const { return server_ ? server_->log() : std::string(); }

 private:
  struct Follow {
    const PostgresServer& leader;
  };
  explicit PostgresServer(Follow follow);

  void launch();
  void end(int signal);
  [[nodiscard]] std::vector<pid_t> processes() const;
  [[nodiscard]] std::filesystem::path data() const { return files_.path() / "data"; }

  PostgresSpec spec_;
  sandbox::TempDir files_;
  std::uint16_t port_ = 0;
  std::optional<sandbox::Daemon> server_;
};

}  // namespace logzio_okta::test
