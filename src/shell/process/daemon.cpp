#include "shell/process/daemon.hpp"

#include <algorithm>
#include <ctime>
#include <deque>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include <sys/random.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/flow/input_queue.hpp"
#include "logzio_okta/flow/scheduler.hpp"

#include "shell/hooks/hook_gate.hpp"
#include "shell/hooks/hook_server.hpp"
#include "shell/net/curl_client.hpp"
#include "shell/net/server_tls.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"
#include "shell/os/file_watch.hpp"
#include "shell/os/small_file.hpp"
#include "shell/output/once_view.hpp"
#include "shell/process/confinement.hpp"
#include "shell/process/kept.hpp"
#include "shell/process/notify.hpp"
#include "shell/process/signals.hpp"
#include "shell/serve/admin.hpp"
#include "shell/serve/history.hpp"
#include "shell/serve/process_facts.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/state/copies.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta {
namespace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
  return seed;
}

// From /proc, which counts in hundredths of a second since the boot: never too young.
Duration process_age() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  constexpr int fields_before_start = 19;  // proc(5): field 22; the second one ended with the bracket.
  std::string skipped;
  for (int i = 0; i < fields_before_start; ++i) fields >> skipped;
  std::int64_t ticks = 0;
  timespec since_boot{};
  if (!(fields >> ticks) || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) return {};
  const Duration began = std::chrono::milliseconds(ticks * 1000 / sysconf(_SC_CLK_TCK));
  return std::chrono::seconds(since_boot.tv_sec) + std::chrono::nanoseconds(since_boot.tv_nsec) - began;
}

std::string started_line(const Options& options, const Tenants& tenants, const std::string& place) {
  return "logzio-okta " LOGZIO_OKTA_VERSION ": " + std::to_string(tenants.entries.size()) +
         " tenant entries from " + tenants.source + ", to " +
         (options.listener.host.empty() ? "listeners of their own" : options.listener.text()) +
         ", state in " + place;
}

/// Between the moment when the core asked for it and this one the lease may have ended.
TransportError may_not_act() {
  return {.fault = TransportFault::refused_by_us,
          .text = "not asked or sent, since another replica may have taken over meanwhile"};
}

}  // namespace

struct Daemon::Impl {
  Impl(Settings settings_given, const Environment& environment_given, Log& log_given, Kept kept,
       Trust trust_given)
      : settings(std::move(settings_given)),
        state_dir(std::move(kept.state_dir)),
        state_place(std::move(kept.place)),
        environment(environment_given),
        log(log_given),
        notify(environment_given),
        store(std::move(kept.store)),
        copies(std::move(kept.copies)),
        trust(std::move(trust_given)),
        lock_watch(state_dir.empty()
                       ? std::nullopt
                       : std::optional<FileWatch>(std::in_place, OwnerLock::path_in(state_dir))) {
    if (copies) store->hold_saves([this] { return keep_copies(); });
  }

  void perform(Output output);
  void on(AskOkta&& ask) {
    if (store->may_act()) return client->ask(ask);
    inputs.push(OktaAnswer{.id = ask.id, .result = std::unexpected(may_not_act())});
  }
  void on(MintToken&& mint) {
    if (store->may_act()) return client->mint(mint);
    mints_held.push_back(std::move(mint));  // Asked for as soon as a tenant is known, however early.
  }
  void on(CancelAsk&& cancel) { client->cancel(cancel.id); }
  void on(SendBulk&& bulk) {
    if (!store->may_act()) return inputs.push(BulkAnswer{.id = bulk.id, .result = may_not_act()});
    if (store->notes_written()) return client->send(bulk);
    inputs.push(BulkAnswer{
        .id = bulk.id,
        .result = TransportError{.fault = TransportFault::refused_by_us,
                                 .text = "not sent, since the state cannot be written and would not tell "
                                         "what is on its way"}});
  }
  void on(KeepCopy&& copy) {
    if (copies) copies->add(std::move(copy));
  }
  void on(NoteInFlight&& note) { store->note(std::move(note), steady_now()); }
  void on(OpenStream&& open) { store->open_stream(open); }
  void on(LetGo&& let) { store->let_go(let); }
  void on(ReadWindow&& read) { store->read_window(read); }
  void on(Save&& save) { store->save(std::move(save), steady_now()); }
  void on(SpoolEvents&& spool) { store->spool(std::move(spool), steady_now()); }
  void on(ReadSpool&& read) { store->read_spool(read); }
  void on(AnswerHook&& answer) { hook_server->answer(answer); }
  void on(ForgetDestination&& forget) {
    keyring.forget(forget.destination);
    if (copies) copies->forget(forget.destination);
  }
  void on(Note&& note) { say(note.level, note.text, note.tenant); }
  void say(Level level, std::string_view text, std::string_view tenant = {}) {
    if (once_view) once_view->clear();
    log.write(level, tenant, text, wall_now());
  }

