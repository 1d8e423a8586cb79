#include "e2e/bench.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logzio_okta/base/gzip.hpp"

#include "model/json.hpp"
#include "sandbox/stream.hpp"

extern "C" [[gnu::weak]] int __lsan_do_recoverable_leak_check();  // Where AddressSanitizer is in the program.

namespace logzio_okta::e2e {
namespace {

// How the daemon was built, and the sandbox in this process; the tests themselves are not.
#if defined(LOGZIO_OKTA_SANITIZE)
constexpr std::string_view sanitizers = LOGZIO_OKTA_SANITIZE;
#else
constexpr std::string_view sanitizers;
#endif

constexpr std::int64_t plenty = 1'000'000;  // Requests a window.
constexpr std::size_t last_words = 30;
constexpr std::size_t set_aside_event_bytes_max = std::size_t{16} << 20U;

// The leak checker is a debugger, which some containers forbid; there it ends every program with an error of
// its own. Tried once, while there are no threads, in a process of its own.
bool try_leak_checker() {
  if (__lsan_do_recoverable_leak_check == nullptr) return false;
  const pid_t process = fork();
  if (process == 0) {
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    static_cast<void>(__lsan_do_recoverable_leak_check());
    _exit(0);
  }
  int status = 0;
  return process > 0 && waitpid(process, &status, 0) == process && status == 0;
}

const bool leaks_are_found = try_leak_checker();

const char* other_binary() {
  return std::getenv("LOGZIO_OKTA_E2E_BINARY");
}

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// The columns of each row as bytes.
std::vector<Words> rows_of(const std::string& file, const std::string& sql) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> database(raw);
  if (opened != SQLITE_OK) throw std::runtime_error("cannot open " + file);
  sqlite3_busy_timeout(raw, 5000);
  sqlite3_stmt* prepared = nullptr;
  sqlite3_prepare_v2(raw, sql.c_str(), -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Finalize> statement(prepared);
  if (!statement) throw std::runtime_error(sql + ": " + sqlite3_errmsg(raw));
  std::vector<Words> rows;
  while (sqlite3_step(prepared) == SQLITE_ROW) {
    Words& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(prepared); ++i) {
      const void* bytes = sqlite3_column_blob(prepared, i);
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared, i));
      row.emplace_back(static_cast<const char*>(bytes), bytes == nullptr ? 0 : size);
    }
  }
  return rows;
}

}  // namespace

// The world and its files.

Bench::Bench(std::uint64_t seed) : world(seed) {
  add_secret(world.token());
}

Bench::~Bench() {
  end_daemon();
  look_for_secrets();
  const bool sanitizer_spoke = logs_.contains("Sanitizer") || logs_.contains("runtime error:");
  CHECK_FALSE(sanitizer_spoke);
  if (sanitizer_spoke) WARN(logs_.substr(logs_.size() - std::min<std::size_t>(logs_.size(), 4000)));
}

void Bench::look_for_secrets() {
  std::string said = logs_;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir(), missing)) {
    said += read_whole(entry.path());
  }
  // Access tokens, client assertions and proofs: whatever an org has seen of them.
  for (std::size_t org = 0; org < world.orgs(); ++org) {
    const auto shown =
        world.with_org(org, [](model::OktaOrg& okta) { return std::vector(okta.oauth().secrets()); });
    secrets_.insert(secrets_.end(), shown.begin(), shown.end());
  }
  for (const std::string& secret : secrets_) {
    const bool leaked = said.contains(secret);
    CAPTURE(secret);
    CHECK_FALSE(leaked);
  }
}

std::size_t Bench::add_org(sandbox::OrgSpec spec) {
  if (spec.settings.rate_limit == model::OrgSettings{}.rate_limit) spec.settings.rate_limit = plenty;
  const std::vector<std::string> keys = spec.keys;
  const bool service_app = spec.service_app;
  const std::size_t org = world.add_org(std::move(spec));
  if (service_app) {
    add_secret(world.app_key(org).number("priv"));
  } else {
    add_secret(world.org_key(org));
  }
  for (const std::string& key : keys) add_secret(key);
  return org;
}

std::size_t Bench::add_listener(sandbox::ListenerSpec spec) {
  return world.add_listener(std::move(spec));
}

Words Bench::query_state(const std::string& sql) const {
  Words first;
  for (Words& row : rows_of(path("state/state.sqlite"), sql)) first.push_back(std::move(row.at(0)));
  return first;
}

Words Bench::set_aside() const {
  Words events;
  for (const std::string& packed : query_state("SELECT bytes FROM set_aside ORDER BY id")) {
    events.push_back(gunzip(packed, set_aside_event_bytes_max).value_or("damaged"));
  }
  return events;
}

// The program.

std::filesystem::path Bench::binary() {
  const char* other = other_binary();
  return other != nullptr ? other : LOGZIO_OKTA_BINARY;
}

bool Bench::measurable() {
  return other_binary() != nullptr || sanitizers.empty();
}

Variables Bench::sanitizer_variables() {
  if (const char* given = std::getenv("ASAN_OPTIONS")) return {{"ASAN_OPTIONS", given}};
  if (leaks_are_found) return {};
  return {{"ASAN_OPTIONS", "detect_leaks=0"}};
}

