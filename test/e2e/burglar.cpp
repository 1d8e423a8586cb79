// Burglar: loaded into the daemon by LD_PRELOAD, at SIGUSR2 it tries what an attacker would who got in
// through a parser's bug, and reports the results.
#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace {

const char* loot = "/burglar-file-not-set";

bool may_exec() {
  char name[] = "/bin/true";
  char* const words[] = {name, nullptr};
  return ::execve(name, words, words) == 0;
}

bool may_fork() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0;
}

void* nothing(void* argument) {
  return argument;
}

bool may_make_thread() {
  pthread_t thread{};
  return ::pthread_create(&thread, nullptr, nothing, nullptr) == 0 && ::pthread_join(thread, nullptr) == 0;
}

void break_in(int /*signal*/) {
  const auto outcome = [](bool done) { return std::string(done ? "done" : "refused"); };
  const std::string said = "burglar: exec " + outcome(may_exec()) + ", fork " + outcome(may_fork()) +
                           ", write " + outcome(::open(loot, O_WRONLY | O_CREAT, 0600) >= 0) + ", thread " +
                           outcome(may_make_thread()) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, said.data(), said.size());
}

__attribute__((constructor)) void wait_for_the_night() {
  if (const char* const path = std::getenv("BURGLAR_FILE")) loot = path;
  std::signal(SIGUSR2, break_in);
}

}  // namespace