  /// A file that is read again still has the faults it had: only what is new is said.
  void warn_of(std::vector<std::string>& known, std::vector<std::string> warnings) {
    for (const std::string& warning : warnings) {
      if (std::ranges::find(known, warning) == known.end()) say(Level::warn, without_credentials(warning));
    }
    known = std::move(warnings);
  }

  std::optional<SaveFailed> keep_copies();
  [[nodiscard]] Report report() const;
  void close_files();
  void confine_self();
  void tell_environment();
  void count_reload(bool taken) { ++(taken ? reloads_taken : reloads_refused); }

  void wait();
  void collect();
  void say_alive(Instant now);
  void look_at_signals();
  void look_at_files(Instant now);
  void reload_tenants(bool quietly = false);
  void wake_keys(const char* why);
  [[nodiscard]] Result<Tenants> read_tenants() const;
  void reload_token();
  Result<void> open_hooks();
  void take_arrivals();
  void find_spool();
  Result<void> read_secrets(const std::string& path);
  void reload_secrets();
  void reload_certificate();
  void watch(std::optional<FileWatch>& place, const std::string& path);
  void watch_secret_files(const std::vector<TenantEntry>& entries);
  void tell_changed_tokens();

  Settings settings;
  std::string state_dir;           ///< Empty where a database has the state.
  std::string state_place;         ///< For people.
  const Environment& environment;  ///< Of the process, for ${NAME} in the tenants file.
  Log& log;
  Notify notify;
  Instant say_alive_at = never;  ///< When the service manager's watchdog is due.
  Signals signals;
  std::unique_ptr<StateStore> store;
  std::optional<Copies> copies;
  Trust trust;
  Keyring keyring;
  std::unique_ptr<CurlClient> client;
  History history{steady_now()};
  std::unique_ptr<Admin> admin;
  HookGate gate{keyring};
  std::unique_ptr<HookServer> hook_server;
  std::optional<FileWatch>
      lock_watch;  ///< Changes when `check` has found a key that works: see OwnerLock::nudge().
  bool tenants_piped = false;
  Roster roster;  ///< In force.
  std::optional<FileWatch> tenants_watch;
  std::optional<FileWatch> token_watch;
  std::optional<FileWatch> secrets_watch;
  std::optional<FileWatch> certificate_watch;
  std::optional<FileWatch> certificate_key_watch;
  std::vector<FileWatch> tenant_secret_watches;
  std::optional<NeverWaitForFiles> never_wait;  ///< From the moment on that others wait for the loop.
  Instant look_at{};                            ///< When the files are looked at again.
  bool stop_given = false;
  std::uint64_t reloads_taken = 0;
  std::uint64_t reloads_refused = 0;
  std::string tenants_refused;  ///< Why the file, as it was last read, cannot be used.
  std::string token_refused;    ///< Likewise.
  std::string secrets_refused;
  std::string certificate_refused;
  std::vector<std::string> tenants_warnings;  ///< Of the file as it was last read.
  std::vector<std::string> token_warnings;
  std::vector<MintToken> mints_held;  ///< Until we may act.
  InputQueue inputs;                  ///< Not handled yet.
  std::optional<OnceView> once_view;  ///< Of --once on a terminal.
  std::optional<Scheduler> scheduler;
};

