// What the tests of several replicas rely on: a server with faults, and a wire to it.
#include <cerrno>
#include <string>

#include <libpq-fe.h>

#include "catch.hpp"
#include "postgres/server.hpp"
#include "postgres/wire.hpp"

namespace logzio_okta::test {
namespace {

/// A client that asks one thing after the other.
class Client {
 public:
  explicit Client(const std::string& url) : connection_(PQconnectdb(url.c_str())) {}
  ~Client() { PQfinish(connection_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return PQstatus(connection_) == CONNECTION_OK; }
  bool does(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  }

 private:
  PGconn* connection_;
};

}  // namespace

TEST_CASE("postgres: what was committed survives whatever is done to the server") {
  if (!PostgresServer::programs()) return skip("PostgreSQL is not installed");
  PostgresServer server;
  REQUIRE(Client(server.url()).does("CREATE TABLE kept(n int); INSERT INTO kept VALUES (1)"));
  Client client(server.url());
  REQUIRE(client.does("SELECT 1"));
  SECTION("stop") {
    server.stop();
    server.start();
  }
  SECTION("stop at once") {
    server.stop_at_once();
    server.start();
  }
  SECTION("kill -9 of all of it") {
    server.kill();
    server.start();
  }
  SECTION("kill -9 of the postmaster") {
    server.kill_postmaster();
    server.start();
  }
  SECTION("kill -9 of a backend") {
    CHECK(server.kill_backends());
    CHECK_FALSE(server.kill_backends());
  }
  CHECK_FALSE(client.does("SELECT 1"));
  CHECK(server.value("SELECT n FROM kept") == "1");
}

TEST_CASE("postgres: a standby that stopped following is promoted without what came after") {
  if (!PostgresServer::programs()) return skip("PostgreSQL is not installed");
  PostgresServer server;
  Client client(server.url());
  REQUIRE(client.does("CREATE TABLE kept(n int)"));
  const auto standby = server.standby();
  CHECK(standby->value("SELECT pg_is_in_recovery()") == "t");
  standby->stop_following();
  REQUIRE(client.does("INSERT INTO kept VALUES (1)"));
  server.kill();
  standby->promote();
  CHECK(standby->query("SELECT n FROM kept").empty());
  CHECK(Client(standby->url()).does("INSERT INTO kept VALUES (2)"));
  CHECK(standby->value("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)") == "00000002");
}

TEST_CASE("postgres: one role needs its password") {
  if (!PostgresServer::programs()) return skip("PostgreSQL is not installed");
  const PostgresServer server;
  CHECK_FALSE(Client(server.url("locked")).connected());
  CHECK(Client(server.url("locked") + "?password=locked%20and%20bolted").connected());
  CHECK(Client(server.socket_url("guest")).connected());
}

TEST_CASE("wire: an answer can be swallowed whose question is done") {
  if (!PostgresServer::programs()) return skip("PostgreSQL is not installed");
  PostgresServer server;
  Wire wire(server.port());
  Client client(server.url("okta", wire.port()));
  REQUIRE(client.does("CREATE TABLE kept(n int)"));
  wire.swallow_answers();
  CHECK_FALSE(client.does("INSERT INTO kept VALUES (1)"));
  CHECK(wire.swallowed() == 1);
  CHECK(server.value("SELECT n FROM kept") == "1");
  wire.refuse(true);
  CHECK_FALSE(Client(server.url("okta", wire.port())).connected());
  wire.refuse(false);
  Client another(server.url("okta", wire.port()));
  CHECK(another.does("SELECT 1"));
  wire.cut();
  CHECK_FALSE(another.does("SELECT 1"));
}

}  // namespace logzio_okta::test
