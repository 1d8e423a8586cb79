#include "shell/process/confinement.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

using test::TempDir;
using test::write_file;

std::string outcome(bool done) {
  return done ? "done" : std::strerror(errno);
}

/// The outcome in a process that has confined itself to the directories, or why that is not possible with
/// this kernel or container.
std::string confined(const std::vector<WritableDir>& dirs, const std::function<std::string()>& act) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const Confinement confinement = confine(dirs);
    const std::string text = confinement.files_open + confinement.calls_open + act();
    ::_exit(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::array<char, 1024> text{};
  const ssize_t size = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string confined(const std::string& dir, const std::function<std::string()>& act) {
  return confined({{.path = dir}}, act);
}

/// Whether this machine has both; if it does not, nothing is refused and there is nothing to test.
bool available() {
  const TempDir dir;
  const std::string said = confined(dir.path(), [] { return std::string(); });
  if (said.empty()) return true;
  WARN("not tried: " << said);
  return false;
}

std::string write_to(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string said = outcome(fd >= 0 && ::write(fd, "x", 1) == 1);
  if (fd >= 0) ::close(fd);
  return said;
}

}  // namespace

TEST_CASE("confinement: files are made, written, renamed and removed in the state directory alone") {
  if (!available()) return;
  const TempDir dir;
  std::filesystem::create_directory(dir / "state");
  write_file(dir / "tenants.yml", "secret");
  write_file(dir / "state/old", "");
  const auto tries = [&](const std::function<std::string()>& act) { return confined(dir / "state", act); };
  CHECK(tries([&] { return write_to(dir / "state/new"); }) == "done");
  CHECK(tries([&] {
          return outcome(::rename((dir / "state/old").c_str(), (dir / "state/moved").c_str()) == 0);
        }) == "done");
  CHECK(tries([&] { return outcome(::unlink((dir / "state/moved").c_str()) == 0); }) == "done");
  CHECK(tries([&] { return outcome(::open((dir / "tenants.yml").c_str(), O_RDONLY) >= 0); }) == "done");

  const std::string refused = std::strerror(EACCES);
  CHECK(tries([&] { return write_to(dir / "new"); }) == refused);
  CHECK(tries([&] { return write_to(dir / "tenants.yml"); }) == refused);
  CHECK(tries([&] { return outcome(::unlink((dir / "tenants.yml").c_str()) == 0); }) == refused);
  CHECK(tries([&] { return outcome(::mkdir((dir / "state/sub").c_str(), 0700) == 0); }) == refused);
  CHECK(tries([&] { return outcome(::rename((dir / "state/new").c_str(), (dir / "taken").c_str()) == 0); }) !=
        "done");
}

TEST_CASE(
    "confinement: where directories may be made, so may files in them; a rename stays in its directory") {
  if (!available()) return;
  const TempDir dir;
  std::filesystem::create_directory(dir / "copies");
  const std::vector<WritableDir> copies = {{.path = dir / "copies", .makes_directories = true}};
  const std::string made = dir / "copies/acme";
  CHECK(confined(copies, [&] { return outcome(::mkdir(made.c_str(), 0700) == 0); }) == "done");
  CHECK(confined(copies, [&] { return write_to(made + "/open"); }) == "done");
  CHECK(confined(copies, [&] {
          return outcome(::rename((made + "/open").c_str(), (made + "/closed").c_str()) == 0);
        }) == "done");
  CHECK(confined(copies, [&] { return outcome(::mkdir((dir / "beside").c_str(), 0700) == 0); }) ==
        std::strerror(EACCES));
  CHECK(confined(copies, [&] { return outcome(::rmdir(made.c_str()) == 0); }) != "done");
}

TEST_CASE(
    "confinement: no program, process, odd socket, code in memory or signal; threads and look-ups go on") {
  if (!available()) return;
  const TempDir dir;
  const auto tries = [&](const std::function<std::string()>& act) { return confined(dir.path(), act); };
  const std::string refused = std::strerror(EPERM);
  CHECK(tries([] {
          const std::array<char*, 1> none{};
          return outcome(::execve("/bin/true", none.data(), none.data()) == 0);
        }) == refused);
  CHECK(tries([] { return outcome(::kill(::getppid(), 0) == 0); }) == refused);
  CHECK(tries([] { return outcome(::socket(AF_PACKET, SOCK_RAW, 0) >= 0); }) == std::strerror(EAFNOSUPPORT));
  CHECK(tries([] {
          return outcome(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        }) == refused);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(tries([] {
          const pid_t child = ::fork();
          if (child == 0) ::_exit(0);
          return outcome(child > 0);
        }) == refused);
  CHECK(tries([] { return outcome(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0); }) == refused);
#endif
  CHECK(tries([] {
          bool ran = false;
          std::thread([&] {
            addrinfo* found = nullptr;
            ran = ::getaddrinfo("localhost", "80", nullptr, &found) == 0;
            if (found != nullptr) ::freeaddrinfo(found);
          }).join();
          return outcome(ran);
        }) == "done");
}

}  // namespace logzio_okta
