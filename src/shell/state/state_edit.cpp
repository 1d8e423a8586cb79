#include "shell/state/state_edit.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>

#include "logzio_okta/okta/log_query.hpp"

#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

constexpr Duration patience = 15s;
/// A database's integers are signed.
constexpr auto every_row = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

std::expected<StateEdit, StoreError> StateEdit::open(const std::string& dir) {
  auto store = Store::open(dir, wall_now(), Store::OnDamage::refuse);
  if (!store) return std::unexpected(std::move(store.error()));
  return StateEdit(std::make_unique<Store>(std::move(*store)));
}

Result<Input> StateEdit::wait_for(bool (*wanted)(const Input&)) {
  std::string why = "the state does not answer";
  for (const Instant give_up = steady_now() + patience; steady_now() < give_up;) {
    std::vector<pollfd> descriptors;
    store_->add_descriptors(descriptors);
    const Instant at = store_->deadline().value_or(steady_now());
    // The pause after a commit is of no use here: there is nothing else to do.
    store_->work(descriptors.empty() ? std::max(at, steady_now()) : steady_now(), true);
    while (auto answer = store_->next_answer()) {
      if (wanted(*answer)) return std::move(*answer);
      if (const auto* failed = std::get_if<SaveFailed>(&*answer)) return fail(failed->text);
    }
    if (const auto warnings = store_->take_warnings(); !warnings.empty()) why = warnings.back();
    if (descriptors.empty() && at >= steady_now() + patience) break;
    descriptors.clear();
    store_->add_descriptors(descriptors);
    const Duration left = store_->deadline().value_or(never) - steady_now();
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::clamp<Duration>(left, 0s, 1s));
    if (!descriptors.empty()) poll(descriptors.data(), descriptors.size(), static_cast<int>(ms.count()));
  }
  return fail(why);
}

Result<std::optional<Place>> StateEdit::place(const std::string& key) {
  store_->open_stream({.stream = StreamId{++streams_}, .key = key});
  auto answer = wait_for([](const Input& input) {
    return std::holds_alternative<Opened>(input) || std::holds_alternative<HeldBy>(input);
  });
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (const auto* held = std::get_if<HeldBy>(&*answer)) {
    return fail(std::string(org_of_stream_key(key)) + " is followed by the replica " + held->holder +
                "; stop the replicas first: a command that changes an org's place needs it to itself");
  }
  return std::move(std::get<Opened>(*answer).place);
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
  store_->save({.stream = StreamId{streams_}, .number = 1, .place = place, .rows_from = every_row},
               steady_now());
  auto saved = wait_for([](const Input& input) { return std::holds_alternative<Saved>(input); });
  if (!saved) return std::unexpected(std::move(saved.error()));
  return {};
}

}  // namespace logzio_okta
