// logzio-okta-torture: the daemon itself against the sandbox over TLS, and everything that can happen to a
// process.
//
// A round begins with a healthy world: the daemon starts and must deliver everything that is still missing.
// Then one kind of trouble is made while events come, and at a random moment the daemon is killed. After each
// round the ledger is checked: nothing lost, no byte changed, every repeat marked. Exit 1 on the first
// violation.
//
// A power cut is a kill after which the state is restored to what the disk would have: of each file, what was
// synced and, of what was written since, some blocks or none; under the names that the directory had when it
// was last synced.
#define CXXOPTS_NO_REGEX

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <cxxopts.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/patience.hpp"
#include "sandbox/process.hpp"
#include "sandbox/world.hpp"
#include "torture/control.hpp"

namespace {

using namespace logzio_okta;
using namespace logzio_okta::sandbox;
using torture::Control;
namespace fault = model::fault;
using Clock = std::chrono::steady_clock;

struct Settings {
  std::string binary;
  std::string library;
  std::uint64_t kills = 300;
  std::uint64_t seed = 1;
  std::uint64_t pause_s = 2;
  bool lines = false;
  std::string only;
};

/// What is done to the daemon in a round before it is killed, or how it is killed.
enum class Trouble : std::uint8_t {
  kill,              // Nothing but the kill.
  kill_at_start,     // Before its start is complete.
  kill_in_write,     // In the middle of a write of its state.
  stop,              // TERM, which must end cleanly; then no kill.
  cut_okta,          // Okta's answers end at random bytes.
  cut_listener,      // Bulks and their answers do.
  drop_connections,  // All connections to one side are reset.
  failing_sync,
  failing_writes,
  disk_full,
  paused,       // SIGSTOP for a while.
  clock_set,    // Back and forth.
  descriptors,  // None are left.
  dns_gone,
  power_cut,             // A kill, and what was not synced is gone.
  power_cut_after_stop,  // The same after an orderly stop.
};
constexpr std::array<std::string_view, 16> names{"kill",
                                                 "kill at start",
                                                 "kill in a write",
                                                 "orderly stop",
                                                 "cut to Okta",
                                                 "cut to the listener",
                                                 "dropped connections",
                                                 "failing fsync",
                                                 "failing write",
                                                 "disk full",
                                                 "SIGSTOP",
                                                 "clock set",
                                                 "no descriptors",
                                                 "DNS gone",
                                                 "power cut",
                                                 "power cut after a stop"};
constexpr std::string_view name_of(Trouble trouble) {
  return names[static_cast<std::size_t>(trouble)];
}

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Files of the run; the state is on a small disk of its own if this user may mount one.
class Files {
 public:
  Files() {
    std::filesystem::create_directory(state());
    std::ofstream(safe(), std::ios::binary);
    mounted_ = mount("tmpfs", state().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=8m,mode=0700") == 0;
    const int fd = open(control_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 || ftruncate(fd, sizeof(Control)) != 0) throw std::runtime_error("no file for the control");
    void* at = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) throw std::runtime_error("the control cannot be mapped");
    control_ = new (at) Control;
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    munmap(control_, sizeof(Control));
    if (mounted_) umount2(state().c_str(), MNT_DETACH);
  }

  [[nodiscard]] std::filesystem::path state() const { return directory_.path() / "state"; }
  /// The journal of what a power cut would leave of it (control.hpp).
  [[nodiscard]] std::filesystem::path safe() const { return directory_.path() / "safe"; }
  [[nodiscard]] std::filesystem::path tenants() const { return directory_.path() / "tenants.yml"; }
  [[nodiscard]] std::filesystem::path control_file() const { return directory_.path() / "control"; }
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }
  [[nodiscard]] Control& control() { return *control_; }
  [[nodiscard]] bool can_fill_disk() const { return mounted_; }