// Starting.

std::expected<std::unique_ptr<Daemon>, StartFailure> Daemon::start(Settings settings,
                                                                   const Environment& environment, Log& log) {
  auto tenants = find_tenants(settings.options.tenants, environment);
  std::vector<std::string> problems = unsaid(settings, tenants ? &*tenants : nullptr);
  if (!tenants) problems.insert(problems.begin(), std::move(tenants.error().text));
  if (!problems.empty()) return std::unexpected(StartFailure{exit_configuration, std::move(problems)});
  auto trust = Trust::load(settings.options.ca_file);
  if (!trust) return refuse_start(exit_configuration, trust.error().text);
  auto kept = open_kept(settings.options, environment);
  if (!kept) return std::unexpected(std::move(kept.error()));
  const std::vector<std::string> warnings = std::move(kept->warnings);

  auto impl =
      std::make_unique<Impl>(std::move(settings), environment, log, std::move(*kept), std::move(*trust));
  Impl& self = *impl;
  const Options& options = self.settings.options;
  self.say(Level::info, without_credentials(started_line(options, *tenants, self.state_place)));
  self.warn_of(self.token_warnings, options.warnings);
  self.warn_of(self.tenants_warnings, std::move(tenants->warnings));
  for (const std::string& warning : warnings) self.say(Level::warn, without_credentials(warning));
  self.tell_environment();
  for (const std::string& warning : self.store->take_warnings())
    self.say(Level::warn, without_credentials(warning));
  if (self.copies) {
    self.say(Level::info, without_credentials("copies of what is delivered in " + *options.copy_to));
    for (const std::string& warning : self.copies->take_warnings())
      self.say(Level::warn, without_credentials(warning));
  }
  if (const auto& warning = self.trust.warning()) self.say(Level::warn, without_credentials(*warning));

  if (options.admin && !options.policy.once) {
    const auto report = [&self] { return self.report(); };
    const auto facts = [&self] {
      ProcessFacts process = read_process_facts(self.log.dropped());
      process.reloads_taken = self.reloads_taken;
      process.reloads_refused = self.reloads_refused;
      for (const std::string* why :
           {&self.tenants_refused, &self.token_refused, &self.secrets_refused, &self.certificate_refused}) {
        if (!why->empty()) process.refused.push_back(*why);
      }
      return process;
    };
    auto admin = Admin::listen(*options.admin, {report, facts, self.history, self.state_place}, {},
                               options.admin_hosts);
    if (admin) {
      self.admin = std::move(*admin);
    } else if (options.admin->given) {
      return refuse_start(exit_configuration, admin.error());
    } else {
      self.say(Level::warn, admin.error());
    }
  }
  if (options.hooks && !options.policy.once) {
    if (const auto opened = self.open_hooks(); !opened)
      return refuse_start(exit_configuration, opened.error().text);
  }
  self.keyring.set_usual(UsualDestination::of(self.settings.options));
  auto client = CurlClient::create(self.keyring, self.trust, self.settings.proxy);
  if (!client) return refuse_start(exit_configuration, client.error().text);
  self.client = std::move(*client);
  if (tenants->from == TenantsFrom::file) {
    self.tenants_piped = is_pipe(tenants->source);
    self.watch(self.tenants_watch, tenants->source);
  }
  self.watch_secret_files(tenants->entries);
  if (options.token_file) self.watch(self.token_watch, *options.token_file);
  self.look_at = steady_now() + limits::tenants_file_watch;
  self.roster = self.keyring.replace(std::move(tenants->entries));
  self.scheduler.emplace(
      now(),
      SchedulerOptions{.policy = options.policy,
                       .seed = random_seed(),
                       .running_for = process_age(),
                       .shared_state = options.store.has_value(),
                       .hooks = self.hook_server != nullptr,
                       .hook_orgs = options.hooks_orgs,
                       .hook_fields = environment_fields(environment).value_or(std::vector<ConstantField>())},
      Roster(self.roster));
  self.never_wait.emplace();
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

// The loop.

int Daemon::run() {
  Impl& self = *impl_;
  self.confine_self();
  // Started, not yet "works": whether Okta and the listener answer is told by status, and changes.
  self.notify.say("READY=1\nSTATUS=opening");
  if (self.notify.has_listener()) self.say_alive_at = steady_now() + limits::status_interval;
  if (self.settings.options.policy.once && self.settings.options.format == LogFormat::text) {
    self.once_view.emplace(stderr, steady_now());
    if (!self.once_view->drawing()) self.once_view.reset();
  }
  for (;;) {
    while (auto output = self.scheduler->next_output()) self.perform(std::move(*output));
    if (self.scheduler->at_rest()) break;
    if (const Instant at = steady_now(); self.once_view && self.once_view->due(at))
      self.once_view->draw(self.scheduler->report(now()), at);
    self.wait();
    if (auto input = self.inputs.pop()) {
      self.scheduler->handle(now(), std::move(*input));
    } else if (steady_now() >= self.scheduler->deadline()) {
      self.scheduler->handle(now(), Tick{});
    }
  }
  const int exit_code = self.scheduler->exit_code();
  self.close_files();
  self.say(Level::info,
           exit_code == 0 ? "stopped in order" : "stopped, exit code " + std::to_string(exit_code));
  return exit_code;
}

// Before each commit of places: what they say is settled has its copy by then.
std::optional<SaveFailed> Daemon::Impl::keep_copies() {
  auto kept = copies->sync(wall_now());
  if (kept) return std::nullopt;
  return SaveFailed{.text = std::move(kept.error().text), .copy = true};
}

Report Daemon::Impl::report() const {
  Report report = scheduler->report(now());
  if (copies) report.copies = copies->report();
  return report;
}

void Daemon::Impl::close_files() {
  const auto closed = store->close(scheduler->clean());
  if (!closed) say(Level::warn, closed.error().text);
  if (!copies) return;
  const auto finished = copies->close(wall_now());
  if (!finished && closed) say(Level::warn, "the copy cannot be saved: " + finished.error().text);
}

// Everything is open, nobody was spoken to, and there is one thread.
void Daemon::Impl::confine_self() {
  std::vector<WritableDir> writable;
  if (!state_dir.empty()) writable.push_back({.path = state_dir});
  if (copies) writable.push_back({.path = *settings.options.copy_to, .makes_directories = true});
  const Confinement confinement = confine(writable);
  for (const std::string* open : {&confinement.files_open, &confinement.calls_open}) {
    if (!open->empty()) say(Level::info, "not confined further than the system does it (" + *open + ")");
  }
  if (confinement.files_open.empty()) {
    std::string places = state_dir;
    if (copies) places += (places.empty() ? "" : " and ") + *settings.options.copy_to;
    say(Level::debug,
        places.empty() ? "from now on writes no file" : "from now on writes files in " + places + " alone");
  }
  if (confinement.calls_open.empty()) say(Level::debug, "from now on starts no program");
}

void Daemon::Impl::perform(Output output) {
  std::visit([&](auto&& each) { on(std::forward<decltype(each)>(each)); }, std::move(output));
}

// Blocks only when nothing is left to handle; even then the sockets are moved on between any two inputs.
void Daemon::Impl::wait() {
  collect();
  const Instant start = steady_now();
  store->work(start, inputs.empty());
  collect();
  if (!mints_held.empty() && store->may_act()) {
    for (const MintToken& mint : std::exchange(mints_held, {})) client->mint(mint);
  }

  std::vector<curl_waitfd> descriptors = {{.fd = signals.fd(), .events = CURL_WAIT_POLLIN, .revents = 0}};
  Instant until = std::min({scheduler->deadline(), look_at, say_alive_at});
  if (const auto commit = store->deadline()) until = std::min(until, *commit);
  if (admin) {
    descriptors.push_back({.fd = admin->fd(), .events = CURL_WAIT_POLLIN, .revents = 0});
    until = std::min(until, history.due());
    if (const auto timeout = admin->timeout()) until = std::min(until, start + *timeout);
  }
  if (hook_server) {
    descriptors.push_back({.fd = hook_server->fd(), .events = CURL_WAIT_POLLIN, .revents = 0});
    if (const auto timeout = hook_server->timeout()) until = std::min(until, start + *timeout);
  }
  std::vector<pollfd> of_store;
  store->add_descriptors(of_store);
  for (const pollfd& each : of_store) {
    static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLOUT == POLLOUT);
    descriptors.push_back({.fd = each.fd, .events = each.events, .revents = 0});
  }
  client->wait(descriptors, inputs.empty() ? std::max<Duration>(until - steady_now(), 0s) : 0s);
  collect();
  if (descriptors.front().revents != 0) look_at_signals();
  if (admin) admin->run();
  if (hook_server) {
    hook_server->run();
    take_arrivals();
  }
  const Instant after = steady_now();
  if (admin && after >= history.due()) history.sample(after, scheduler->report(now()));
  if (after >= look_at) look_at_files(after);
  if (after >= say_alive_at) say_alive(after);
}

