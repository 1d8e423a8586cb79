#include "shell/log.hpp"

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

namespace logzio_okta {
namespace {

/// How many bytes at the beginning of `text` are one well-formed UTF-8 character that a terminal only shows;
/// 0 if they are a control character, a piece of another encoding, or nothing.
std::size_t harmless_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool control = first == 0xc2 && second < 0xa0;
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return control || overlong || no_character ? 0 : size;
}

void append_harmless(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  while (!text.empty()) {
    const std::size_t size = harmless_character(text);
    if (size > 0) {
      out += text.substr(0, size);
    } else if (text.front() == '\n') {
      out += "\\n";
    } else {
      const auto byte = static_cast<unsigned char>(text.front());
      ((out += "\\x") += digits[byte >> 4U]) += digits[byte & 0xfU];
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

/// "WARN ": of one width, so that the messages stand in one column.
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
    append_harmless(out, tenant);
    out += "] ";
  }
  append_harmless(out, text);
  return out += '\n';
}

std::string json_entry(Level level, std::string_view tenant, std::string_view text, WallTime now) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto member = [&](std::string_view name, std::string_view value) {
    std::string harmless;
    append_harmless(harmless, value);
    writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
    writer.String(harmless.data(), static_cast<rapidjson::SizeType>(harmless.size()));
  };
  writer.StartObject();
  member("time", format_rfc3339(now));
  member("level", name_of(level));
  if (!tenant.empty()) member("tenant", tenant);
  member("message", text);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

/// The same pipe or terminal under a description of our own, which alone becomes non-blocking. -1 if it is
/// something else or may not be opened.
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
        entry(Level::warn, "", std::to_string(missing) + " log lines were dropped: nobody read them", now);
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