  void fill_disk() {
    const std::string block(4096, 'x');
    const int fd = open(ballast().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    while (write(fd, block.data(), block.size()) > 0) continue;
    close(fd);
  }
  void empty_disk() { std::filesystem::remove(ballast()); }

  /// From now on the power may fail; what is there now stays.
  void expect_power_cut() {
    std::ofstream journal(safe(), std::ios::binary | std::ios::trunc);
    const auto keep = [&](const std::string& what, const std::string& bytes) {
      journal << what << ' ' << bytes.size() << '\n' << bytes;
    };
    std::string listing;
    for (const auto& entry : std::filesystem::directory_iterator(state())) {
      const std::string inode = fmt::format("{}", inode_of(entry.path()));
      listing += fmt::format("{} {}\n", entry.path().filename().string(), inode);
      keep(inode, read_whole(entry.path()));
    }
    keep("names", listing);
    journal.close();
    control_->power_may_fail = 1;
  }
  /// The power fails; the daemon is gone already. `keeps`: whether a block that was not synced stays all the
  /// same.
  void cut_power(const std::function<bool()>& keeps) {
    control_->power_may_fail = 0;
    std::map<std::string, std::string> left;
    std::map<std::string, std::string> kept = read_journal(read_whole(safe()));
    std::istringstream listing(kept["names"]);
    for (std::string name, inode; listing >> name >> inode;) {
      std::string bytes = kept[inode];  // Never synced: empty.
      const bool same = fmt::format("{}", inode_of(state() / name)) == inode;
      left[name] = same ? torn(std::move(bytes), read_whole(state() / name), keeps) : std::move(bytes);
    }
    for (const auto& entry : std::filesystem::directory_iterator(state()))
      std::filesystem::remove(entry.path());
    for (const auto& [name, bytes] : left) write_file(state() / name, bytes);
    boot_anew();
  }

 private:
  /// The machine was off, so what a run noted without waiting for the disk may be incomplete.
  void boot_anew() const {
    sqlite3* database = nullptr;
    const int opened =
        sqlite3_open_v2((state() / "state.sqlite").c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
    if (opened == SQLITE_OK)
      sqlite3_exec(database, "UPDATE in_flight_run SET boot = 'before'", nullptr, nullptr, nullptr);
    sqlite3_close(database);
  }
  /// The last of what was kept under each name.
  [[nodiscard]] static std::map<std::string, std::string> read_journal(std::string_view journal) {
    std::map<std::string, std::string> kept;
    for (std::size_t space = 0; (space = journal.find(' ')) != std::string_view::npos;) {
      const std::string what(journal.substr(0, space));
      const std::size_t line = journal.find('\n', space);
      if (line == std::string_view::npos) break;
      const std::size_t size = std::stoul(std::string(journal.substr(space + 1, line - space - 1)));
      if (journal.size() - line - 1 < size) break;
      kept[what] = journal.substr(line + 1, size);
      journal.remove_prefix(line + 1 + size);
    }
    return kept;
  }
  [[nodiscard]] static ino_t inode_of(const std::filesystem::path& path) {
    struct stat status{};
    return lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }
  [[nodiscard]] static std::string read_whole(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] static std::string torn(std::string synced, const std::string& written,
                                        const std::function<bool()>& keeps) {
    constexpr std::size_t block = 4096;
    for (std::size_t at = 0; at < written.size(); at += block) {
      const std::string_view now = std::string_view(written).substr(at, block);
      if (synced.compare(std::min(at, synced.size()), now.size(), now) == 0 || !keeps()) continue;
      if (synced.size() < at + now.size()) synced.resize(at + now.size());
      synced.replace(at, now.size(), now);
    }
    return synced;
  }
  [[nodiscard]] std::filesystem::path ballast() const { return state() / "ballast"; }

  TempDir directory_;
  bool mounted_ = false;
  Control* control_ = nullptr;
};

class Torture {
 public:
  explicit Torture(const Settings& settings)
      : settings_(settings), random_(settings.seed), world_(settings.seed) {
    const model::OrgSettings generous{.rate_limit = 1'000'000};
    world_.add_org({.tls = true, .settings = generous});
    world_.add_org({.tls = true, .settings = generous});
    // These are reached through a proxy whose name has to be looked up.
    world_.add_org({.host = "acme.okta.com", .settings = generous});
    world_.add_org({.host = "login.example.com", .settings = generous});
    world_.add_listener({.protocol = settings.lines ? Protocol::tls_lines : Protocol::https_bulk,
                         .host = settings.seed % 2 == 0 ? "listener.logz.io" : "",
                         .settings = {.keep_lines = false}});
    proxy_ = world_.add_proxy();
    for (std::size_t org = 0; org < world_.orgs(); ++org) world_.issue_past(org, 500, 24h);
    write_file(files_.tenants(), world_.tenants_yaml());
  }

  void run() {
    const std::vector<Trouble> kinds = kinds_to_make();
    for (std::size_t i = 0; kills_ < settings_.kills; ++i) make_round(kinds[i % kinds.size()]);
    end_in_order();
  }

  void tell_table() {
    fmt::print(
        "\n| trouble | rounds | faults injected | everything delivered again after, at most "
        "|\n|---|---|---|---|\n");
    for (const auto& [trouble, row] : table_) {
      fmt::print("| {} | {} | {} | {:.1f} s |\n", name_of(trouble), row.rounds, row.faults, row.slowest_s);
    }
    fmt::print("\nseed {}: {} rounds, {} kills, {} starts of the daemon in {:.0f} s\n{}\n", settings_.seed,
               rounds_, kills_, starts_, seconds_since(began_), world_.judge().summary());
    for (const std::string& finding : world_.judge().findings) fmt::print("{}\n", finding);
  }
  [[nodiscard]] std::string last_words() const { return daemon_ ? daemon_->log_tail(25) : std::string(); }
  [[nodiscard]] std::string where() const {
    return fmt::format("seed {}, round {}, {}", settings_.seed, rounds_, name_of(last_trouble_));
  }

 private:
  struct Row {
    std::size_t rounds = 0;
    std::size_t faults = 0;
    double slowest_s = 0;
  };

  static double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
  }
  [[nodiscard]] bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }

