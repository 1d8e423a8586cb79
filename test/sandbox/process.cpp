#include "sandbox/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace logzio_okta::sandbox {
namespace {

[[noreturn]] void fail_with(int code, const std::string& what) {
  throw std::system_error(code, std::generic_category(), what);
}

struct Pipe {
  Fd read_end;
  Fd write_end;

  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail_with(errno, "pipe");
    read_end = Fd(ends[0]);
    write_end = Fd(ends[1]);
  }
};

/// What posix_spawn needs: pointers to strings it does not change, and a null after the last.
std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Without these a child inherits our signal mask and the signals we ignore.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

class FileActions {
 public:
  FileActions(const ProcessSpec& spec, const Pipe& out, const Pipe& log) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, out.write_end.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, log.write_end.get(), STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions_, spec.directory.c_str());
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

Daemon::Daemon(ProcessSpec spec) : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  spec.binary = std::filesystem::absolute(spec.binary);
  start(spec);
  watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void Daemon::start(const ProcessSpec& spec) {
  Pipe out;
  Pipe log;
  std::vector<std::string> args{spec.binary.string()};
  args.insert(args.end(), spec.args.begin(), spec.args.end());
  std::vector<std::string> env;
  for (const auto& [name, value] : spec.env) env.push_back(fmt::format("{}={}", name, value));
  const FileActions actions(spec, out, log);
  const Attributes attributes;
  const int fault = posix_spawn(&pid_, spec.binary.c_str(), actions.get(), attributes.get(),
                                pointers_to(args).data(), pointers_to(env).data());
  if (fault != 0) fail_with(fault, "cannot start " + spec.binary.string());
  pid_fd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  stdout_ = std::move(out.read_end);
  stderr_ = std::move(log.read_end);
}

Daemon::~Daemon() {
  kill_hard();
  watcher_.request_stop();
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void Daemon::signal(int number) {
  const std::lock_guard lock(mutex_);
  if (!exit_) kill(pid_, number);  // Not reaped yet, so the number is still its own.
}

void Daemon::kill_hard() {
  signal(SIGKILL);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return exit_.has_value(); });
}

void Daemon::watch(const std::stop_token& stop) {
  std::array<pollfd, 4> watched{{{.fd = pid_fd_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = stdout_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = stderr_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
  const auto take = [this](pollfd& from, std::string& text) {
    std::array<char, 65'536> room{};
    const ssize_t bytes = read(from.fd, room.data(), room.size());
    if (bytes <= 0) {
      from.fd = -1;  // Ended: poll passes over it.
      return;
    }
    const std::lock_guard lock(mutex_);
    text.append(room.data(), static_cast<std::size_t>(bytes));
    changed_.notify_all();
  };
  // Its last words may be read after its end, but a grandchild that keeps the pipes open is not waited for.
  while (!stop.stop_requested() && std::ranges::any_of(watched.begin(), watched.begin() + 3,
                                                       [](const pollfd& one) { return one.fd >= 0; })) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[1].revents != 0) take(watched[1], out_);
    if (watched[2].revents != 0) take(watched[2], log_);
    if (watched[0].revents != 0 && watched[1].revents == 0 && watched[2].revents == 0) {
      int status = 0;
      waitpid(pid_, &status, 0);
      end_with(status);
      watched[0].fd = -1;
    }
  }
}

void Daemon::end_with(int status) {
  const std::lock_guard lock(mutex_);
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  changed_.notify_all();
}

std::optional<int> Daemon::wait_exit(Duration limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return exit_.has_value(); });
  return exit_;
}

bool Daemon::running() const {
  const std::lock_guard lock(mutex_);
  return !exit_;
}

bool Daemon::wait_log(std::string_view text, Duration limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return log_.contains(text) || exit_; });
  return log_.contains(text);
}

std::string Daemon::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

std::string Daemon::out() const {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::string Daemon::log_tail(std::size_t lines) const {
  const std::string all = log();
  std::size_t from = all.size();
  for (std::size_t seen = 0; from > 0; --from) {
    if (all[from - 1] == '\n' && from < all.size() && ++seen == lines) break;
  }
  return all.substr(from);
}

std::string Daemon::proc(std::string_view file) const {
  std::ifstream stream("/proc/" + std::to_string(pid_) + '/' + std::string(file));
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::size_t Daemon::status_bytes(std::string_view field) const {
  const std::string status = proc("status");
  const std::size_t at = status.find(field);
  if (at == std::string::npos) return 0;
  const std::size_t digits = status.find_first_of("0123456789", at);
  std::size_t kilobytes = 0;
  std::from_chars(status.data() + digits, status.data() + status.size(), kilobytes);
  return kilobytes * 1024;
}

std::size_t Daemon::rss_bytes() const {
  return status_bytes("VmRSS:");
}
std::size_t Daemon::rss_peak_bytes() const {
  return status_bytes("VmHWM:");
}

Duration Daemon::cpu_time() const {
  const std::string stat = proc("stat");
  const std::size_t name_end = stat.rfind(')');  // The name before it may hold anything.
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // Up to utime, the 14th of all.
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::seconds(1) * (user + system) / sysconf(_SC_CLK_TCK);
}

}  // namespace logzio_okta::sandbox
