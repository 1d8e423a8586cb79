#include "shell/process/reloads.hpp"

#include <utility>

#include "logzio_okta/base/quote.hpp"

#include "shell/os/small_file.hpp"

namespace logzio_okta {
namespace {

constexpr std::array<const char*, reloaded_files> in_force = {
    ". The tenants read before stay in force",
    ". The token read before stays in force",
    ". The secrets read before stay in force",
    ". The certificate read before stays in force",
};

}  // namespace

std::optional<FileWatch> Reloads::watch(const std::string& path) {
  if (!is_pipe(path)) return FileWatch(path);
  console_.say(Level::warn, path + " is a pipe, which can be read only once: a change needs a restart");
  return std::nullopt;
}

bool Reloads::note(ReloadedFile file, std::string why_not) {
  const auto index = static_cast<std::size_t>(file);
  const bool taken = why_not.empty();
  ++(taken ? count_taken_ : count_refused_);
  if (!taken) console_.say(Level::error, without_credentials(why_not) + in_force.at(index));
  refused_.at(index) = std::move(why_not);
  return taken;
}

std::vector<std::string> Reloads::all_refused() const {
  std::vector<std::string> all;
  for (const std::string& why : refused_) {
    if (!why.empty()) all.push_back(why);
  }
  return all;
}

}  // namespace logzio_okta
