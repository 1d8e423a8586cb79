#include "shell/postgres/session.hpp"

#include <utility>

#include "shell/postgres/connection.hpp"
#include "shell/postgres/schema.hpp"

namespace logzio_okta {

Result<PgSession> PgSession::open(const StoreAccess& access) {
  auto parameters = parameters_of(access);
  if (!parameters) return std::unexpected(std::move(parameters.error()));
  auto password = password_of(access);
  if (!password) return std::unexpected(std::move(password.error()));
  parameters->others.emplace_back("connect_timeout", "10");
  PGconn* connection = start_connection(parameters->hosts, parameters->others, *password, Start::and_wait);
  PgSession session(place_of(access), connection);
  if (connection == nullptr || PQstatus(connection) != CONNECTION_OK) {
    const char* message = connection == nullptr ? "out of memory" : PQerrorMessage(connection);
    return fail(explain_failure(message, {}, session.place_).text);
  }
  return session;
}

Result<PgRows> PgSession::run(const PgStatement& statement) {
  PgRows rows(statement.run(connection_.get()));
  const ExecStatusType status = PQresultStatus(rows.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    return fail(failure_of(rows.get(), place_).text);
  return rows;
}

Result<bool> PgSession::has_state() {
  auto found = run(find_schema().front());
  if (!found) return std::unexpected(std::move(found.error()));
  if (!found->flag(0, 0)) return false;
  auto version = run(PgStatement("select version from logzio_okta.meta"));
  if (!version) return std::unexpected(std::move(version.error()));
  if (version->count() == 1 && version->number(0, 0) > postgres_schema_version)
    return fail("the state in the database was written by a newer version; upgrade this program");
  return version->count() == 1;
}

std::string PgSession::tls() const {
  if (PQsslInUse(connection_.get()) == 0) return {};
  const char* protocol = PQsslAttribute(connection_.get(), "protocol");
  return protocol == nullptr ? "TLS" : protocol;
}

}  // namespace logzio_okta
