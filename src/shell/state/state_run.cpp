#include "shell/state/state_run.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "logzio_okta/base/check.hpp"

#include "shell/os/descriptor.hpp"
#include "shell/state/clean_end.hpp"
#include "shell/state/free_room.hpp"
#include "shell/state/run_record.hpp"
#include "shell/state/schema.hpp"
#include "shell/state/state_dir.hpp"

namespace logzio_okta {

StateRun::StateRun(std::string dir, OwnerLock lock)
    : dir_(std::move(dir)), path_(dir_ + "/" + state_file_name), lock_(std::move(lock)) {}

StateRun::~StateRun() {
  if (started_ && !handed_out_ && database_.is_open()) static_cast<void>(end_run(database_, Sealed::no));
}

std::unexpected<StoreError> StateRun::cannot(const char* what) const {
  return unusable(std::string("cannot ") + what + " " + path_ + ": " + failure());
}

std::expected<StateRun::Found, StoreError> StateRun::begin(WallTime now, OnDamage on_damage) {
  auto opened = open_state_file(database_, dir_, path_, now, on_damage);
  if (!opened) return std::unexpected(std::move(opened.error()));
  Found found{
      .lost = opened->lost, .set_aside_bytes = 0, .spool = {}, .warnings = std::move(opened->warnings)};
  streams_ = StreamTables(database_);
  spool_ = SpoolTable(database_);
  if (database_.failure()) return cannot("read");
  const auto begun = begin_run(database_, dir_, path_, now);
  if (!begun || !sum_spool(database_, found.spool)) return cannot("write");
  started_ = begun->started;
  found.set_aside_bytes = begun->set_aside_bytes;
  if (begun->copied) {
    found.warnings.push_back(
        "the state in " + dir_ +
        " is not as the last stop left it: it was copied, put back from a copy, or changed. "
        "What was published up to now and may have been delivered since that copy is marked as "
        "a possible duplicate");
  }
  make_shrinkable(database_);
  own_files_ = OwnFiles({OwnerLock::path_in(dir_), path_, path_ + "-wal"});
  std::ranges::move(state_mode_warnings(dir_), std::back_inserter(found.warnings));
  return found;
}

bool StateRun::end(bool clean) {
  CHECK(database_.is_open());
  const Descriptor seal = clean ? begin_clean_end(dir_, *started_) : Descriptor();
  const bool sealable = seal.get() >= 0;
  const bool ended = !clean || end_run(database_, sealable ? Sealed::yes : Sealed::no);
  close_file();
  // A seal that could not be written makes the next run mark more than needed.
  if (ended && sealable) seal_clean_end(seal, path_, *started_);
  lock_ = OwnerLock();
  return ended;
}

void StateRun::abandon() {
  database_.keep_log_when_closed(true);
  close_file();
  lock_ = OwnerLock();
}

void StateRun::close_file() {
  streams_ = StreamTables();
  spool_ = SpoolTable();
  database_.close();
}

}  // namespace logzio_okta
