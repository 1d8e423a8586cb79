#include "shell/process/daemon.hpp"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <sys/random.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/flow/input_queue.hpp"
#include "logzio_okta/flow/scheduler.hpp"

#include "shell/net/curl_client.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"
#include "shell/os/file_watch.hpp"
#include "shell/os/small_file.hpp"
#include "shell/process/confinement.hpp"
#include "shell/process/console.hpp"
#include "shell/process/fenced_client.hpp"
#include "shell/process/hook_intake.hpp"
#include "shell/process/kept.hpp"
#include "shell/process/notify.hpp"
#include "shell/process/reloads.hpp"
#include "shell/process/signals.hpp"
#include "shell/process/tenant_files.hpp"
#include "shell/serve/admin.hpp"
#include "shell/serve/history.hpp"
#include "shell/serve/process_facts.hpp"
#include "shell/settings/keyring.hpp"
#include "shell/settings/tenants_file.hpp"
#include "shell/settings/tenants_variables.hpp"
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
  return "logzio-okta " LOGZIO_OKTA_VERSION ": " +
         counted(tenants.entries.size(), "tenant entry", "tenant entries") + " from " + tenants.source +
         ", to " + (options.listener.host.empty() ? "listeners of their own" : options.listener.text()) +
         ", state in " + place;
}

}  // namespace

struct Daemon::Impl {
  Impl(Settings settings_given, const Environment& environment_given, Log& log, Kept kept_given,
       Trust trust_given)
      : settings(std::move(settings_given)),
        environment(environment_given),
        console(log),
        kept(std::move(kept_given)),
        notify(environment_given),
        trust(std::move(trust_given)),
        hooks(settings, keyring, console, reloads, inputs),
        tenants({settings, environment, keyring, console, reloads, inputs}, [this] { return key_refused(); }),
        lock_watch(kept.state_dir.empty()
                       ? std::nullopt
                       : std::optional<FileWatch>(std::in_place, OwnerLock::path_in(kept.state_dir))) {
    if (kept.copies) store().hold_saves([this] { return keep_copies(); });
  }

  // Starting.
  void tell_start(Tenants& found);
  void tell_environment();
  [[nodiscard]] Result<void> open_admin();
  [[nodiscard]] Result<void> open_client();
  void begin(Tenants&& found);
  void confine_self();

  // What the core asks for.
  void perform(Output output);
  void on(AskOkta&& ask) { client->ask(ask); }
  void on(MintToken&& mint) { client->mint(mint); }
  void on(CancelAsk&& cancel) { client->cancel(cancel); }
  void on(SendBulk&& bulk) { client->send(bulk); }
  void on(KeepCopy&& copy) {
    if (kept.copies) kept.copies->add(std::move(copy));
  }
  void on(NoteInFlight&& note) { store().note(std::move(note), steady_now()); }
  void on(OpenStream&& open) { store().open_stream(open); }
  void on(LetGo&& let) { store().let_go(let); }
  void on(ReadWindow&& read) { store().read_window(read); }
  void on(Save&& save) { store().save(std::move(save), steady_now()); }
  void on(SpoolEvents&& spool) { store().spool(std::move(spool), steady_now()); }
  void on(ReadSpool&& read) { store().read_spool(read); }
  void on(AnswerHook&& answer) { hooks.answer(answer); }
  void on(ForgetDestination&& forget) {
    keyring.forget(forget.destination);
    if (kept.copies) kept.copies->forget(forget.destination);
  }
  void on(Note&& note) { console.say(note.level, note.text, note.tenant); }

  // The loop.
  void wait();
  void collect();
  void look_at_signals();
  void look_at_files(Instant now);
  void say_alive(Instant now);

  // What others ask of us.
  [[nodiscard]] StateStore& store() { return *kept.store; }
  [[nodiscard]] std::optional<SaveFailed> keep_copies();
  [[nodiscard]] Report report() const;
  [[nodiscard]] ProcessFacts facts() const;
  [[nodiscard]] bool key_refused() const;
  void close_files();

  Settings settings;
  const Environment& environment;  ///< The process's own.
  Console console;
  Kept kept;
  Notify notify;
  Instant say_alive_at = never;  ///< When the service manager's watchdog is due.
  Signals signals;
  Trust trust;
  Keyring keyring;
  InputQueue inputs;  ///< Not handled yet.
  Reloads reloads{console};
  std::optional<FencedClient> client;
  History history{steady_now()};
  std::unique_ptr<Admin> admin;
  HookIntake hooks;
  /// From the moment on that others wait for the loop; destroyed after the tenants' reading thread.
  std::optional<NeverWaitForFiles> never_wait;
  TenantFiles tenants;
  /// Changes when `check` has found a key that works: see OwnerLock::nudge().
  std::optional<FileWatch> lock_watch;
  Instant look_at{};       ///< When the files are looked at again.
  bool reloading = false;  ///< By a signal, and not finished.
  bool stop_given = false;
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