void Daemon::Impl::collect() {
  while (auto answer = store->next_answer()) inputs.push(std::move(*answer));
  find_spool();
  while (auto answer = client->next_answer()) inputs.push(std::move(*answer));
  for (const std::string& warning : store->take_warnings()) say(Level::warn, warning);
  for (const Note& note : client->take_notes()) say(note.level, note.text, note.tenant);
}

// What somebody's environment does to us is nowhere else to be seen.
void Daemon::Impl::tell_environment() {
  for (const std::string& name : environment.dropped()) {
    say(Level::warn, name + " is set and ignored: it could give keys away or load code; unset it" +
                         (name == "OPENSSL_CONF" ? ", and put settings into the system's openssl.cnf" : ""));
  }
  for (const char* const name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const auto place = environment.get(name))
      say(Level::info, std::string(name) + " is set: the system's certificates are read from " +
                           without_credentials(*place));
  }
}

// The loop turns, and this is how it goes: `systemctl status` shows the last such line.
void Daemon::Impl::say_alive(Instant now) {
  say_alive_at = now + std::min(limits::status_interval, notify.watchdog().value_or(limits::status_interval));
  const Report report = scheduler->report({.steady = now, .wall = wall_now()});
  notify.say("WATCHDOG=1\nSTATUS=" + (report.ready
                                          ? counted(report.tenants.size(), "tenant") + ", " +
                                                counted(report.total.delivered, "event") + " delivered"
                                          : "not ready: " + report.not_ready_because));
}

