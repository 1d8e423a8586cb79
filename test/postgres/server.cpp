#include "postgres/server.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>
#include <utility>

#include <libpq-fe.h>
#include <unistd.h>

#include "sandbox/stream.hpp"

namespace logzio_okta::test {
namespace {

using sandbox::Daemon;
using sandbox::ProcessSpec;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

constexpr uid_t nobody = 65534;
constexpr Duration patience = 120s;
constexpr int ports_tried_max = 50;

[[noreturn]] void fail(const std::string& what, const std::string& said) {
  throw std::runtime_error("PostgreSQL: " + what + (said.empty() ? "" : ":\n" + said));
}

std::filesystem::path program(const char* name) {
  const auto programs = PostgresServer::programs();
  if (!programs) fail("it is not installed", "");
  return *programs / name;
}

/// As the server's user, and gone with us.
ProcessSpec as_server(const std::filesystem::path& binary, const Words& args) {
  ProcessSpec spec{.binary = "/usr/bin/setpriv", .args = {"--pdeathsig", "QUIT"}};
  if (geteuid() == 0) {
    const std::string id = std::to_string(nobody);
    spec.args.insert(spec.args.end(), {"--reuid", id, "--regid", id, "--clear-groups"});
  }
  spec.args.push_back(binary.string());
  spec.args.insert(spec.args.end(), args.begin(), args.end());
  spec.env = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C"}};
  return spec;
}

void run_as_server(const std::filesystem::path& binary, const Words& args) {
  Daemon process(as_server(binary, args));
  if (process.wait_exit(patience) != 0) fail(binary.string() + " failed", process.out() + process.log());
}

void give_to_server(const std::filesystem::path& path) {
  if (geteuid() == 0 && ::chown(path.c_str(), nobody, nobody) != 0)
    fail("cannot hand over " + path.string(), "");
}

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};

Words rows_of(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, CloseConnection> connection(PQconnectdb(url.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) fail("cannot connect", PQerrorMessage(connection.get()));
  PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, ClearResult> result(PQexec(connection.get(), sql.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(sql, PQerrorMessage(connection.get()));
  Words rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) rows.emplace_back(PQgetvalue(result.get(), row, 0));
  return rows;
}

/// Who may connect, and how; the first matching line counts.
constexpr std::string_view doors =
    "local all         locked              scram-sha-256\n"
    "host  all         locked 127.0.0.1/32 scram-sha-256\n"
    "local all         all                 trust\n"
    "local replication all                 trust\n"
    "host  all         all    127.0.0.1/32 trust\n";

/// A cluster that has never run; what each server begins as.
const std::filesystem::path& fresh_cluster() {
  static const sandbox::TempDir files;
  static const std::filesystem::path made = [] {
    give_to_server(files.path());
    const std::filesystem::path data = files.path() / "data";
    run_as_server(program("initdb"), {"--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                                      "--locale=C", "-D", data.string()});
    std::ofstream(data / "pg_hba.conf") << doors;
    return data;
  }();
  return made;
}

/// A free port of 127.0.0.1 that the system does not give to outgoing connections.
std::uint16_t quiet_port() {
  static std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::uint16_t> ports(20'000, 32'000);
  for (;;) {
    const std::uint16_t port = ports(random);
    try {
      static_cast<void>(sandbox::bind_loopback(port));
      return port;
    } catch (const std::system_error&) {
      continue;
    }
  }
}

/// The parent of a process, or 0 if it is gone.
pid_t parent_of(const std::string& pid) {
  std::ifstream stat("/proc/" + pid + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t name_end = text.rfind(") ");  // After it: the state, the parent.
  return name_end == std::string::npos ? 0 : std::atoi(text.c_str() + name_end + 4);
}

}  // namespace

std::optional<std::filesystem::path> PostgresServer::programs() {
  if (const char* given = std::getenv("LOGZIO_OKTA_POSTGRES_BIN")) {
    return *given == '\0' ? std::nullopt : std::optional<std::filesystem::path>(given);
  }
  std::optional<std::filesystem::path> newest;
  int version = 0;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", missing)) {
    const int its = std::atoi(entry.path().filename().c_str());
    if (its <= version || !std::filesystem::exists(entry.path() / "bin/initdb")) continue;
    version = its;
    newest = entry.path() / "bin";
  }
  return newest;
}

PostgresServer::PostgresServer(PostgresSpec spec) : spec_(std::move(spec)) {
  give_to_server(files_.path());
  run_as_server("/bin/cp", {"-a", "--reflink=auto", fresh_cluster().string(), data().string()});
  start();
  const std::string anywhere = socket_url("postgres", "postgres");
  for (const std::string& sql :
       {std::string("CREATE ROLE okta LOGIN"), std::string("CREATE ROLE guest LOGIN"),
        "CREATE ROLE locked LOGIN PASSWORD '" + std::string(password) + "'",
        std::string("CREATE DATABASE okta OWNER okta")}) {
    static_cast<void>(rows_of(anywhere, sql));
  }
}

PostgresServer::PostgresServer(Follow follow) : spec_(follow.leader.spec_) {
  give_to_server(files_.path());
  run_as_server(program("pg_basebackup"), {"-D", data().string(), "-h", follow.leader.files_.path().string(),
                                           "-p", std::to_string(follow.leader.port_), "-U", "postgres", "-R",
                                           "-X", "stream", "-c", "fast", "--no-sync"});
  start();
}

PostgresServer::~PostgresServer() {
  if (!running()) return;
  resume();
  end(SIGQUIT);
}

std::string PostgresServer::url(std::string_view role, std::uint16_t port) {
  return "postgresql://" + std::string(role) + "@127.0.0.1:" + std::to_string(port) + "/okta";
}

std::string PostgresServer::socket_url(std::string_view role, std::string_view database) const {
  return "postgresql://" + std::string(role) + "@/" + std::string(database) +
         "?host=" + files_.path().string() + "&port=" + std::to_string(port_);
}

Words PostgresServer::query(const std::string& sql) const {
  return rows_of(socket_url("postgres"), sql);
}

std::string PostgresServer::value(const std::string& sql) const {
  const Words rows = query(sql);
  if (rows.size() != 1) fail(sql, std::to_string(rows.size()) + " rows");
  return rows.front();
}

// What happens to it.

void PostgresServer::start() {
  const auto end = Clock::now() + patience;
  const bool has_port = port_ != 0;  // Its clients know it.
  for (int tries = 1;; ++tries) {
    if (!has_port) port_ = quiet_port();
    launch();
    if (server_->wait_log("database system is ready to accept", patience)) return;
    // Another process took the port first, or what a killed postmaster left is not gone yet.
    const std::string said = server_->log();
    const bool passes =
        said.contains("in use") || said.contains("could not bind") || said.contains("lock file");
    if (!passes || Clock::now() > end || (!has_port && tries > ports_tried_max))
      fail("it does not start", said);
    server_->kill_hard();
  }
}

void PostgresServer::launch() {
  Words args{"-D", data().string(),
             "-p", std::to_string(port_),
             "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=" + files_.path().string(),
             "-c", "max_connections=100",
             "-c", "shared_buffers=16MB",
             "-c", "wal_keep_size=64MB"};
  if (!spec_.durable) args.insert(args.end(), {"-c", "fsync=off"});
  if (spec_.tls) {
    const auto keep = [&](const char* setting, const std::string& name, const std::string& pem) {
      const std::filesystem::path file = files_.path() / name;
      std::ofstream(file) << pem;
      std::filesystem::permissions(file, std::filesystem::perms::owner_read);
      give_to_server(file);
      args.insert(args.end(), {"-c", setting + ("=" + file.string())});
    };
    keep("ssl_cert_file", "server.crt", spec_.tls->certificate_pem);
    keep("ssl_key_file", "server.key", spec_.tls->key_pem);
    args.insert(args.end(), {"-c", "ssl=on"});
  }
  for (const std::string& setting : spec_.settings) args.insert(args.end(), {"-c", setting});
  server_.emplace(as_server(program("postgres"), args));
}

void PostgresServer::end(int signal) {
  server_->signal(signal);
  if (!server_->wait_exit(patience)) fail("it does not stop", server_->log());
}

void PostgresServer::stop() {
  end(SIGINT);
}
void PostgresServer::stop_at_once() {
  end(SIGQUIT);
}

void PostgresServer::kill() {
  server_->signal(SIGSTOP);  // It would begin to recover.
  for (const pid_t process : processes()) ::kill(process, SIGKILL);
  server_->kill_hard();
}

void PostgresServer::kill_postmaster() {
  server_->kill_hard();
}

bool PostgresServer::kill_backends() {
  const Words pids = query(
      "SELECT pid FROM pg_stat_activity JOIN pg_roles ON usename = rolname"
      " WHERE backend_type = 'client backend' AND NOT rolsuper AND pid <> pg_backend_pid()");
  for (const std::string& pid : pids) {
    if (parent_of(pid) == server_->pid()) ::kill(std::atoi(pid.c_str()), SIGKILL);
  }
  const auto end = Clock::now() + patience;
  // Until the server has noticed their death it answers as if nothing had happened.
  const auto is_there = [&](const std::string& pid) { return parent_of(pid) == server_->pid(); };
  while (std::ranges::any_of(pids, is_there) && Clock::now() < end)
    static_cast<void>(server_->wait_exit(20ms));
  while (!pids.empty()) {
    try {
      static_cast<void>(query("SELECT 1"));
      break;
    } catch (const std::runtime_error&) {
      if (Clock::now() > end) throw;
      static_cast<void>(server_->wait_exit(20ms));
    }
  }
  return !pids.empty();
}

void PostgresServer::pause() {
  server_->signal(SIGSTOP);
  for (const pid_t process : processes()) ::kill(process, SIGSTOP);
}

void PostgresServer::resume() {
  for (const pid_t process : processes()) ::kill(process, SIGCONT);
  server_->signal(SIGCONT);
}

/// All but the first, which is its parent.
std::vector<pid_t> PostgresServer::processes() const {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos &&
        parent_of(name) == server_->pid()) {
      found.push_back(std::atoi(name.c_str()));
    }
  }
  return found;
}

std::unique_ptr<PostgresServer> PostgresServer::standby() {
  return std::unique_ptr<PostgresServer>(new PostgresServer(Follow{*this}));
}

void PostgresServer::stop_following() {
  static_cast<void>(query("ALTER SYSTEM SET primary_conninfo = ''"));
  static_cast<void>(query("SELECT pg_reload_conf()"));
  const auto end = Clock::now() + patience;
  while (value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walreceiver'") != "0") {
    if (Clock::now() > end) fail("it goes on following", log());
    static_cast<void>(server_->wait_exit(5ms));
  }
}

void PostgresServer::promote() {
  if (value("SELECT pg_promote(true, 120)") != "t") fail("it is not promoted", log());
}

}  // namespace logzio_okta::test
