#include "shell/serve/process_facts.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

namespace logzio_okta {
namespace {

std::uint64_t count_open_fds() {
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  std::uint64_t count = 0;
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count - 3;  // ".", ".." and the directory itself.
}

/// When the kernel was started, in seconds since 1970.
double boot_time() {
  std::ifstream in("/proc/stat");
  std::string word;
  double seconds = 0;
  while (in >> word) {
    if (word == "btime" && in >> seconds) return seconds;
  }
  return 0;
}

/// The fields of /proc/self/stat from the third on; the second is a name that may hold spaces and brackets.
std::vector<std::string> stat_fields() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  return {std::istream_iterator<std::string>(rest), std::istream_iterator<std::string>()};
}

}  // namespace

ProcessFacts read_process_facts(std::uint64_t log_lines_dropped) {
  ProcessFacts facts;
  facts.log_lines_dropped = log_lines_dropped;
  facts.open_fds = count_open_fds();
  struct rlimit fds{};
  if (::getrlimit(RLIMIT_NOFILE, &fds) == 0) facts.fds_max = fds.rlim_cur;

  const std::vector<std::string> fields = stat_fields();
  constexpr std::size_t user_time = 14 - 3;  // proc(5) counts from 1, we from its third field.
  constexpr std::size_t system_time = 15 - 3;
  constexpr std::size_t start_time = 22 - 3;
  constexpr std::size_t virtual_bytes = 23 - 3;
  constexpr std::size_t resident_pages = 24 - 3;
  if (fields.size() <= resident_pages) return facts;
  const auto number = [&](std::size_t at) { return std::strtoull(fields[at].c_str(), nullptr, 10); };
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  facts.cpu_seconds = static_cast<double>(number(user_time) + number(system_time)) / ticks;
  facts.start_time_seconds = boot_time() + static_cast<double>(number(start_time)) / ticks;
  facts.virtual_bytes = number(virtual_bytes);
  facts.resident_bytes = number(resident_pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return facts;
}

}  // namespace logzio_okta
