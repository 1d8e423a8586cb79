// logzio-okta-sim: the daemon's core against a simulated world, seed by seed. Exit 1 on any violation.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/world.hpp"

using namespace logzio_okta;
using namespace logzio_okta::sim;

int main(int argc, char** argv) {
  std::uint64_t from = 1;
  std::uint64_t seeds = 10;
  Duration hours = 6h;
  Telling telling = Telling::last_lines;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return std::strtoull(argv[++i], nullptr, 10); };
    if (word == "--seed") { from = number(); seeds = 1; }
    if (word == "--seeds") seeds = number();
    if (word == "--from") from = number();
    if (word == "--hours") hours = 1h * static_cast<std::int64_t>(number());
    if (word == "--trace") telling = Telling::aloud;
  }
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    const Plan plan(seed, hours);
    Story story(telling);
    try {
      World world(plan, story);
      const Outcome outcome = world.run();
      std::printf("%llu %016llx %s; %zu runs, drained in %s, %llu steps\n", (unsigned long long)seed, (unsigned long long)outcome.hash, outcome.summary.c_str(), outcome.runs, describe(outcome.drained_in).c_str(), (unsigned long long)outcome.steps);
    } catch (const Violation& violation) {
      for (const auto& line : story.lines()) std::puts(line.c_str());
      std::printf("%llu VIOLATION: %s\n", (unsigned long long)seed, violation.text.c_str());
      return 1;
    }
  }
}
