// Sits between the daemon and the C library (LD_PRELOAD), imitates a bad disk, a set clock and a dead name
// server, and keeps what a power cut would leave. Only what concerns the state file is touched; everything
// else goes through.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

/// False where the descriptor has no name.
bool name_of(int fd, char (&path)[512]) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  path[size > 0 ? size : 0] = '\0';
  return size > 0;
}

bool is_state(int fd) {
  char path[512];
  return name_of(fd, path) && std::strstr(path, "/state.sqlite") != nullptr;
}

// What a power cut leaves.

/// Opened before main, since the daemon forbids itself to open files for writing outside its state.
const int safe_journal = [] {
  const char* const name = std::getenv(logzio_okta::torture::safe_variable);
  return name == nullptr ? -1 : open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
}();

/// Appends to the journal (control.hpp). Cut short by the end of the process, it is not read.
void keep(const std::string& what, const std::string& bytes) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  const std::string record = what + ' ' + std::to_string(bytes.size()) + '\n' + bytes;
  for (std::size_t done = 0; done < record.size();) {
    const ssize_t some = next(safe_journal, record.data() + done, record.size() - done);
    if (some <= 0) std::abort();
    done += static_cast<std::size_t>(some);
  }
}

void keep_names(const char* directory) {
  DIR* const listing = opendir(directory);
  if (listing == nullptr) return;
  std::string names;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_name[0] != '.')
      names += std::string(entry->d_name) + ' ' + std::to_string(entry->d_ino) + '\n';
  }
  closedir(listing);
  keep("names", names);
}

// Through the descriptor itself: opening and closing the file again would drop SQLite's locks on it.
void keep_content(int fd, ino_t inode) {
  static char room[1U << 16U];
  std::string content;
  for (ssize_t got = 0; (got = pread(fd, room, sizeof room, static_cast<off_t>(content.size()))) > 0;)
    content.append(room, static_cast<std::size_t>(got));
  keep(std::to_string(inode), content);
}

/// After a sync that succeeded.
void see_sync(int fd) {
  char path[512];
  struct stat status{};
  if (control().power_may_fail == 0 || !name_of(fd, path) || fstat(fd, &status) != 0) return;
  if (S_ISDIR(status.st_mode)) {
    char state[544];
    std::snprintf(state, sizeof state, "%s/state.sqlite", path);
    if (access(state, F_OK) == 0) keep_names(path);
  } else if (std::strstr(path, "/state.sqlite") != nullptr) {
    keep_content(fd, status.st_ino);
  }
}

// What is done to it.

/// True this many times in a thousand.
bool strikes(std::uint32_t permille) {
  if (permille == 0) return false;
  static unsigned seed = static_cast<unsigned>(getpid());
  return static_cast<unsigned>(rand_r(&seed)) % 1000U < permille;
}

/// Before a write of the state: how much of it is to be written; errno is set if that is not all.
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
  if (now.fsync_delay_us > 0 && is_state(fd))
    real<int (*)(pollfd*, nfds_t, int)>("poll")(nullptr, 0, static_cast<int>(now.fsync_delay_us / 1000));
  if (now.fsync_fails > 0 && is_state(fd) && strikes(now.fsync_fails)) {
    ++now.faults;
    errno = EIO;
    return -1;
  }
  if (now.die_at_sync > 0 && is_state(fd) && --now.die_at_sync == 0) {
    ++now.faults;
    kill(getpid(), SIGKILL);
  }
  const int code = real<int (*)(int)>(name)(fd);
  if (code == 0) see_sync(fd);
  return code;
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
