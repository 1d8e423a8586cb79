// PgSession: the database for a command, which may wait for it.
//
//     auto session = PgSession::open(access);
//     Result<PgRows> rows = session->run(PgStatement("select 1::bigint"));
#pragma once

#include <memory>
#include <string>

#include <libpq-fe.h>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/time.hpp"

#include "shell/postgres/access.hpp"
#include "shell/postgres/rows.hpp"

namespace logzio_okta {

class PgSession {
 public:
  /// Waits for ten seconds a host at most.
  static Result<PgSession> open(const StoreAccess& access);

  /// The error says what is wrong and what to do.
  [[nodiscard]] Result<PgRows> run(const PgStatement& statement);
  /// Whether there is a state that this program knows.
  [[nodiscard]] Result<bool> has_state();
  /// "TLSv1.3"; empty without TLS.
  [[nodiscard]] std::string tls() const;
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  PgSession(std::string place, PGconn* connection) : place_(std::move(place)), connection_(connection) {}

  std::string place_;
  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace logzio_okta