  std::vector<Trouble> kinds_to_make() {
    std::vector<Trouble> kinds;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto trouble = static_cast<Trouble>(i);
      if (trouble == Trouble::disk_full && !files_.can_fill_disk()) {
        fmt::print("disk full: skipped, mounting a small disk needs root\n");
        continue;
      }
      if (settings_.only.empty() || settings_.only == name_of(trouble)) kinds.push_back(trouble);
    }
    if (kinds.empty()) throw std::runtime_error("no kind of trouble has that name");
    for (std::size_t i = kinds.size(); i > 1; --i) std::swap(kinds[i - 1], kinds[random_.below(i)]);
    return kinds;
  }

  // A round.

  void make_round(Trouble trouble) {
    ++rounds_;
    last_trouble_ = trouble;
    if (!daemon_) start();
    if (trouble == Trouble::power_cut_after_stop) return stop_and_cut_power();
    if (trouble == Trouble::kill_at_start) {
      events_come(random_.between(0ms, 150ms));
    } else {
      until_delivered();
      Row& row = table_[trouble];
      const std::uint32_t faults = files_.control().faults;
      // Often the trouble ends before the daemon does: then it has to go on by itself.
      const bool outlived = !may_end_by_itself(trouble) && chance(3);
      stalls_ = !outlived;  // It would wait for an answer as long as Okta may take.
      make(trouble);
      if (outlived) {
        heal();
        until_delivered();
      }
      row.faults += files_.control().faults - faults + std::exchange(faults_outside_, 0);
    }
    ++table_[trouble].rounds;
    if (trouble == Trouble::stop) {
      stop();
    } else {
      kill(trouble);
    }
    if (trouble == Trouble::power_cut) cut_power();
    table_[trouble].faults += std::exchange(faults_outside_, 0);
    heal();
    judge();
    if (rounds_ % 10 == 0) tell_progress();
  }

  static bool may_end_by_itself(Trouble trouble) {
    return trouble == Trouble::kill_in_write || trouble == Trouble::power_cut;
  }

  /// Starts another life, of which a power cut leaves what was synced.
  void live_dangerously() {
    kill(Trouble::power_cut);
    files_.expect_power_cut();
    start();
  }

  void cut_power() {
    const bool keeps_some = chance(2);
    files_.cut_power([&] { return keeps_some && chance(2); });
    ++faults_outside_;
  }

  /// What was answered by an orderly end is on the disk: nothing is delivered again.
  void stop_and_cut_power() {
    until_delivered();
    live_dangerously();
    events_come(random_.between(50ms, 700ms));
    until_delivered();
    stop();
    cut_power();
    const std::size_t repeats = world_.judge().repeats;
    start();
    until_delivered();
    if (world_.judge().repeats != repeats) throw Violation("an orderly end was forgotten by a power cut");
    Row& row = table_[Trouble::power_cut_after_stop];
    ++row.rounds;
    row.faults += std::exchange(faults_outside_, 0);
    kill(Trouble::power_cut_after_stop);
    judge();
  }

  void make(Trouble trouble) {
    Control& control = files_.control();
    const Duration span = random_.between(50ms, 700ms);
    switch (trouble) {
      case Trouble::kill:
      case Trouble::kill_at_start:
      case Trouble::stop:
        return events_come(span);
      case Trouble::kill_in_write:
        control.die_at_write = 1 + static_cast<std::uint32_t>(random_.below(40));
        return events_come(2 * span);
      case Trouble::cut_okta:
        inject_into_orgs();
        return events_come(2 * span);
      case Trouble::cut_listener:
        inject_into_listener();
        return events_come(2 * span);
      case Trouble::drop_connections:
        for (int i = 0; i < 4; ++i) {
          events_come(span / 4);
          ++faults_outside_;
          world_.drop(chance(2) ? world_.listener_port(0) : world_.org_port(random_.below(world_.orgs())));
        }
        return;
      case Trouble::failing_sync:
        control.fsync_fails = chance(2) ? 1000 : 300;
        return events_come(2 * span);
      case Trouble::failing_writes:
        control.write_fails = chance(2) ? 1000 : 100;
        return events_come(2 * span);
      case Trouble::disk_full:
        files_.fill_disk();
        ++faults_outside_;
        return events_come(2 * span);
      case Trouble::paused:
        daemon_->signal(SIGSTOP);
        ++faults_outside_;
        events_come(std::chrono::seconds(settings_.pause_s));
        daemon_->signal(SIGCONT);
        return events_come(span);
      case Trouble::clock_set:
        for (int i = 0; i < 3; ++i) {
          control.clock_offset_ms = to_ms(random_.between(-45min, 45min)).count();
          ++faults_outside_;
          events_come(span);
        }
        return;
      case Trouble::descriptors:
        forbid_descriptors();
        return events_come(2 * span);
      case Trouble::dns_gone:
        control.dns_gone = 1;
        kill(trouble);  // A process that has the address already would not notice.
        start();
        return events_come(2 * span);
      case Trouble::power_cut:
        live_dangerously();
        until_running();
        if (chance(2)) control.die_at_sync = 1 + static_cast<std::uint32_t>(random_.below(40));
        return events_come(2 * span);
      case Trouble::power_cut_after_stop:
        return;  // A separate round.
    }
  }

  void inject_into_orgs() {
    constexpr std::size_t head_and_some = 40'000;
    for (std::size_t org = 0; org < world_.orgs(); ++org) {
      world_.with_org(org, [&](model::OktaOrg& okta) {
        for (int i = 0; i < 3; ++i) {
          ++faults_outside_;
          okta.inject(fault::Cut{.bytes = random_.below(chance(2) ? 800 : head_and_some), .ending = ending()},
                      1);
        }
      });
    }
  }

  void inject_into_listener() {
    world_.with_listener(0, [&](model::Listener& listener) {
      for (int i = 0; i < 6; ++i) {
        ++faults_outside_;
        switch (random_.below(3)) {
          case 0:
            listener.inject(fault::CutRequest{.bytes = random_.below(4000), .ending = ending()}, 1);
            break;
          case 1:
            listener.inject(fault::Unanswered{.stored = !chance(4), .ending = ending()}, 1);
            break;
          default:
            listener.inject(fault::Cut{.bytes = random_.below(120), .ending = ending()}, 1);
            break;
        }
      }
    });
  }

  model::Ending ending() {
    constexpr std::array endings{model::Ending::fin, model::Ending::reset, model::Ending::reset,
                                 model::Ending::stall};
    return endings[random_.below(endings.size() - (stalls_ ? 0 : 1))];
  }

  /// From now on it gets hardly any new descriptors; those it has stay, but not their connections.
  void forbid_descriptors() {
    limit_descriptors(descriptors_in_use() + random_.below(3));
    ++faults_outside_;
    if (chance(2)) world_.drop(world_.listener_port(0));
    if (chance(2)) world_.drop(world_.org_port(random_.below(world_.orgs())));
  }

  /// Below that number the system would not even let it wait for the descriptors it has.
  [[nodiscard]] std::size_t descriptors_in_use() const {
    constexpr std::size_t about = 24;
    std::error_code forbidden;  // Only root may look into the daemon.
    const std::filesystem::directory_iterator open(fmt::format("/proc/{}/fd", daemon_->pid()), forbidden);
    return forbidden ? about : static_cast<std::size_t>(std::distance(begin(open), end(open)));
  }

  void limit_descriptors(rlim_t most) {
    const rlimit limit{.rlim_cur = most, .rlim_max = usual_descriptors};
    if (prlimit(daemon_->pid(), RLIMIT_NOFILE, &limit, nullptr) != 0 && errno != ESRCH) {
      throw std::runtime_error("prlimit fails");
    }
  }

  void heal() {
    Control& control = files_.control();
    control.clock_offset_ms = 0;
    for (auto* each : {&control.fsync_fails, &control.write_fails, &control.dns_gone, &control.die_at_write,
                       &control.die_at_sync}) {
      *each = 0;
    }
    control.fsync_delay_us = chance(3) ? static_cast<std::uint32_t>(random_.below(20'000)) : 0;
    if (files_.can_fill_disk()) files_.empty_disk();
    if (daemon_ && daemon_->running()) limit_descriptors(usual_descriptors);
    world_.with_listener(0, [](model::Listener& listener) { listener.clear_faults(); });
    for (std::size_t org = 0; org < world_.orgs(); ++org) {
      world_.with_org(org, [](model::OktaOrg& okta) { okta.clear_faults(); });
    }
  }

  // The daemon.

  void start() {
    ++starts_;
    requests_at_start_ = requests();
    daemon_.emplace(ProcessSpec{
        .binary = settings_.binary,
        .args = {"--tenants", files_.tenants().string(), "--listener", world_.listener_address(0),
                 "--state-dir", files_.state().string(), "--ca-file", world_.ca_file(), "--poll-interval",
                 "30ms", "--rate-share", "1", "--admin", "off", "--log-level", "debug"},
        .env = {{"LOGZIO_TOKEN", world_.token()},
                {"HTTPS_PROXY", fmt::format("http://{}:{}", torture::proxy_host, world_.port(proxy_))},
                {"LD_PRELOAD", settings_.library},
                {torture::control_variable, files_.control_file().string()},
                {torture::safe_variable, files_.safe().string()},
                {"ASAN_OPTIONS", "detect_leaks=0:verify_asan_link_order=0"}},
        .directory = files_.path()});
  }

  std::vector<std::size_t> requests() {
    std::vector<std::size_t> counts;
    for (std::size_t org = 0; org < world_.orgs(); ++org) {
      counts.push_back(world_.with_org(org, [](model::OktaOrg& okta) { return okta.counts().requests; }));
    }
    return counts;
  }
  /// In this life of the daemon its state and its streams are open.
  bool every_org_asked() {
    const std::vector<std::size_t> now = requests();
    return std::ranges::equal(now, requests_at_start_, std::ranges::greater());
  }

  void kill(Trouble trouble) {
    if (!daemon_->running() && !may_end_by_itself(trouble)) {
      throw Violation(fmt::format("it ended by itself, with {}", daemon_->wait_exit(1s).value_or(-1)));
    }
    daemon_->kill_hard();
    ++kills_;
    gone();
  }

  void stop() {
    daemon_->signal(SIGTERM);
    const auto code = daemon_->wait_exit(60s);
    if (!code) throw Violation("it does not stop");
    if (*code != 0) throw Violation(fmt::format("a stop in good health ended with {}", *code));
    gone();
  }

  /// When this returns, every model has received what it had sent, and its log has been searched.
  void gone() {
    const auto patience = Clock::now() + 60s;
    while (world_.standing(world_.listener_port(0)) > 0 && Clock::now() < patience) pass(1ms);
    const std::string log = daemon_->log() + daemon_->out();
    daemon_.reset();
    for (const char* word : {"THE STATE IS LOST", "Sanitizer", "runtime error:", "check failed"}) {
      const std::size_t at = log.find(word);
      if (at != std::string::npos) throw Violation("it said: " + log.substr(at, 2000));
    }
    look_for_secrets(log);
  }

  void look_for_secrets(const std::string& log) {
    const auto shows = [&](const std::string& secret) {
      if (log.contains(secret)) throw Violation("a secret is in its log");
    };
    shows(world_.token());
    for (std::size_t org = 0; org < world_.orgs(); ++org) shows(world_.org_key(org));
  }

  // Events and the ledger.

  void pass(Duration span) {
    static_cast<void>(world_.wait(span, [] { return false; }));
  }

  void events_come(Duration span) {
    constexpr auto tick = 10ms;
    for (const auto end = Clock::now() + span; Clock::now() < end; pass(tick)) {
      for (std::size_t org = 0; org < world_.orgs(); ++org) world_.issue(org, event_random_.below(3));
      if (patience_.asked_to_end()) throw std::runtime_error("interrupted");
    }
  }

  /// Its streams are open.
  void until_running() {
    while (!world_.wait(50ms, [this] { return every_org_asked(); })) {
      if (!daemon_->running()) throw Violation("it ended by itself");
    }
  }

  void until_delivered() {
    constexpr Duration patience = 600s;
    const auto began = Clock::now();
    const auto complete = [this] {
      return every_org_asked() && world_.with_ledger([](model::Ledger& ledger) { return ledger.complete(); });
    };
    while (!world_.wait(50ms, complete)) {
      if (!daemon_->running()) throw Violation("it ended by itself");
      if (Clock::now() - began > patience) throw Violation("not everything is delivered");
    }
    Row& row = table_[before_];
    row.slowest_s = std::max(row.slowest_s, seconds_since(began));
    before_ = last_trouble_;
    judge();
  }

  /// What must never happen, delivered or not.
  void judge() {
    const model::Judgement judgement = world_.judge();
    if (judgement.proven() || judgement.findings.empty()) return;
    const auto wrong = judgement.repeats_unmarked + judgement.altered + judgement.misnamed + judgement.alien +
                       judgement.unwelcome;
    if (wrong > 0) throw Violation(judgement.findings.front());
  }

  /// All is well: it delivers what is missing, stops, and has nothing to repeat when it starts again.
  void end_in_order() {
    if (!daemon_) start();
    until_delivered();
    // A request is not yet an answer: the doubt that the last kill left ends once something newer has
    // arrived.
    for (std::size_t org = 0; org < world_.orgs(); ++org) world_.issue(org, 1);
    until_delivered();
    stop();
    const std::size_t repeats = world_.judge().repeats;
    start();
    events_come(300ms);
    until_delivered();
    stop();
    const model::Judgement judgement = world_.judge();
    if (judgement.repeats != repeats) throw Violation("after an orderly end it repeats");
    if (!judgement.proven()) throw Violation("the ledger is not balanced");
  }

  void tell_progress() {
    const model::Judgement judgement = world_.judge();
    fmt::print("{:5.0f} s  {:4} kills  {:7} issued  {:7} delivered  {:6} repeats, {} unmarked\n",
               seconds_since(began_), kills_, judgement.issued, judgement.delivered, judgement.repeats,
               judgement.repeats_unmarked);
    std::fflush(stdout);
  }

  static constexpr rlim_t usual_descriptors = 1024;

  /// Ctrl-C ends a long run with its table.
  class Interrupts {
   public:
    [[nodiscard]] bool asked_to_end() const { return !patience_.wait(0s); }

   private:
    Patience patience_;
  };

  Interrupts patience_;  // First: before any thread.
  Settings settings_;
  Random random_;
  Random event_random_{1};  ///< Separate, so that the machine's pace does not change what else is drawn.
  Files files_;
  World world_;
  PortId proxy_;
  std::optional<Daemon> daemon_;
  Clock::time_point began_ = Clock::now();
  std::size_t rounds_ = 0;
  std::uint64_t kills_ = 0;
  std::size_t starts_ = 0;
  std::vector<std::size_t> requests_at_start_;
  std::size_t faults_outside_ = 0;
  bool stalls_ = true;
  Trouble last_trouble_ = Trouble::kill;
  Trouble before_ = Trouble::kill;  ///< The trouble that the present start must recover from.
  std::map<Trouble, Row> table_;
};

std::optional<Settings> read_arguments(int count, char** arguments) {
  Settings settings;
  cxxopts::Options options("logzio-okta-torture",
                           "The daemon against the sandbox over TLS, killed again and again.");
  options.add_options()("binary", "the daemon", cxxopts::value(settings.binary))(
      "library", "what is put between it and the C library", cxxopts::value(settings.library))(
      "kills", "how often it is killed", cxxopts::value(settings.kills)->default_value("300"))(
      "seed", "decides what is done", cxxopts::value(settings.seed)->default_value("1"))(
      "pause", "seconds of a SIGSTOP", cxxopts::value(settings.pause_s)->default_value("2"))(
      "lines", "a listener of newline JSON over TLS instead of HTTPS bulk", cxxopts::value(settings.lines))(
      "only", "one kind of trouble, named as in the table", cxxopts::value(settings.only))("h,help",
                                                                                           "this text");
  if (options.parse(count, arguments).count("help") > 0) {
    fmt::print("{}", options.help());
    return std::nullopt;
  }
  return settings;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto settings = read_arguments(count, arguments);
    if (!settings) return 0;
    Torture torture(*settings);
    try {
      torture.run();
      torture.tell_table();
      fmt::print("Clean: nothing was lost.\n");
      return 0;
    } catch (const std::exception& violation) {
      torture.tell_table();
      fmt::print("\nNOT clean: {}: {}\nThe daemon's last words:\n{}", torture.where(), violation.what(),
                 torture.last_words());
      return 1;
    }
  } catch (const std::exception& fault) {
    fmt::print(stderr, "logzio-okta-torture: {}\n", fault.what());
    return 64;
  }
}
