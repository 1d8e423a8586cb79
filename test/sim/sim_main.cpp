// logzio-okta-sim: the daemon's core against a simulated world, seed by seed. Exit 1 on any violation.
//
// Seeds are shared out among child processes, so that an abort in the core (a CHECK) convicts a seed like any
// other violation. A convicted seed is shrunk, and run once more with its story told.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"

#include "sim/replicas.hpp"
#include "sim/shrink.hpp"
#include "sim/world.hpp"

using namespace logzio_okta;
using namespace logzio_okta::sim;

namespace {

constexpr int exit_usage = 64;
constexpr std::uint64_t accounts_max = 8;
constexpr std::uint64_t replicas_max = 5;

struct Arguments {
  std::uint64_t from = 1;
  std::uint64_t seeds = 100;
  std::uint64_t hours = 48;
  std::uint64_t jobs = 2;
  Wishes wishes{.orgs = 50};
  std::uint64_t shrink_s = 90;
  bool trace = false;
  bool verbose = false;

  [[nodiscard]] Setup setup(std::uint64_t seed) const {
    return {.seed = seed, .hours = hours, .wishes = wishes};
  }
};

constexpr std::string_view usage =
    R"(Usage: logzio-okta-sim [--seeds N] [--from S] [--jobs J] [--verbose] [--shrink S] [HOW...]
       logzio-okta-sim --seed N [--trace] [HOW...]

Runs the daemon's core against simulated orgs, listener, network, disk and clock: H virtual hours of
trouble, then everything heals and must be delivered. One seed decides everything.

  --seeds N    so many seeds (100), beginning with --from S (1), on J processes (2)
  --verbose    a line for each seed
  --seed N     this one seed; with --trace its whole story
  --shrink S   so many seconds go to looking for less that fails in the same way (90); 0: none

How it is run:
  --hours H    of trouble (48)
  --tenants T  in every run (50); 0: 1 to 50, as the seed draws
  --accounts A at Logz.io, instead of as many as the seed draws
  --replicas R of the daemon that share one database (0: one daemon with its own state)
  --no-hooks   Okta pushes nothing
  --only T,T   no other troubles than these; "none"
  --again N    the seed's plan with other draws (0)
)";

/// "kills,clock"; "none".
std::optional<std::set<Trouble>> read_troubles(std::string_view text) {
  std::set<Trouble> troubles;
  while (!text.empty() && text != "none") {
    const std::string_view name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    const auto trouble = trouble_of(name);
    if (!trouble) return std::nullopt;
    troubles.insert(*trouble);
  }
  return troubles;
}