void Daemon::Impl::look_at_signals() {
  signals.drain();
  if (signals.take_reload_asked()) {
    notify.say_reloading();
    reload_tenants();
    reload_token();
    reload_secrets();
    reload_certificate();
    notify.say("READY=1");
  }
  if (signals.stop_asked() && !std::exchange(stop_given, true)) {
    say(Level::info, "stopping: what is in flight may finish within 7 s");
    notify.say("STOPPING=1");
    if (hook_server) hook_server->stop_listening();
    inputs.push(Stop{});
  }
}

void Daemon::Impl::look_at_files(Instant now) {
  look_at = now + limits::tenants_file_watch;
  if (signals.look_for_terminal()) look_at_signals();
  (void)store->is_in_place();
  if (copies) copies->finish_hours(wall_now());
  if (lock_watch && lock_watch->changed()) wake_keys("check has found a key that works");
  const bool secrets_changed =
      std::ranges::count_if(tenant_secret_watches, [](FileWatch& watch) { return watch.changed(); }) > 0;
  if ((tenants_watch && tenants_watch->changed()) || secrets_changed) {
    reload_tenants();
  } else if (!tenants_refused.empty()) {
    reload_tenants(true);  // What it lacked, a key's file say, may be there now.
  }
  if (token_watch && token_watch->changed()) reload_token();
  if (secrets_watch && secrets_watch->changed()) reload_secrets();
  // Each looks for itself: both are written anew when a certificate is renewed.
  const bool certificate = certificate_watch && certificate_watch->changed();
  const bool key = certificate_key_watch && certificate_key_watch->changed();
  if (certificate || key) reload_certificate();
}

