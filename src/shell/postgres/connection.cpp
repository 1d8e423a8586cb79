#include "shell/postgres/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

/// What libpq would write to stderr.
void pass_over(void* /*unused*/, const PGresult* /*notice*/) {}

struct Cure {
  std::string_view sign;  ///< The code, or a piece of the message.
  std::string_view cure;
};
constexpr std::array by_code{
    Cure{"28P01",
         "check the user in the store's URL and the password in PGPASSWORD or "
         "LOGZIO_OKTA_STORE_PASSWORD_FILE"},
    Cure{"42501",
         "grant it to the user: it needs CREATE on the database once, or a schema logzio_okta of its own "
         "(docs/replicas.md)"},
    Cure{"53100", "free room on the database's disk"},
    Cure{"53300", "raise max_connections; each replica takes two"},
    Cure{"25006", "this server is read-only; name the writable one, or all of them, in the store's URL"},
    Cure{"57P03", "it is starting or stopping; nothing to do unless this lasts"},
    Cure{"57P01", "it was stopped or restarted; nothing to do unless this lasts"},
};
constexpr std::array by_message{
    Cure{"password authentication failed",
         "check the user in the store's URL and the password in PGPASSWORD or "
         "LOGZIO_OKTA_STORE_PASSWORD_FILE"},
    Cure{"no password supplied",
         "give the password in PGPASSWORD, PGPASSFILE or LOGZIO_OKTA_STORE_PASSWORD_FILE"},
    Cure{"no pg_hba.conf entry", "allow this host and user in the server's pg_hba.conf"},
    Cure{"does not exist", "create it, or correct the store's URL"},
    Cure{"certificate verify failed",
         "name the certificates of the server's authority in the URL, ?sslrootcert=/path/to/ca.pem, or with "
         "--ca-file"},
    Cure{"server certificate for", "write the host name that the certificate has"},
    Cure{"does not support SSL",
         "enable TLS on the server; only where the network is trusted, write ?sslmode=disable"},
    Cure{"root certificate file", "name a readable file in the URL: ?sslrootcert=/path/to/ca.pem"},
    Cure{"read-only", "this server is read-only; name the writable one, or all of them, in the store's URL"},
    Cure{"Connection refused", "check that the server runs there and listens"},
    Cure{"starting up", "nothing to do unless this lasts"},
    Cure{"in recovery mode", "nothing to do unless this lasts"},
};

std::string one_line(std::string_view message) {
  std::string line;
  for (const char c : ascii::trim(message)) {
    const bool space = ascii::is_space(c);
    if (!space || (!line.empty() && line.back() != ' ')) line += space ? ' ' : c;
  }
  return printable(without_credentials(line));
}

}  // namespace

PgFailure explain_failure(std::string_view message, std::string_view code, const std::string& place) {
  PgFailure failure{.text = place + ": " + one_line(message), .code = std::string(code)};
  const auto* known = std::ranges::find(by_code, code, &Cure::sign);
  if (known != by_code.end()) {
    failure.text.append("; ").append(known->cure);
    return failure;
  }
  for (const Cure& each : by_message) {
    if (!message.contains(each.sign)) continue;
    failure.text.append("; ").append(each.cure);
    break;
  }
  return failure;
}

PgFailure failure_of(const PGresult* result, const std::string& place) {
  const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return explain_failure(message != nullptr ? message : PQresultErrorMessage(result),
                         code != nullptr ? code : "", place);
}

