#include "shell/process/log.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

using Entry = spdlog::details::log_msg;  ///< Its logger's name is the tenant.

constexpr spdlog::level::level_enum level_for(Level level) {
  return static_cast<spdlog::level::level_enum>(level);
}
static_assert(level_for(Level::trace) == spdlog::level::trace);
static_assert(level_for(Level::fatal) == spdlog::level::critical);

/// "WARN ": padded, so that the messages begin in one column.
std::string padded(std::string name) {
  constexpr std::size_t width = 5;
  std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  name.resize(std::max(width, name.size()), ' ');
  return name;
}

std::string shown(spdlog::string_view_t text) {
  return harmless({text.data(), text.size()});
}

/// JSON escapes only these two of the harmless characters.
std::string shown_in_json(spdlog::string_view_t text) {
  std::string out;
  for (const char c : shown(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// Flags that spdlog does not have: %V the level, %W the tenant if there is one, %X the message.
class Flag final : public spdlog::custom_flag_formatter {
 public:
  Flag(char flag, bool json) : flag_(flag), json_(json) {}
  void format(const Entry& entry, const std::tm& /*time*/, spdlog::memory_buf_t& line) override {
    line.append(part(entry));
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Flag>(*this);
  }

 private:
  [[nodiscard]] std::string part(const Entry& entry) const {
    const std::string level(name_of(static_cast<Level>(entry.level)));
    if (flag_ == 'V') return json_ ? level : padded(level);
    if (flag_ == 'X') return json_ ? shown_in_json(entry.payload) : shown(entry.payload);
    if (entry.logger_name.size() == 0) return {};
    return json_ ? R"("tenant":")" + shown_in_json(entry.logger_name) + "\","
                 : "[" + shown(entry.logger_name) + "] ";
  }
  char flag_;
  bool json_;
};

/// spdlog's own %v and %n would let control characters through.
std::unique_ptr<spdlog::formatter> formatter_for(LogFormat format) {
  const bool json = format == LogFormat::json;
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  for (const char flag : {'V', 'W', 'X'}) formatter->add_flag<Flag>(flag, flag, json);
  formatter->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%V",%W"message":"%X"})"
                              : "%Y-%m-%dT%H:%M:%S.%eZ %V %W%X");
  return formatter;
}

/// Opens the same pipe or terminal again, with its own description, so that only that becomes non-blocking.
/// -1 if it is something else or may not be opened.
int opened_again(int fd, mode_t mode) {
  if (!S_ISFIFO(mode) && !S_ISCHR(mode)) return -1;
  return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(),
                O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

class NeverWaitingSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  NeverWaitingSink(LogFormat format, int fd, std::uint64_t& dropped)
      : base_sink(formatter_for(format)), fd_(fd), dropped_(dropped) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return;
    socket_ = S_ISSOCK(status.st_mode);
    if (const int own = opened_again(fd, status.st_mode); own >= 0) {
      fd_ = own;
      own_fd_ = true;
    }
  }
  ~NeverWaitingSink() override {
    flush_();
    if (own_fd_) ::close(fd_);
  }
  NeverWaitingSink(const NeverWaitingSink&) = delete;
  NeverWaitingSink& operator=(const NeverWaitingSink&) = delete;

 private:
  void sink_it_(const Entry& entry) override {
    flush_();
    if (!unwritten_.empty() || !room()) return void(++dropped_);
    spdlog::memory_buf_t lines;
    if (const std::uint64_t missing = dropped_ - dropped_said_; missing > 0) {
      const std::string text = std::to_string(missing) + " log lines were dropped: nothing reads them";
      formatter_->format(Entry(entry.time, {}, "", spdlog::level::warn, text), lines);
    }
    formatter_->format(entry, lines);
    unwritten_.assign(lines.data(), lines.size());
    dropped_said_ = dropped_;
    flush_();
  }

  /// Writes as much as there is room for.
  void flush_() override {
    while (!unwritten_.empty() && room()) {
      const std::size_t piece = std::min<std::size_t>(unwritten_.size(), PIPE_BUF);
      const ssize_t put = socket_ ? ::send(fd_, unwritten_.data(), piece, MSG_DONTWAIT | MSG_NOSIGNAL)
                                  : ::write(fd_, unwritten_.data(), piece);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return;
      unwritten_.erase(0, static_cast<std::size_t>(put));
    }
  }

  [[nodiscard]] bool room() const {
    pollfd ask{.fd = fd_, .events = POLLOUT, .revents = 0};
    return ::poll(&ask, 1, 0) == 1 && (ask.revents & POLLOUT) != 0;
  }

  int fd_;
  bool own_fd_ = false;
  bool socket_ = false;
  /// The rest of a line that was begun; at most that line and the count of dropped ones.
  std::string unwritten_;
  std::uint64_t& dropped_;
  std::uint64_t dropped_said_ = 0;
};

}  // namespace

/// Takes whole entries: each brings its time and tenant, where spdlog would ask the clock and has one name.
class Log::Logger final : public spdlog::logger {
 public:
  using logger::log_it_;
  using logger::logger;
};

Log::Log(Level level, LogFormat format, int fd)
    : logger_(std::make_unique<Logger>("", std::make_shared<NeverWaitingSink>(format, fd, dropped_))) {
  logger_->set_level(level_for(level));
  // If an entry cannot be made, for lack of memory say, spdlog would write to stderr and wait for it.
  logger_->set_error_handler([this](const std::string& /*what*/) { ++dropped_; });
}

Log::~Log() = default;

void Log::write(Level level, std::string_view tenant, std::string_view text, WallTime now) {
  const spdlog::log_clock::time_point time(now.time_since_epoch());
  const Entry entry(time, {}, tenant, level_for(level), text);
  logger_->log_it_(entry, logger_->should_log(entry.level), false);
}

}  // namespace logzio_okta