std::optional<Arguments> read_arguments(int argc, char** argv) {
  Arguments arguments;
  const auto number = [&](int at) -> std::optional<std::uint64_t> {
    if (at >= argc) return std::nullopt;
    const std::string_view text = argv[at];
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (word == "--verbose") {
      arguments.verbose = true;
      continue;
    }
    if (word == "--no-hooks") {
      arguments.wishes.hooks = false;
      continue;
    }
    if (word == "--only" && i + 1 < argc) {
      arguments.wishes.only = read_troubles(argv[++i]);
      if (!arguments.wishes.only) return std::nullopt;
      continue;
    }
    const auto value = number(++i);
    if (!value) return std::nullopt;
    if (word == "--seed") {
      arguments.from = *value;
      arguments.seeds = 1;
    } else if (word == "--seeds") {
      arguments.seeds = *value;
    } else if (word == "--from") {
      arguments.from = *value;
    } else if (word == "--hours" && *value > 0) {
      arguments.hours = *value;
    } else if (word == "--tenants" && *value <= limits::tenants_max) {
      arguments.wishes.orgs = *value;
    } else if (word == "--accounts" && *value <= accounts_max) {
      arguments.wishes.accounts = *value;
    } else if (word == "--replicas" && *value <= replicas_max) {
      arguments.wishes.replicas = *value;
      arguments.shrink_s = 0;
    } else if (word == "--again") {
      arguments.wishes.again = *value;
    } else if (word == "--shrink") {
      arguments.shrink_s = *value;
    } else if (word == "--jobs" && *value > 0) {
      arguments.jobs = *value;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

/// What a run came to: its outcome, or the violation.
struct Result {
  std::optional<Violation> violation;
  Outcome outcome;
};

Result run_seed(const Setup& setup, Story& story) {
  const Plan plan = setup.plan();
  try {
    if (setup.wishes.replicas > 0) {
      Replicas replicas(plan, setup.wishes.replicas, story);
      return {.violation = {}, .outcome = replicas.run()};
    }
    World world(plan, story);
    return {.violation = {}, .outcome = world.run()};
  } catch (Violation& violation) {
    return {.violation = std::move(violation), .outcome = {}};
  }
}

// One seed, told.

const Story* story_at_end = nullptr;

void tell_story(const Violation& violation, const Story& story, std::uint64_t seed) {
  for (const std::string& line : story.about({.org = violation.org, .event = violation.event}))
    std::puts(line.c_str());
  std::printf("seed %ju, step %ju: VIOLATION: %s\n", std::uintmax_t{seed}, std::uintmax_t{story.step()},
              violation.text.c_str());
}

extern "C" void tell_end(int signal) {
  // The process is lost anyway, and nothing else runs in it.
  const Violation violation{signal == SIGALRM ? "it comes to no end" : "the core aborts"};
  if (story_at_end != nullptr) tell_story(violation, *story_at_end, 0);
  std::fflush(stdout);
  std::_Exit(1);
}

int tell_seed(const Setup& setup, Telling telling) {
  Story story(telling);
  story_at_end = &story;
  std::signal(SIGABRT, tell_end);
  std::signal(SIGALRM, tell_end);
  alarm(run_seconds_max);
  const Result result = run_seed(setup, story);
  if (result.violation) {
    tell_story(*result.violation, story, setup.seed);
    return 1;
  }
  const Outcome& outcome = result.outcome;
  std::printf("seed %ju: %s; %zu runs, %ju steps, drained in %s, trace %016jx\n", std::uintmax_t{setup.seed},
              outcome.summary.c_str(), outcome.runs, std::uintmax_t{outcome.steps},
              describe(outcome.drained_in).c_str(), std::uintmax_t{outcome.hash});
  return 0;
}

int tell_in_process(const Setup& setup) {
  std::fflush(stdout);
  const pid_t teller = fork();
  if (teller == 0) std::exit(tell_seed(setup, Telling::kept));
  int status = 0;
  waitpid(teller, &status, 0);
  return status;
}

// First as it failed, as short as it can be told; then, with less in it.
void tell_failure(const Setup& setup, std::uint64_t shrink_s) {
  std::printf("\nseed %ju failed:\n", std::uintmax_t{setup.seed});
  if (tell_in_process(setup) == 0) std::printf("... and passes now: the run is not reproducible\n");
  std::printf("All of it: ./dev sim %s --trace\n", setup.flags().c_str());
  if (shrink_s == 0) return;
  std::fflush(stdout);
  const Setup less = shrink(setup, std::chrono::seconds(shrink_s));
  if (less.flags() == setup.flags()) return;
  std::printf("\nIt fails in the same way with less, %s\n", less.plan().describe_all().c_str());
  static_cast<void>(tell_in_process(less));
  std::printf("All of it: ./dev sim %s --trace\n", less.flags().c_str());
}

// Many seeds, on several processes.

/// What a child writes into its pipe when it begins a seed and when the seed is done; small enough to be
/// written whole.
struct Word {
  enum class Kind : std::uint8_t { began, passed, failed };
  Kind kind = Kind::began;
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;
  std::uint64_t steps = 0;
  std::uint64_t delivered = 0;
  std::uint64_t runs = 0;
  std::int64_t drained_s = 0;
};

void say(int pipe, const Word& word) {
  if (write(pipe, &word, sizeof word) != static_cast<ssize_t>(sizeof word)) std::_Exit(1);
}

[[noreturn]] void work(const Arguments& arguments, std::uint64_t first, int pipe) {
  for (std::uint64_t i = first; i < arguments.seeds; i += arguments.jobs) {
    const std::uint64_t seed = arguments.from + i;
    say(pipe, {.kind = Word::Kind::began, .seed = seed});
    Story story;
    alarm(run_seconds_max);
    const Result result = run_seed(arguments.setup(seed), story);
    const auto drained = std::chrono::duration_cast<std::chrono::seconds>(result.outcome.drained_in);
    say(pipe, {.kind = result.violation ? Word::Kind::failed : Word::Kind::passed,
               .seed = seed,
               .hash = result.outcome.hash,
               .steps = result.outcome.steps,
               .delivered = result.outcome.delivered,
               .runs = result.outcome.runs,
               .drained_s = drained.count()});
    if (result.violation) break;
  }
  std::_Exit(0);
}

struct Worker {
  pid_t process = 0;
  int pipe = -1;
  std::optional<std::uint64_t> seed;  ///< Being run.
};

struct Totals {
  std::uint64_t passed = 0;
  std::uint64_t steps = 0;
  std::uint64_t delivered = 0;
  std::uint64_t runs = 0;
  std::uint64_t hash = 0;
  std::int64_t slowest_drain_s = 0;
  std::vector<std::uint64_t> failed;
};

std::vector<Worker> start_workers(const Arguments& arguments) {
  std::vector<Worker> workers;
  for (std::uint64_t i = 0; i < arguments.jobs; ++i) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    std::fflush(stdout);
    const pid_t process = fork();
    if (process < 0) std::abort();
    if (process == 0) {
      close(ends[0]);
      work(arguments, i, ends[1]);
    }
    close(ends[1]);
    workers.push_back({.process = process, .pipe = ends[0], .seed = {}});
  }
  return workers;
}

void take(const Word& word, Worker& worker, Totals& totals, bool verbose) {
  if (word.kind == Word::Kind::began) {
    worker.seed = word.seed;
    return;
  }
  worker.seed.reset();
  if (word.kind == Word::Kind::failed) return totals.failed.push_back(word.seed);
  ++totals.passed;
  totals.steps += word.steps;
  totals.delivered += word.delivered;
  totals.runs += word.runs;
  totals.hash ^= word.hash;  // The order in which seeds end is no part of it.
  totals.slowest_drain_s = std::max(totals.slowest_drain_s, word.drained_s);
  if (!verbose) return;
  std::printf("seed %ju: %ju delivered, %ju runs, %ju steps, drained in %jd s, trace %016jx\n",
              std::uintmax_t{word.seed}, std::uintmax_t{word.delivered}, std::uintmax_t{word.runs},
              std::uintmax_t{word.steps}, std::intmax_t{word.drained_s}, std::uintmax_t{word.hash});
}

Totals listen(std::vector<Worker>& workers, bool verbose) {
  Totals totals;
  std::vector<pollfd> pipes;
  for (const Worker& worker : workers) pipes.push_back({.fd = worker.pipe, .events = POLLIN, .revents = 0});
  for (std::size_t open = workers.size(); open > 0;) {
    if (poll(pipes.data(), pipes.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      if (pipes[i].revents == 0) continue;
      Word word;
      if (read(pipes[i].fd, &word, sizeof word) == static_cast<ssize_t>(sizeof word)) {
        take(word, workers[i], totals, verbose);
        continue;
      }
      // The end: having finished, or in the middle of a seed.
      if (workers[i].seed && totals.failed.empty()) totals.failed.push_back(*workers[i].seed);
      if (!totals.failed.empty()) {  // One conviction is enough to work on.
        for (const Worker& worker : workers) {
          if (worker.pipe >= 0) kill(worker.process, SIGTERM);
        }
      }
      waitpid(workers[i].process, nullptr, 0);
      close(pipes[i].fd);
      pipes[i].fd = workers[i].pipe = -1;
      --open;
    }
  }
  return totals;
}

int run_seeds(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<Worker> workers = start_workers(arguments);
  const Totals totals = listen(workers, arguments.verbose);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf(
      "%ju of %ju seeds from %ju passed, %ju h of trouble each: %ju events delivered, %ju runs of the "
      "daemon, "
      "%ju steps, slowest drain %jd s, traces %016jx; %.1f s, %.2f seeds/s\n",
      std::uintmax_t{totals.passed}, std::uintmax_t{arguments.seeds}, std::uintmax_t{arguments.from},
      std::uintmax_t{arguments.hours}, std::uintmax_t{totals.delivered}, std::uintmax_t{totals.runs},
      std::uintmax_t{totals.steps}, std::intmax_t{totals.slowest_drain_s}, std::uintmax_t{totals.hash},
      took.count(), static_cast<double>(totals.passed) / took.count());
  for (const std::uint64_t seed : totals.failed) tell_failure(arguments.setup(seed), arguments.shrink_s);
  return totals.failed.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = read_arguments(argc, argv);
  if (!arguments) {
    std::fputs(std::string(usage).c_str(), stderr);
    return exit_usage;
  }
  if (arguments->trace) return tell_seed(arguments->setup(arguments->from), Telling::aloud);
  return run_seeds(*arguments);
}
