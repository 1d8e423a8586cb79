#include "shell/state/state_edit.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

/// SQLite's integers are signed.
constexpr auto every_row = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

std::expected<StateEdit, StoreError> StateEdit::open(const std::string& dir) {
  auto store = Store::open(dir, wall_now(), Store::OnDamage::refuse);
  if (!store) return std::unexpected(std::move(store.error()));
  return StateEdit(std::move(*store));
}

Result<std::optional<Place>> StateEdit::place(const std::string& key) {
  store_.open_stream({.stream = StreamId{++streams_}, .key = key});
  while (auto answer = store_.next_answer()) {
    if (auto* opened = std::get_if<Opened>(&*answer)) return std::move(opened->place);
  }
  store_.work(steady_now(), true);
  const auto warnings = store_.take_warnings();
  return fail(warnings.empty() ? "the state cannot be read" : warnings.back());
}

Result<StateEdit::OktaTime> StateEdit::okta_time(const std::string& key, WallTime wall) {
  const auto known = place(key);
  if (!known) return std::unexpected(known.error());
  const std::chrono::milliseconds offset(*known ? (*known)->okta_offset_ms : 0);
  const auto [at_least, at_most] = std::minmax({wall, wall + offset});
  return OktaTime{.at_least = at_least, .at_most = at_most};
}

Result<void> StateEdit::write(const std::string& key, const Place& place) {
  if (auto known = this->place(key); !known) return std::unexpected(std::move(known.error()));
  store_.save({.stream = StreamId{streams_}, .number = 1, .place = place, .rows_from = every_row},
              steady_now());
  // The pause after a commit is useless here: there is nothing else to do.
  store_.work(std::max(steady_now(), store_.deadline().value_or(Instant{})), true);
  while (auto answer = store_.next_answer()) {
    if (const auto* failed = std::get_if<SaveFailed>(&*answer)) return fail(failed->text);
    if (std::holds_alternative<Saved>(*answer)) return {};
  }
  return fail("the state cannot be saved");
}

}  // namespace logzio_okta