PGconn* start_connection(const std::vector<StoreHost>& hosts,
                         const std::vector<std::pair<std::string, std::string>>& others,
                         const Secret& password, Start start) {
  std::array<std::string, 3> lists;
  for (const StoreHost& host : hosts) {
    const char* comma = &host == hosts.data() ? "" : ",";
    lists[0].append(comma).append(host.name);
    lists[1].append(comma).append(host.address);
    lists[2].append(comma).append(host.port);
  }
  std::vector<const char*> names = {"host", "hostaddr", "port"};
  std::vector<const char*> values = {lists[0].c_str(), lists[1].c_str(), lists[2].c_str()};
  std::string bare(password.expose());
  if (!bare.empty()) {
    names.push_back("password");
    values.push_back(bare.c_str());
  }
  for (const auto& [name, value] : others) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* connection = start == Start::and_wait ? PQconnectdbParams(names.data(), values.data(), 0)
                                                : PQconnectStartParams(names.data(), values.data(), 0);
  if (connection != nullptr) PQsetNoticeReceiver(connection, pass_over, nullptr);
  wipe(bare);
  return connection;
}

PgConnection::PgConnection(const StoreAccess& access) : access_(access), place_(place_of(access)) {}
PgConnection::~PgConnection() = default;

void PgConnection::begin(Instant now) {
  auto parameters = parameters_of(access_);
  if (!parameters) return give_up(now, {.text = place_ + ": " + parameters.error().text, .code = {}});
  others_ = std::move(parameters->others);
  at_ = now + connect_patience;
  state_ = State::resolving;
  resolver_.look_up(std::move(parameters->hosts));
}

void PgConnection::connect(Instant now, std::vector<StoreHost> hosts) {
  auto password = password_of(access_);
  if (!password) return give_up(now, {.text = password.error().text, .code = {}});
  hosts_ = hosts.size();
  // Otherwise a host that does not even answer would cost its patience each time.
  std::ranges::rotate(hosts, hosts.begin() + static_cast<std::ptrdiff_t>(first_host_ % hosts_));
  connection_.reset(start_connection(hosts, others_, *password, Start::and_go_on));
  if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD) {
    const char* message = connection_ ? PQerrorMessage(connection_.get()) : "out of memory";
    return give_up(now, explain_failure(message, {}, place_));
  }
  state_ = State::connecting;
  wants_ = PGRES_POLLING_WRITING;
  at_ = now + (hosts_ > 1 ? host_patience : connect_patience);
}

