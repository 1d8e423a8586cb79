// The way to the database over TLS, to a real server: whose certificate is taken, and what is said of others.
#include <memory>
#include <string>
#include <variant>

#include "catch.hpp"
#include "postgres/server.hpp"
#include "sandbox/temp_dir.hpp"
#include "shell/postgres/postgres_store.hpp"
#include "shell/store_bench.hpp"
#include "tools/certificates.hpp"

namespace logzio_okta {
namespace {

using Catch::Matchers::Contains;
using test::Authority;
using test::PostgresServer;

constexpr const char* not_installed = "PostgreSQL is not installed";

/// A server whose certificate is for `name`, reached as "localhost", and two authorities: one has issued it.
struct Bench {
  explicit Bench(const std::string& name)
      : server({.tls = authority.issue({name})}),
        known((files.path() / "known.pem").string()),
        unknown((files.path() / "unknown.pem").string()) {
    sandbox::write_file(known, authority.pem());
    sandbox::write_file(unknown, Authority("Nobody's CA").pem());
  }
  Authority authority;
  PostgresServer server;
  sandbox::TempDir files;
  std::string known;
  std::string unknown;

  /// On loopback it is verified only if that is asked for.
  [[nodiscard]] std::string url(const std::string& more = "") const {
    return "postgresql://okta@localhost:" + std::to_string(server.port()) + "/okta?sslmode=verify-full" +
           more;
  }
  /// What the store says first: that it works, or why it does not.
  [[nodiscard]] static Input first_word(const std::string& url, const std::optional<std::string>& ca_file) {
    test::StoreClock clock;
    test::StoreRun run(clock,
                       std::make_unique<PostgresStore>(PostgresOptions{
                           .access = {.url = url, .password = {}, .password_file = {}, .ca_file = ca_file},
                           .instance = "okta-1"}));
    return run.next_input();
  }
  [[nodiscard]] static bool works(const std::string& url, const std::optional<std::string>& ca_file) {
    return std::holds_alternative<SetAsideSize>(first_word(url, ca_file));
  }
  [[nodiscard]] static std::string refusal(const std::string& url,
                                           const std::optional<std::string>& ca_file) {
    const Input word = first_word(url, ca_file);
    REQUIRE(std::holds_alternative<SaveFailed>(word));
    return std::get<SaveFailed>(word).text;
  }
};

TEST_CASE("store over TLS: the server is known by the authority in the URL, else by that of --ca-file") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  const Bench bench("localhost");
  CHECK(Bench::works(bench.url(), bench.known));
  CHECK(Bench::works(bench.url("&sslrootcert=" + bench.known), std::nullopt));
  CHECK(Bench::works(bench.url("&sslrootcert=" + bench.known), bench.unknown));
}

TEST_CASE("store over TLS: both of its connections are encrypted") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  const Bench bench("localhost");
  test::StoreClock clock;
  test::StoreRun run(
      clock, std::make_unique<PostgresStore>(PostgresOptions{
                 .access = {.url = bench.url(), .password = {}, .password_file = {}, .ca_file = bench.known},
                 .instance = "okta-1"}));
  static_cast<void>(run.next<SetAsideSize>());
  CHECK(bench.server.query("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                           "WHERE usename = 'okta'") == std::vector<std::string>{"t", "t"});
}

TEST_CASE("store over TLS: a certificate of an unknown authority is refused, with what to do") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  const Bench bench("localhost");
  const std::string why = Bench::refusal(bench.url(), bench.unknown);
  CHECK_THAT(why, Contains("certificate verify failed") && Contains("sslrootcert=") && Contains("--ca-file"));
  CHECK_THAT(Bench::refusal(bench.url("&sslrootcert=" + bench.unknown), bench.known),
             Contains("certificate verify failed"));
}

TEST_CASE("store over TLS: a certificate for another host is refused, with what to do") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  const Bench bench("db.example.com");
  CHECK_THAT(Bench::refusal(bench.url(), bench.known),
             Contains("db.example.com") && Contains("write the host name that the certificate has"));
}

TEST_CASE("store over TLS: a server without TLS gets nothing, and the error says what to do") {
  if (!PostgresServer::programs()) return test::skip(not_installed);
  const PostgresServer server;
  const std::string url =
      "postgresql://okta@localhost:" + std::to_string(server.port()) + "/okta?sslmode=require";
  CHECK_THAT(Bench::refusal(url, std::nullopt),
             Contains("does not support SSL") && Contains("enable TLS on the server"));
}

}  // namespace
}  // namespace logzio_okta
