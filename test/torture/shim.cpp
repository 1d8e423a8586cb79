// Stands between the daemon and the C library (LD_PRELOAD) and does to it what a bad disk, a set clock and a
// dead name server would do. Only what concerns the state file is touched; everything else goes through.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "torture/control.hpp"

namespace {

using logzio_okta::torture::Control;

Control* map_control() {
  const char* path = std::getenv(logzio_okta::torture::control_variable);
  const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* at = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return at == MAP_FAILED ? nullptr : static_cast<Control*>(at);
}

Control& control() {
  static Control quiet;
  static Control* const mapped = map_control();
  return mapped == nullptr ? quiet : *mapped;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool is_state(int fd) {
  char link[64];
  char path[512];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return false;
  path[size] = '\0';
  return std::strstr(path, "/state.sqlite") != nullptr;
}

/// True so many times in a thousand.
bool strikes(std::uint32_t permille) {
  if (permille == 0) return false;
  static unsigned seed = static_cast<unsigned>(getpid());
  return static_cast<unsigned>(rand_r(&seed)) % 1000U < permille;
}

/// Before a write of the state: how much of it is to be written; errno is set where that is not all.
std::size_t admit(int fd, std::size_t size) {
  Control& now = control();
  if ((now.die_at_write == 0 && now.write_fails == 0) || !is_state(fd)) return size;
  if (now.die_at_write > 0 && --now.die_at_write == 0) {
    ++now.faults;
    return size / 2;  // And then the end, see `written`.
  }
  if (!strikes(now.write_fails)) return size;
  ++now.faults;
  errno = strikes(500) ? ENOSPC : EIO;
  return strikes(500) ? size / 2 : 0;
}

template <class Write>
ssize_t write_some(int fd, std::size_t size, Write write) {
  const bool armed = control().die_at_write > 0;
  errno = 0;
  const std::size_t admitted = admit(fd, size);
  const int fault = errno;
  if (admitted == size) return write(size);
  const ssize_t done = admitted > 0 ? write(admitted) : 0;
  if (armed && fault == 0) kill(getpid(), SIGKILL);
  if (done > 0) return done;  // A short write; the caller asks for the rest.
  errno = fault;
  return -1;
}

int sync(int fd, const char* name) {
  Control& now = control();
  if (now.fsync_delay_us > 0 && is_state(fd)) poll(nullptr, 0, static_cast<int>(now.fsync_delay_us / 1000));
  if (now.fsync_fails > 0 && is_state(fd) && strikes(now.fsync_fails)) {
    ++now.faults;
    errno = EIO;
    return -1;
  }
  return real<int (*)(int)>(name)(fd);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* from, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  return write_some(fd, size, [&](std::size_t some) { return next(fd, from, some); });
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return write_some(fd, size, [&](std::size_t some) { return next(fd, from, some, at); });
}

ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return write_some(fd, size, [&](std::size_t some) { return next(fd, from, some, at); });
}

int fsync(int fd) {
  return sync(fd, "fsync");
}

int fdatasync(int fd) {
  return sync(fd, "fdatasync");
}

int clock_gettime(clockid_t clock, timespec* at) {
  static const auto next = real<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int code = next(clock, at);
  if (code == 0 && clock == CLOCK_REALTIME) at->tv_sec += control().clock_offset_ms / 1000;
  return code;
}

time_t time(time_t* at) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != nullptr) *at = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* at, void* /*zone*/) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *at = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  static const auto next =
      real<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  const bool proxy = node != nullptr && std::strcmp(node, logzio_okta::torture::proxy_host) == 0;
  if (proxy && control().dns_gone > 0) {
    ++control().faults;
    return EAI_AGAIN;
  }
  return next(proxy ? "127.0.0.1" : node, service, hints, found);
}

}  // extern "C"
