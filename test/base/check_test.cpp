#include <array>
#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"

#undef CHECK  // Catch2's: ours is the one under test.
#include "logzio_okta/base/check.hpp"

namespace {

// What a child process that runs `body` writes to stderr, and the status it ends with.
template <class Body>
std::string stderr_of_child(Body body, int& status) {
  std::array<int, 2> pipe_ends{};
  REQUIRE(::pipe(pipe_ends.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // The test framework would report the abort as its own failure.
    ::dup2(pipe_ends[1], STDERR_FILENO);
    body();
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  std::string said;
  std::array<char, 256> buffer{};
  for (ssize_t size = 0; (size = ::read(pipe_ends[0], buffer.data(), buffer.size())) > 0;) {
    said.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(pipe_ends[0]);
  REQUIRE(::waitpid(child, &status, 0) == child);
  return said;
}

}  // namespace

TEST_CASE("check: a broken condition names itself and its place and aborts") {
  int status = 0;
  const std::string said = stderr_of_child([] { CHECK(2 + 2 == 5); }, status);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGABRT);
  REQUIRE(said.find("check_test.cpp:") != std::string::npos);
  REQUIRE(said.find("check failed: 2 + 2 == 5\n") != std::string::npos);
}

TEST_CASE("check: a condition that holds says nothing and is evaluated once") {
  int status = 0;
  const std::string said = stderr_of_child(
      [] {
        int evaluated = 0;
        CHECK(++evaluated > 0);
        if (evaluated != 1) ::_exit(1);
      },
      status);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  REQUIRE(said.empty());
}