// A file that cannot be used leaves what is in force in force. `quietly`: unless something else is wrong now.
void Daemon::Impl::reload_tenants(bool quietly) {
  if (tenants_piped) return wake_keys("the tenants came by a pipe, which is read only at a start");
  if (tenants_watch) (void)tenants_watch->changed();  // What is read now need not be read again.
  for (FileWatch& watch : tenant_secret_watches) (void)watch.changed();
  auto tenants = read_tenants();
  if (quietly && !tenants && tenants.error().text == tenants_refused) return;
  count_reload(tenants.has_value());
  tenants_refused = tenants ? "" : tenants.error().text;
  if (!tenants) {
    say(Level::error, without_credentials(tenants.error().text) + ". The tenants read before stay in force");
    return;
  }
  warn_of(tenants_warnings, std::move(tenants->warnings));
  say(Level::info,
      "read " + tenants->source + " again: " + std::to_string(tenants->entries.size()) + " entries");
  watch_secret_files(tenants->entries);
  roster = keyring.replace(std::move(tenants->entries));
  inputs.push(Reload{roster});
  tell_changed_tokens();
}

// The same roster once more: what Okta has refused is tried again at once.
void Daemon::Impl::wake_keys(const char* why) {
  const Report report = scheduler->report(now());
  if (std::ranges::all_of(report.tenants, [](const auto& tenant) { return tenant.keys_refused == 0; }))
    return;
  say(Level::info, std::string(why) + ": keys that Okta has refused are tried again");
  inputs.push(Reload{roster});
}

Result<Tenants> Daemon::Impl::read_tenants() const {
  // Variables are as they were at the start; files that they name may not be.
  auto tenants = tenants_watch ? read_tenants_file(tenants_watch->path(), environment)
                               : find_tenants(settings.options.tenants, environment);
  if (!tenants) return tenants;
  if (auto problems = unsaid(settings, &*tenants); !problems.empty())
    return fail(std::move(problems.front()));
  return tenants;
}

// A pipe was read once, and asking it again would only find it empty.
void Daemon::Impl::watch(std::optional<FileWatch>& place, const std::string& path) {
  if (!is_pipe(path)) {
    place.emplace(path);
  } else {
    say(Level::warn, path + " is a pipe, which can be read only once: a change needs a start");
  }
}

// Several tenants may share one file.
void Daemon::Impl::watch_secret_files(const std::vector<TenantEntry>& entries) {
  std::set<std::string> files;
  for (const TenantEntry& entry : entries) {
    for (const std::string& file : {entry.api_key_file, entry.token_file}) {
      if (!file.empty() && !is_pipe(file)) files.insert(file);
    }
  }
  // One that is kept has seen its file before it was read.
  std::erase_if(tenant_secret_watches,
                [&](const FileWatch& watch) { return files.erase(watch.path()) == 0; });
  for (const std::string& file : files) tenant_secret_watches.emplace_back(file);
}

void Daemon::Impl::tell_changed_tokens() {
  for (const DestinationId destination : keyring.take_changed_tokens()) {
    inputs.push(TokenChanged{destination});
  }
}

void Daemon::Impl::reload_token() {
  if (!token_watch) return;
  std::vector<std::string> warnings;
  (void)token_watch->changed();
  auto token = read_token_file(token_watch->path(), warnings);
  count_reload(token.has_value());
  token_refused = token ? "" : token.error().text;
  if (!token) {
    say(Level::error, without_credentials(token.error().text) + ". The token read before stays in force");
    return;
  }
  warn_of(token_warnings, std::move(warnings));
  say(Level::info, "read the token in " + token_watch->path() + " again");
  keyring.set_token(std::move(*token));
  tell_changed_tokens();
}

// Event hooks.

