#include "commands/state_copy.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include "logzio_okta/base/exit_codes.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/clock.hpp"
#include "shell/output/printing.hpp"
#include "shell/postgres/access.hpp"
#include "shell/postgres/session.hpp"
#include "shell/postgres/state_copy.hpp"
#include "shell/process/harden.hpp"
#include "shell/state/clean_end.hpp"
#include "shell/state/owner_lock.hpp"
#include "shell/state/sqlite.hpp"
#include "shell/state/state_dir.hpp"
#include "shell/state/state_view.hpp"
#include "shell/state/store.hpp"

namespace logzio_okta {
namespace {

/// What an unclean end left in doubt is noted in the state itself before it is copied; a directory without a
/// state gets an empty one.
std::expected<void, StoreError> settle_ends(const std::string& dir) {
  auto store = Store::open(dir, wall_now(), Store::OnDamage::refuse);
  if (!store) return std::unexpected(std::move(store.error()));
  if (auto closed = store->close(true); !closed) return unusable(closed.error().text);
  return {};
}

Result<Copied> copy(const std::string& dir, bool into, PgSession& session) {
  const std::string path = dir + "/" + state_file_name;
  auto lock = OwnerLock::take(dir, wall_now());
  if (!lock) return fail(lock.error().text);
  const KeptSeal seal(dir, path);
  Database database;
  if (!database.open(path)) return fail("cannot open " + path + ": " + database.failure().explain(dir));
  return into ? copy_into_store(database, dir, session) : copy_from_store(session, database, dir);
}

}  // namespace

int state_copy(Settings settings, const Environment& environment) {
  harden_process();
  if (settings.has("from") == settings.has("to"))
    return refuse(exit_usage,
                  "give either --from DIR, a state directory to copy into the store, or --to DIR");
  if (!settings.options.store)
    return refuse(exit_usage,
                  "--store is not set; give the store's URL, for example postgresql://okta@db/okta");
  const bool into = settings.has("from");
  const std::string dir(*settings.value_of(into ? "from" : "to"));
  const StoreAccess access = access_of(settings.options, environment);
  if (auto good = check_access(access); !good) return refuse(exit_configuration, good.error().text);
  auto session = PgSession::open(access);
  if (!session) return refuse(exit_state, session.error().text);
  if (const auto there = session->has_state(); !there || (!into && !*there)) {
    return refuse(exit_state, there ? "there is no state in " + session->place() : there.error().text);
  }
  if (into) {
    if (auto view = StateView::open(dir); !view) return refuse(exit_state, view.error().text);
  }
  if (auto settled = settle_ends(dir); !settled)
    return refuse(settled.error().exit_code, settled.error().text);
  const auto copied = copy(dir, into, *session);
  if (!copied) return refuse(exit_state, copied.error().text);
  print(stdout, counted(copied->streams, "place") + ", " + counted(copied->set_aside, "set-aside item") +
                    " and " + counted(copied->spooled, "row") + " of the spool copied " +
                    (into ? "from " + quotable(dir) + " into " + session->place()
                          : "from " + session->place() + " into " + quotable(dir)) +
                    ". Run the daemon on only one of the two: each would deliver\n");
  return 0;
}

}  // namespace logzio_okta
