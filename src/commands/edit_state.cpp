#include "commands/edit_state.hpp"

#include <memory>
#include <utility>

#include "logzio_okta/base/exit_codes.hpp"

#include "shell/postgres/access.hpp"
#include "shell/postgres/postgres_store.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {

std::expected<StateEdit, StoreError> edit_state(const Settings& settings, const Environment& environment) {
  if (settings.options.store) {
    StoreAccess access = access_of(settings.options, environment);
    if (auto good = check_access(access); !good)
      return std::unexpected(StoreError{.exit_code = exit_configuration, .text = good.error().text});
    return StateEdit(std::make_unique<PostgresStore>(
        PostgresOptions{.access = std::move(access), .instance = "a logzio-okta command"}));
  }
  const auto dir = find_state_dir(StateDirSearch::of_environment(settings.options.state_dir));
  if (!dir) return unusable(dir.error().text);
  return StateEdit::open(dir->path);
}

}  // namespace logzio_okta