Result<void> Daemon::Impl::open_hooks() {
  const Options& options = settings.options;
  if (options.hooks_secrets) {
    if (const auto read = read_secrets(*options.hooks_secrets); !read) return read;
    watch(secrets_watch, *options.hooks_secrets);
  }
  std::optional<ServerTls> tls;
  if (options.hooks_cert) {
    std::vector<std::string> warnings;
    auto loaded = ServerTls::load(*options.hooks_cert, *options.hooks_key, warnings);
    if (!loaded) return fail("--hooks-cert: " + loaded.error().text);
    for (const std::string& warning : warnings) say(Level::warn, warning);
    tls = std::move(*loaded);
    watch(certificate_watch, *options.hooks_cert);
    watch(certificate_key_watch, *options.hooks_key);
  }
  if (options.hooks_regions) gate.set_regions(*options.hooks_regions);
  auto server =
      HookServer::listen(*options.hooks, gate, std::move(tls), HookBounds{.proxies = options.hooks_proxies});
  if (!server) return fail(server.error());
  hook_server = std::move(*server);
  say(Level::info, std::string("event hooks are taken on port ") + std::to_string(hook_server->port()) +
                       (options.hooks_cert              ? " (HTTPS)"
                        : options.hooks_proxies.empty() ? " (HTTP, for a reverse proxy on this machine)"
                                                        : " (HTTP, for the proxies of --hooks-proxies)"));
  return {};
}

void Daemon::Impl::take_arrivals() {
  while (auto arrival = hook_server->next_arrival()) {
    auto* hook = std::get_if<HookArrived>(&*arrival);
    if (hook && !settings.options.hooks_orgs.empty()) hook->destination = keyring.for_hooks(hook->region);
    inputs.push(std::move(*arrival));
  }
}

void Daemon::Impl::find_spool() {
  SpoolFound found;
  for (const SpoolSummary& summary : store->take_spool_found()) {
    auto route = HookRoute::of_key(summary.key);
    if (!route) continue;
    if (settings.no_token || settings.no_listener) {
      say(Level::warn,
          "events that a hook has delivered before wait in the state: set LOGZIO_TOKEN and "
          "LOGZIO_LISTENER_HOST");
      return;
    }
    const DestinationSpec destination = keyring.for_hooks(route->region);
    found.streams.push_back({.route = std::move(*route),
                             .destination = destination,
                             .newest = summary.newest,
                             .events = summary.events,
                             .bytes = summary.bytes,
                             .oldest = summary.oldest});
  }
  if (!found.streams.empty()) inputs.push(std::move(found));
}

Result<void> Daemon::Impl::read_secrets(const std::string& path) {
  std::vector<std::string> warnings;
  auto secrets = read_hook_secrets(path, warnings);
  if (!secrets) return fail("--hooks-secrets: " + secrets.error().text);
  for (const std::string& warning : warnings) say(Level::warn, warning);
  gate.set_secrets(std::move(*secrets));
  return {};
}

void Daemon::Impl::reload_secrets() {
  if (!secrets_watch) return;
  const auto read = read_secrets(secrets_watch->path());
  count_reload(read.has_value());
  secrets_refused = read ? "" : read.error().text;
  if (!read) {
    say(Level::error, without_credentials(read.error().text) + ". The secrets read before stay in force");
  } else {
    say(Level::info, "read the secrets in " + secrets_watch->path() + " again");
  }
}

void Daemon::Impl::reload_certificate() {
  if (!certificate_watch || !certificate_key_watch) return;
  std::vector<std::string> warnings;
  auto tls = ServerTls::load(certificate_watch->path(), certificate_key_watch->path(), warnings);
  count_reload(tls.has_value());
  certificate_refused = tls ? "" : tls.error().text;
  if (!tls) {
    say(Level::error, without_credentials(tls.error().text) + ". The certificate read before stays in force");
    return;
  }
  for (const std::string& warning : warnings) say(Level::warn, warning);
  hook_server->replace_tls(std::move(*tls));
  say(Level::info, "read the certificate in " + certificate_watch->path() + " again");
}

}  // namespace logzio_okta