  auto impl =
      std::make_unique<Impl>(std::move(settings), environment, log, std::move(*kept), std::move(*trust));
  Impl& self = *impl;
  const bool once = self.settings.options.policy.once;
  self.tell_start(*tenants);
  if (const auto opened = once ? Result<void>() : self.open_admin(); !opened)
    return refuse_start(exit_configuration, opened.error().text);
  if (const auto opened = once ? Result<void>() : self.hooks.open(); !opened)
    return refuse_start(exit_configuration, opened.error().text);
  if (const auto opened = self.open_client(); !opened)
    return refuse_start(exit_configuration, opened.error().text);
  self.begin(std::move(*tenants));
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

void Daemon::Impl::tell_start(Tenants& found) {
  const Options& options = settings.options;
  console.say(Level::info, without_credentials(started_line(options, found, kept.place)));
  tenants.warn(options.warnings, std::move(found.warnings));
  console.warn_of(kept.warnings);
  tell_environment();
  console.warn_of(store().take_warnings());
  if (kept.copies) {
    console.say(Level::info, without_credentials("copies of what is delivered in " + *options.copy_to));
    console.warn_of(kept.copies->take_warnings());
  }
  if (const auto& warning = trust.warning()) console.warn_of({*warning});
}

// What the environment does to us shows nowhere else.
void Daemon::Impl::tell_environment() {
  for (const std::string& name : environment.dropped()) {
    console.say(Level::warn,
                name + " is set and ignored: it could give keys away or load code; unset it" +
                    (name == "OPENSSL_CONF" ? ", and put settings into the system's openssl.cnf" : ""));
  }
  for (const char* const name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const auto place = environment.get(name))
      console.say(Level::info, std::string(name) + " is set: the system's certificates are read from " +
                                   without_credentials(*place));
  }
}

// Only an address that was given has to be free.
Result<void> Daemon::Impl::open_admin() {
  const Options& options = settings.options;
  if (!options.admin) return {};
  AdminSources sources{[this] { return report(); }, [this] { return facts(); }, history, kept.place};
  auto opened = Admin::listen(*options.admin, std::move(sources), {}, options.admin_hosts);
  if (opened) {
    admin = std::move(*opened);
  } else if (options.admin->given) {
    return fail(opened.error());
  } else {
    console.say(Level::warn, opened.error());
  }
  return {};
}

Result<void> Daemon::Impl::open_client() {
  keyring.set_usual(UsualDestination::of(settings.options));
  auto curl = CurlClient::create(keyring, trust, settings.proxy);
  if (!curl) return fail(std::move(curl.error().text));
  client.emplace(std::move(*curl), store(), inputs);
  return {};
}

void Daemon::Impl::begin(Tenants&& found) {
  const Options& options = settings.options;
  Roster roster = tenants.begin(std::move(found));
  look_at = steady_now() + limits::tenants_file_watch;
  scheduler.emplace(
      now(),
      SchedulerOptions{.policy = options.policy,
                       .seed = random_seed(),
                       .running_for = process_age(),
                       .shared_state = options.store.has_value(),
                       .hooks = hooks.is_open(),
                       .hook_orgs = options.hooks_orgs,
                       .hook_fields = environment_fields(environment).value_or(std::vector<ConstantField>())},
      std::move(roster));
  never_wait.emplace();
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
  if (self.settings.options.policy.once && self.settings.options.format == LogFormat::text)
    self.console.show_progress(steady_now());
  for (;;) {
    while (auto output = self.scheduler->next_output()) self.perform(std::move(*output));
    if (self.scheduler->at_rest()) break;
    if (const Instant at = steady_now(); self.console.progress_due(at))
      self.console.draw(self.scheduler->report(now()), at);
    self.wait();
    if (auto input = self.inputs.pop()) {
      self.scheduler->handle(now(), std::move(*input));
    } else if (steady_now() >= self.scheduler->deadline()) {
      self.scheduler->handle(now(), Tick{});
    }
  }
  const int exit_code = self.scheduler->exit_code();
  self.close_files();
  self.console.say(Level::info,
                   exit_code == 0 ? "stopped cleanly" : "stopped, exit code " + std::to_string(exit_code));
  return exit_code;
}

// Before each commit of places: what they say is settled has its copy by then.
std::optional<SaveFailed> Daemon::Impl::keep_copies() {
  auto synced = kept.copies->sync(wall_now());
  if (synced) return std::nullopt;
  return SaveFailed{.text = std::move(synced.error().text), .copy = true};
}

Report Daemon::Impl::report() const {
  Report report = scheduler->report(now());
  if (kept.copies) report.copies = kept.copies->report();
  report.fleet = kept.store->fleet_report(steady_now());
  return report;
}

ProcessFacts Daemon::Impl::facts() const {
  ProcessFacts process = read_process_facts(console.lines_dropped());
  process.turns = client->curl().turns();
  process.reloads_taken = reloads.count_taken();
  process.reloads_refused = reloads.count_refused();
  process.refused = reloads.all_refused();
  return process;
}