Words Bench::flags_of(const Run& run) const {
  Words flags = {"--tenants",    tenants_file(),  "--state-dir",     state_dir(),
                 "--ca-file",    world.ca_file(), "--poll-interval", run.poll_interval,
                 "--rate-share", run.rate_share,  "--admin",         run.admin,
                 "--log-level",  "trace",         "--listener",      world.listener_address(0)};
  flags.insert(flags.end(), run.flags.begin(), run.flags.end());
  return flags;
}

Variables Bench::environment_of(const Run& run) const {
  Variables env = sanitizer_variables();
  env.emplace_back("LOGZIO_TOKEN", world.token());
  for (const auto& given : run.env) {
    std::erase_if(env, [&](const auto& own) { return own.first == given.first; });
    env.push_back(given);
  }
  return env;
}

Daemon& Bench::start(const Run& run) {
  if (!std::filesystem::exists(tenants_file())) write_tenants();
  return start_process({.args = flags_of(run), .env = environment_of(run)});
}

Daemon& Bench::start_process(sandbox::ProcessSpec spec) {
  end_daemon();
  if (spec.binary.empty()) spec.binary = binary();
  return daemon_.emplace(std::move(spec));
}

std::optional<int> Bench::run_once(Run run, Duration limit) {
  run.flags.emplace_back("--once");
  start(run);
  const auto code = daemon_->wait_exit(limit);
  if (code != 0) tell();
  return code;
}

std::optional<int> Bench::stop(Duration limit) {
  daemon_->signal(SIGTERM);
  const auto code = daemon_->wait_exit(limit);
  if (code != 0) tell();
  return code;
}

void Bench::kill() {
  daemon_->kill_hard();
  while (world.standing(world.listener_port(0)) > 0) pass(1ms);
}

bool Bench::says(std::string_view text, Duration limit) {
  const bool said = daemon_->wait_log(text, limit);
  if (!said) tell();
  return said;
}

void Bench::end_daemon() {
  if (!daemon_) return;
  daemon_->kill_hard();
  logs_ += daemon_->log();
  logs_ += daemon_->out();
  daemon_.reset();
}

void Bench::tell() {
  const model::Judgement judgement = world.judge();
  std::string text = judgement.summary() + "\n";
  for (const std::string& finding : judgement.findings) text += finding + "\n";
  if (daemon_) text += "its last words:\n" + daemon_->log_tail(last_words);
  UNSCOPED_INFO(text);
}

// What is seen from outside.

bool Bench::all_arrive(Duration limit) {
  return wait(
      [this] { return world.with_ledger([](const model::Ledger& ledger) { return ledger.complete(); }); },
      limit);
}

bool Bench::proven() {
  const bool proven = world.judge().proven();
  if (!proven) tell();
  return proven;
}

bool Bench::proven_once() {
  const model::Judgement judgement = world.judge();
  const bool once = judgement.proven() && judgement.repeats == 0 && judgement.marked == 0;
  if (!once) tell();
  return once;
}

std::size_t Bench::requests(std::size_t org) {
  return world.with_org(org, [](model::OktaOrg& okta) { return okta.counts().requests; });
}

std::size_t Bench::requests_of_all() {
  std::size_t sum = 0;
  for (std::size_t org = 0; org < world.orgs(); ++org) sum += requests(org);
  return sum;
}

std::size_t Bench::bulks(std::size_t listener) {
  return world.with_listener(listener, [](model::Listener& logz) { return logz.counts().bulks; });
}

std::size_t Bench::lines(std::size_t listener) {
  return world.with_listener(listener, [](model::Listener& logz) { return logz.counts().lines_stored; });
}

void Bench::inject(std::size_t org, model::OktaFault fault, std::size_t times) {
  world.with_org(org, [&](model::OktaOrg& okta) { okta.inject(std::move(fault), times); });
}

void Bench::inject_listener(model::ListenerFault fault, std::size_t times) {
  world.with_listener(0, [&](model::Listener& logz) { logz.inject(std::move(fault), times); });
}

void Bench::heal_listener() {
  world.with_listener(0, [](model::Listener& logz) { logz.clear_faults(); });
}

// Small things.

bool is_marked(std::string_view line) {
  return line.contains("\"possible_duplicate\":true");
}

std::string member(std::string_view line, std::string_view name) {
  const auto object = model::read_object(line);
  const auto value = object ? object->value(name) : std::nullopt;
  if (!value) return {};
  if (value->starts_with('"')) return std::string(value->substr(1, value->size() - 2));
  return std::string(*value);
}

std::string read_whole(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

sandbox::Fd connect_to(std::uint16_t port) {
  sandbox::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timeval longest{.tv_sec = seconds.count(), .tv_usec = 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return socket;
}

HttpReply http_get(std::uint16_t port, const std::string& target, const std::string& host) {
  const sandbox::Fd socket = connect_to(port);
  const std::string request =
      "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  (void)!send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string text;
  std::string room(65'536, '\0');
  for (ssize_t got = 0; (got = recv(socket.get(), room.data(), room.size(), 0)) > 0;) {
    text.append(room, 0, static_cast<std::size_t>(got));
  }
  HttpReply reply;
  const std::size_t head_end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || head_end == std::string::npos) return reply;
  std::from_chars(text.data() + 9, text.data() + 12, reply.status);
  reply.body = text.substr(head_end + 4);
  return reply;
}

std::uint16_t free_port() {
  return sandbox::port_of(sandbox::bind_loopback());
}

}  // namespace logzio_okta::e2e
