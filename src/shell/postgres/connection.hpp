// PgConnection: one connection to the database that never makes the loop wait: it connects, is lost and
// connects again by itself, and works through batches, one transaction each.
//
//     PgConnection connection(access);
//     connection.work(now);                                      // Each turn.
//     if (connection.ready()) connection.send(now, std::move(statements), 10s, done);
//     connection.add_descriptor(descriptors);                    // To wait for, ...
//     wait_until(connection.deadline());                         // ... and until when.
//
// Promises
// - A batch is one transaction: all of its statements or none, committed when `done` is told so. Batches are
//   worked through in the order given, without waiting for each other.
// - `done` is called exactly once, from within work() or lose(). A failure without a code says that the
//   answer never came: the batch may have been committed or not.
// - Nothing is waited for longer than a batch's patience: a server that hangs counts as gone.
// - Host names are looked up on the side (Resolver); if a host does not answer, the next one is tried, and
//   one that is read-only is passed over.
// - Connecting again begins at once, then every reconnect_max at the latest.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libpq-fe.h>
#include <poll.h>

#include "logzio_okta/base/time.hpp"

#include "shell/postgres/access.hpp"
#include "shell/postgres/resolver.hpp"
#include "shell/postgres/rows.hpp"

namespace logzio_okta {

/// What went wrong, for people, with its cure; and the server's five-character code for it (SQLSTATE).
struct PgFailure {
  std::string text;
  std::string code;
  [[nodiscard]] bool unanswered() const { return code.empty(); }
};
/// What the server says about a failure, with what to do about it.
[[nodiscard]] PgFailure explain_failure(std::string_view message, std::string_view code,
                                        const std::string& place);
[[nodiscard]] PgFailure failure_of(const PGresult* result, const std::string& place);

enum class Start : std::uint8_t { and_go_on, and_wait };
/// The hosts' addresses must be known, unless it may wait. Null only if there is no memory.
[[nodiscard]] PGconn* start_connection(const std::vector<StoreHost>& hosts,
                                       const std::vector<std::pair<std::string, std::string>>& others,
                                       const Secret& password, Start start);

class PgConnection {
 public:
  using Outcome = std::expected<std::vector<PgRows>, PgFailure>;
  using Done = std::function<void(const Outcome&)>;

  static constexpr Duration connect_patience = 10s;
  static constexpr Duration usual_patience = 10s;  ///< For a batch on which no lease depends.
  static constexpr Duration host_patience = 5s;    ///< If there is another host to try.
  static constexpr Duration reconnect_min = 250ms;
  static constexpr Duration reconnect_max = 3s;

  /// The access must outlive it.
  explicit PgConnection(const StoreAccess& access);
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;
  ~PgConnection();

  /// Connected, so that a batch can be sent.
  [[nodiscard]] bool ready() const { return state_ == State::ready; }
  [[nodiscard]] bool idle() const { return batches_.empty(); }
  /// Counts connections: another number is another session.
  [[nodiscard]] std::uint64_t session() const { return session_; }
  /// Why connecting failed, since it last worked.
  [[nodiscard]] const std::optional<PgFailure>& trouble() const { return trouble_; }

  void send(Instant now, const std::vector<PgStatement>& statements, Duration patience, Done done);
  void work(Instant now);
  /// The payloads that NOTIFY brought since the last call.
  [[nodiscard]] std::vector<std::string> take_notified() { return std::exchange(notified_, {}); }
  /// Gives this connection up and begins another.
  void lose(Instant now, PgFailure why);

  void add_descriptor(std::vector<pollfd>& descriptors) const;
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  enum class State : std::uint8_t { waiting, resolving, connecting, ready };
  struct Batch {
    std::vector<PgRows> rows;
    std::optional<PgFailure> failure;
    Instant until;
    Done done;
  };
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  void begin(Instant now);
  void connect(Instant now, std::vector<StoreHost> hosts);
  void move_on(Instant now);
  void opened();
  void read(Instant now);
  void take(PGresult* result);
  void take_notifications();
  void give_up(Instant now, PgFailure why);

  const StoreAccess& access_;
  std::string place_;
  State state_ = State::waiting;
  Resolver resolver_;
  std::vector<std::pair<std::string, std::string>> others_;
  std::size_t first_host_ = 0;  ///< Which of the hosts is tried first.
  std::size_t hosts_ = 0;
  std::unique_ptr<PGconn, Finish> connection_;
  PostgresPollingStatusType wants_ = PGRES_POLLING_WRITING;
  bool wants_to_write_ = false;
  Instant at_{};  ///< When it begins again, or when connecting has taken too long.
  Duration pause_{};
  std::uint64_t session_ = 0;
  std::optional<PgFailure> trouble_;
  std::deque<Batch> batches_;
  std::vector<std::string> notified_;
};

}  // namespace logzio_okta