bool Daemon::Impl::key_refused() const {
  const Report report = scheduler->report(now());
  return std::ranges::any_of(report.tenants, [](const auto& tenant) { return tenant.keys_refused > 0; });
}

void Daemon::Impl::close_files() {
  const auto closed = store().close(scheduler->clean());
  if (!closed) console.say(Level::warn, closed.error().text);
  if (!kept.copies) return;
  const auto finished = kept.copies->close(wall_now());
  if (!finished && closed) console.say(Level::warn, "the copy cannot be saved: " + finished.error().text);
}

// Everything is open, nobody was spoken to, and there is one thread.
void Daemon::Impl::confine_self() {
  std::vector<WritableDir> writable;
  if (!kept.state_dir.empty()) writable.push_back({.path = kept.state_dir});
  if (kept.copies) writable.push_back({.path = *settings.options.copy_to, .makes_directories = true});
  const Confinement confinement = confine(writable);
  for (const std::string* open : {&confinement.files_open, &confinement.calls_open}) {
    if (!open->empty()) console.say(Level::info, "not confined beyond what the system does (" + *open + ")");
  }
  if (confinement.files_open.empty()) {
    std::string places = kept.state_dir;
    if (kept.copies) places += (places.empty() ? "" : " and ") + *settings.options.copy_to;
    console.say(Level::debug, places.empty() ? "from now on writes no file"
                                             : "from now on writes files in " + places + " alone");
  }
  if (confinement.calls_open.empty()) console.say(Level::debug, "from now on starts no program");
}

void Daemon::Impl::perform(Output output) {
  std::visit([&](auto&& each) { on(std::forward<decltype(each)>(each)); }, std::move(output));
}

// Blocks only when nothing is left to handle; even then the sockets are moved on between any two inputs.
void Daemon::Impl::wait() {
  collect();
  const Instant start = steady_now();
  store().work(start, inputs.empty());
  collect();
  client->resume();
  tenants.collect();
  if (reloading && !stop_given && !tenants.is_reading()) {
    reloading = false;
    notify.say("READY=1");
  }

  std::vector<curl_waitfd> descriptors = {{.fd = signals.fd(), .events = CURL_WAIT_POLLIN, .revents = 0}};
  Instant until = std::min({scheduler->deadline(), look_at, say_alive_at});
  if (tenants.is_reading()) until = std::min(until, start + limits::background_pause);
  if (const auto commit = store().deadline()) until = std::min(until, *commit);
  if (admin) {
    descriptors.push_back({.fd = admin->fd(), .events = CURL_WAIT_POLLIN, .revents = 0});
    until = std::min(until, history.due());
    if (const auto timeout = admin->timeout()) until = std::min(until, start + *timeout);
  }
  if (hooks.is_open()) {
    descriptors.push_back({.fd = hooks.descriptor(), .events = CURL_WAIT_POLLIN, .revents = 0});
    if (const auto timeout = hooks.timeout()) until = std::min(until, start + *timeout);
  }
  std::vector<pollfd> of_store;
  store().add_descriptors(of_store);
  for (const pollfd& each : of_store) {
    static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLOUT == POLLOUT);
    descriptors.push_back({.fd = each.fd, .events = each.events, .revents = 0});
  }
  client->curl().wait(descriptors, inputs.empty() ? std::max<Duration>(until - steady_now(), 0s) : 0s);
  collect();
  if (descriptors.front().revents != 0) look_at_signals();
  if (admin) admin->run();
  if (hooks.is_open()) hooks.run();
  const Instant after = steady_now();
  if (admin && after >= history.due()) history.sample(after, scheduler->report(now()));
  if (after >= look_at) look_at_files(after);
  if (after >= say_alive_at) say_alive(after);
}

void Daemon::Impl::collect() {
  while (auto answer = store().next_answer()) inputs.push(std::move(*answer));
  hooks.find_spool(store().take_spool_found());
  while (auto answer = client->curl().next_answer()) inputs.push(std::move(*answer));
  for (const std::string& warning : store().take_warnings()) console.say(Level::warn, warning);
  for (const Note& note : client->curl().take_notes()) console.say(note.level, note.text, note.tenant);
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
    reloading = true;
    tenants.reload();
    hooks.reload();
  }
  if (signals.stop_asked() && !std::exchange(stop_given, true)) {
    console.say(Level::info, "stopping: what is in flight may finish within 7 s");
    notify.say("STOPPING=1");
    hooks.stop_listening();
    inputs.push(Stop{});
  }
}

void Daemon::Impl::look_at_files(Instant now) {
  look_at = now + limits::tenants_file_watch;
  if (signals.look_for_terminal()) look_at_signals();
  (void)store().is_in_place();
  if (kept.copies) kept.copies->finish_hours(wall_now());
  if (const bool nudged = store().take_nudge(); nudged || (lock_watch && lock_watch->changed()))
    tenants.wake_keys("check has found a key that works");
  tenants.look();
  hooks.look();
}

}  // namespace logzio_okta
