#include "shell/process/log.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>

#include <fcntl.h>
#include <poll.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

/// "WARN ": padded, so that the messages begin in one column.
std::string padded(Level level) {
  constexpr std::size_t width = 5;
  std::string name(name_of(level));
  std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  name.resize(std::max(width, name.size()), ' ');
  return name;
}

std::string text_entry(Level level, std::string_view tenant, std::string_view text, WallTime now) {
  std::string out = format_rfc3339(now) + " " + padded(level) + " ";
  if (!tenant.empty()) {
    out += '[';
    out += harmless(tenant);
    out += "] ";
  }
  out += harmless(text);
  return out += '\n';
}

std::string json_entry(Level level, std::string_view tenant, std::string_view text, WallTime now) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto member = [&](std::string_view name, std::string_view value) {
    const std::string shown = harmless(value);
    writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
    writer.String(shown.data(), static_cast<rapidjson::SizeType>(shown.size()));
  };
  writer.StartObject();
  member("time", format_rfc3339(now));
  member("level", name_of(level));
  if (!tenant.empty()) member("tenant", tenant);
  member("message", text);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

/// Opens the same pipe or terminal again, with its own description, so that only that becomes non-blocking.
/// -1 if it is something else or may not be opened.
int opened_again(int fd, mode_t mode) {
  if (!S_ISFIFO(mode) && !S_ISCHR(mode)) return -1;
  return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(),
                O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

}  // namespace

Log::Log(Level level, LogFormat format, int fd) : level_(level), format_(format), fd_(fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return;
  socket_ = S_ISSOCK(status.st_mode);
  if (const int own = opened_again(fd, status.st_mode); own >= 0) {
    fd_ = own;
    own_fd_ = true;
  }
}

Log::~Log() {
  static_cast<void>(flush());
  if (own_fd_) ::close(fd_);
}

std::string Log::entry(Level level, std::string_view tenant, std::string_view text, WallTime now) const {
  return format_ == LogFormat::json ? json_entry(level, tenant, text, now)
                                    : text_entry(level, tenant, text, now);
}

void Log::write(Level level, std::string_view tenant, std::string_view text, WallTime now) {
  if (level < level_) return;
  if (!flush() || !room()) {
    ++dropped_;
    return;
  }
  if (const std::uint64_t missing = dropped_ - dropped_said_; missing > 0) {
    dropped_said_ = dropped_;
    unwritten_ =
        entry(Level::warn, "", std::to_string(missing) + " log lines were dropped: nothing reads them", now);
  }
  unwritten_ += entry(level, tenant, text, now);
  static_cast<void>(flush());
}

bool Log::room() const {
  pollfd ask{.fd = fd_, .events = POLLOUT, .revents = 0};
  return ::poll(&ask, 1, 0) == 1 && (ask.revents & POLLOUT) != 0;
}

bool Log::flush() {
  while (!unwritten_.empty()) {
    if (!room()) return false;
    const std::size_t piece = std::min<std::size_t>(unwritten_.size(), PIPE_BUF);
    const ssize_t put = socket_ ? ::send(fd_, unwritten_.data(), piece, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : ::write(fd_, unwritten_.data(), piece);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    unwritten_.erase(0, static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace logzio_okta
