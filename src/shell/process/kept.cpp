#include "shell/process/kept.hpp"

#include <array>
#include <utility>

#include <unistd.h>

#include "logzio_okta/base/exit_codes.hpp"

#include "shell/os/clock.hpp"
#include "shell/os/small_file.hpp"
#include "shell/postgres/access.hpp"
#include "shell/postgres/postgres_store.hpp"
#include "shell/process/privileges.hpp"
#include "shell/settings/settings.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/store.hpp"

namespace logzio_okta {
namespace {

// Called when every file that only root may read has been read or is open, and before anything is sent.
Result<void> become_user(const Options& options, const std::string& state_dir,
                         const std::optional<std::string>& password_file = std::nullopt) {
  if (!options.user) return {};
  // A pipe may be opened only to be read: its writer would see it closed.
  for (const auto* file : {&options.hooks_cert, &options.hooks_key, &options.hooks_secrets, &password_file}) {
    if (*file && !is_pipe(**file)) keep_small_file(**file);
  }
  if (options.copy_to) {
    // If it cannot be created, opening it reports why.
    if (make_directories(*options.copy_to) == 0) hand_over_copies(*options.copy_to, *options.user);
  }
  if (!state_dir.empty()) hand_over(state_dir, *options.user);
  return give_up_privileges(*options.user);
}

std::expected<void, StartFailure> open_copies(const Options& options, Kept& kept) {
  if (!options.copy_to) return {};
  if (const auto problem = problem_with_place(*options.copy_to, kept.state_dir))
    return refuse_start(exit_configuration, "--copy-to: " + *problem);
  auto copies = Copies::open(*options.copy_to);
  if (!copies) return refuse_start(copies.error().held ? exit_temporary : exit_state, copies.error().text);
  kept.copies = std::move(*copies);
  return {};
}

std::string name_of_this_host() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return "?";
  return host.data();
}

std::expected<Kept, StartFailure> open_shared(const Options& options, const Environment& environment) {
  StoreAccess access = access_of(options, environment);
  if (auto became = become_user(options, {}, access.password_file); !became)
    return refuse_start(exit_configuration, became.error().text);
  if (auto good = check_access(access); !good) return refuse_start(exit_configuration, good.error().text);
  Kept kept{
      .store = nullptr, .copies = std::nullopt, .state_dir = {}, .place = place_of(access), .warnings = {}};
  kept.store = std::make_unique<PostgresStore>(
      PostgresOptions{.access = std::move(access),
                      .instance = options.instance.value_or(name_of_this_host()),
                      .lease = options.lease,
                      .spools = !options.hooks_orgs.empty()});
  if (auto opened = open_copies(options, kept); !opened) return std::unexpected(std::move(opened.error()));
  return kept;
}

/// The state, in the hands of the user that we are from then on. Its lock comes first: what another instance
/// works with is not handed to anybody.
std::expected<Kept, StartFailure> open_state(const Options& options) {
  const auto found = find_state_dir(StateDirSearch::of_environment(options.state_dir));
  if (!found) return refuse_start(exit_state, found.error().text);
  const std::string& dir = found->path;
  if (auto made = make_state_dir(dir); !made) return refuse_start(exit_state, made.error().text);
  auto lock = OwnerLock::take(dir, wall_now());
  if (!lock) return refuse_start(lock.error().held ? exit_temporary : exit_state, lock.error().text);
  if (auto became = become_user(options, dir); !became)
    return refuse_start(exit_configuration, became.error().text);
  auto store = Store::open(dir, wall_now(), std::move(*lock));
  if (!store) return refuse_start(store.error().exit_code, store.error().text);
  Kept kept{.store = std::make_unique<Store>(std::move(*store)),
            .copies = std::nullopt,
            .state_dir = dir,
            .place = dir,
            .warnings = found->warnings};
  if (auto opened = open_copies(options, kept); !opened) return std::unexpected(std::move(opened.error()));
  return kept;
}

}  // namespace

std::unexpected<StartFailure> refuse_start(int code, std::string text) {
  return std::unexpected(StartFailure{code, {std::move(text)}});
}

std::expected<Kept, StartFailure> open_kept(const Options& options, const Environment& environment) {
  return options.store ? open_shared(options, environment) : open_state(options);
}

}  // namespace logzio_okta
