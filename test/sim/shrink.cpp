#include "sim/shrink.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/world.hpp"

namespace logzio_okta::sim {
namespace {

constexpr std::string_view aborts = "aborts or does not end";

/// Without what differs from run to run: names, dates and numbers all have a digit.
std::string kind_of(std::string_view text) {
  constexpr std::size_t words_max = 8;
  std::string kind;
  std::size_t words = 0;
  while (!text.empty() && words < words_max) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.find_first_of("0123456789") != std::string_view::npos) continue;
    (kind += word) += ' ';
    ++words;
  }
  return kind;
}

std::string run_and_tell(const Setup& setup) {
  const Plan plan = setup.plan();
  Story story;
  try {
    World world(plan, story);
    static_cast<void>(world.run());
    return {};
  } catch (const Violation& violation) {
    return kind_of(violation.text);
  }
}

class Shrinker {
 public:
  Shrinker(Setup failing, std::string kind, std::chrono::steady_clock::time_point end)
      : least_(std::move(failing)), kind_(std::move(kind)), end_(end) {}

  Setup run() {
    fewer_hours();
    for (const std::size_t orgs : {1U, 2U, 5U, 10U, 25U}) {
      if (orgs < tried_plan().orgs && fails([&](Setup& setup) { setup.wishes.orgs = orgs; })) break;
    }
    for (const std::size_t accounts : {1U, 2U}) {
      if (accounts < tried_plan().accounts && fails([&](Setup& setup) { setup.wishes.accounts = accounts; }))
        break;
    }
    if (tried_plan().hooks) fails([](Setup& setup) { setup.wishes.hooks = false; });
    fewer_troubles();
    fewer_hours();
    return least_;
  }

 private:
  [[nodiscard]] Plan tried_plan() const { return least_.plan(); }

  template <class Change>
  bool fails(Change change) {
    constexpr std::uint64_t draws = 4;
    for (std::uint64_t i = 0; i < draws && std::chrono::steady_clock::now() < end_; ++i) {
      Setup tried = least_;
      tried.wishes.again += i;
      change(tried);
      if (failure_of(tried) != kind_) continue;
      least_ = std::move(tried);
      return true;
    }
    return false;
  }

  void fewer_hours() {
    while (least_.hours > 1 && fails([](Setup& setup) { setup.hours /= 2; })) continue;
  }

  void fewer_troubles() {
    std::set<Trouble> on;
    const Plan plan = tried_plan();
    for (std::size_t i = 0; i < troubles_count; ++i) {
      if (plan.has(static_cast<Trouble>(i))) on.insert(static_cast<Trouble>(i));
    }
    // Half of them at once, a quarter, and so on down to each.
    for (std::size_t share = on.size(); share > 0; share /= 2) {
      const std::vector<Trouble> before(on.begin(), on.end());
      for (std::size_t begin = 0; begin < before.size(); begin += share) {
        std::set<Trouble> others = on;
        for (std::size_t i = begin; i < std::min(begin + share, before.size()); ++i) others.erase(before[i]);
        if (others.size() == on.size()) continue;
        if (fails([&](Setup& setup) { setup.wishes.only = others; })) on = std::move(others);
      }
    }
  }

  Setup least_;
  std::string kind_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace

std::string Setup::flags() const {
  std::string flags = "--seed " + std::to_string(seed) + " --hours " + std::to_string(hours) + " --tenants " +
                      std::to_string(wishes.orgs);
  if (wishes.accounts > 0) flags += " --accounts " + std::to_string(wishes.accounts);
  if (wishes.replicas > 0) flags += " --replicas " + std::to_string(wishes.replicas);
  if (!wishes.hooks) flags += " --no-hooks";
  if (wishes.again > 0) flags += " --again " + std::to_string(wishes.again);
  if (!wishes.only) return flags;
  flags += " --only ";
  for (const Trouble trouble : *wishes.only) (flags += flags.ends_with(' ') ? "" : ",") += name_of(trouble);
  return wishes.only->empty() ? flags + "none" : flags;
}

std::optional<std::string> failure_of(const Setup& setup) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t process = fork();
  if (process < 0) std::abort();
  if (process == 0) {
    close(ends[0]);
    std::signal(SIGABRT, SIG_DFL);
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    alarm(run_seconds_max);
    const std::string kind = run_and_tell(setup);
    const bool said = write(ends[1], kind.data(), kind.size()) == static_cast<ssize_t>(kind.size());
    std::_Exit(said ? 0 : 1);
  }
  close(ends[1]);
  std::array<char, 1024> text;
  const ssize_t bytes = read(ends[0], text.data(), text.size());
  close(ends[0]);
  int status = 0;
  waitpid(process, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::string(aborts);
  if (bytes <= 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(bytes));
}

Setup shrink(Setup failing, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  auto kind = failure_of(failing);
  if (!kind) return failing;
  return Shrinker(std::move(failing), std::move(*kind), end).run();
}

}  // namespace logzio_okta::sim