/// Only when the socket is ready: libpq would take a connection in progress for an established one.
void PgConnection::move_on(Instant now) {
  for (;;) {
    pollfd waits{.fd = PQsocket(connection_.get()),
                 .events = static_cast<short>(wants_ == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                 .revents = 0};
    if (poll(&waits, 1, 0) <= 0) break;
    wants_ = PQconnectPoll(connection_.get());
    if (wants_ == PGRES_POLLING_OK) return opened();
    if (wants_ == PGRES_POLLING_FAILED) {
      ++first_host_;
      return give_up(now, explain_failure(PQerrorMessage(connection_.get()), {}, place_));
    }
  }
  if (now < at_) return;
  ++first_host_;
  give_up(
      now,
      {.text = place_ +
               ": it does not answer; check the host and port in the store's URL, and the firewall between",
       .code = {}});
}

void PgConnection::opened() {
  CHECK(PQsetnonblocking(connection_.get(), 1) == 0);
  CHECK(PQenterPipelineMode(connection_.get()) == 1);
  state_ = State::ready;
  trouble_.reset();
  pause_ = {};
  ++session_;
}

void PgConnection::send(Instant now, const std::vector<PgStatement>& statements, Duration patience,
                        Done done) {
  CHECK(ready());
  batches_.push_back({.rows = {}, .failure = std::nullopt, .until = now + patience, .done = std::move(done)});
  const bool sent = std::ranges::all_of(
      statements, [this](const PgStatement& each) { return each.send(connection_.get()); });
  const int unsent = sent && PQpipelineSync(connection_.get()) == 1 ? PQflush(connection_.get()) : -1;
  wants_to_write_ = unsent > 0;
  if (unsent < 0) lose(now, explain_failure(PQerrorMessage(connection_.get()), {}, place_));
}

void PgConnection::work(Instant now) {
  if (state_ == State::waiting && now >= at_) begin(now);
  if (state_ == State::resolving) {
    if (auto found = resolver_.take()) {
      if (*found) {
        connect(now, std::move(**found));
      } else {
        give_up(now, {.text = place_ + ": " + found->error().text, .code = {}});
      }
    } else if (now >= at_) {
      give_up(now, {.text = place_ + ": its host name is not resolved; check this machine's name server",
                    .code = {}});
    }
  }
  if (state_ == State::connecting) move_on(now);
  if (state_ == State::ready) read(now);
}

void PgConnection::read(Instant now) {
  PGconn* connection = connection_.get();
  const int unsent = PQflush(connection);
  wants_to_write_ = unsent > 0;
  if (unsent < 0 || PQconsumeInput(connection) != 1)
    return lose(now, explain_failure(PQerrorMessage(connection), {}, place_));
  // What `done` does may lose the connection or send more.
  const std::uint64_t session = session_;
  while (ready() && session_ == session && !batches_.empty() && PQisBusy(connection) == 0) {
    PGresult* result = PQgetResult(connection);
    if (result != nullptr) take(result);  // Between two statements there is none.
  }
  if (!ready() || session_ != session) return;
  take_notifications();
  if (PQstatus(connection) == CONNECTION_BAD)
    return lose(now, explain_failure(PQerrorMessage(connection), {}, place_));
  if (!batches_.empty() && now >= batches_.front().until)
    lose(now,
         {.text = place_ + ": it has stopped answering; check whether the server hangs or its disk is slow",
          .code = {}});
}

/// Needed even if we do not listen: a pooler may hand us those of others, and libpq would keep them.
void PgConnection::take_notifications() {
  constexpr std::size_t kept_max = 1000;
  while (PGnotify* notify = PQnotifies(connection_.get())) {
    if (notified_.size() < kept_max) notified_.emplace_back(notify->extra);
    PQfreemem(notify);
  }
}

void PgConnection::take(PGresult* result) {
  Batch& batch = batches_.front();
  PgRows rows(result);
  switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC: {
      Batch finished = std::move(batch);
      batches_.pop_front();
      if (finished.failure) return finished.done(std::unexpected(std::move(*finished.failure)));
      return finished.done(std::move(finished.rows));
    }
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      batch.rows.push_back(std::move(rows));
      return;
    case PGRES_PIPELINE_ABORTED:
      return;
    default:
      if (!batch.failure) batch.failure = failure_of(result, place_);
  }
}

void PgConnection::lose(Instant now, PgFailure why) {
  why.code.clear();
  give_up(now, std::move(why));
}

void PgConnection::give_up(Instant now, PgFailure why) {
  const bool was_ready = ready();
  connection_.reset();
  resolver_ = Resolver();
  state_ = State::waiting;
  wants_to_write_ = false;
  // At once after a connection that worked: a restarted server is back already.
  at_ = now + pause_;
  pause_ = std::clamp<Duration>(pause_ * 2, reconnect_min, reconnect_max);
  if (!was_ready) trouble_ = why;
  for (Batch& batch : std::exchange(batches_, {})) batch.done(std::unexpected(why));
}

void PgConnection::add_descriptor(std::vector<pollfd>& descriptors) const {
  const auto add = [&](int fd, int events) {
    if (fd >= 0) descriptors.push_back({.fd = fd, .events = static_cast<short>(events), .revents = 0});
  };
  switch (state_) {
    case State::waiting:
      return;
    case State::resolving:
      return add(resolver_.descriptor(), POLLIN);
    case State::connecting:
      return add(PQsocket(connection_.get()), wants_ == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    case State::ready:
      return add(PQsocket(connection_.get()), wants_to_write_ ? POLLIN | POLLOUT : POLLIN);
  }
}

std::optional<Instant> PgConnection::deadline() const {
  if (state_ != State::ready) return at_;
  if (batches_.empty()) return std::nullopt;
  return batches_.front().until;
}

}  // namespace logzio_okta
