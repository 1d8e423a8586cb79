// StoreRun: a store driven as the daemon's loop drives it, for tests of what any store promises.
//
//     StoreClock clock;
//     StoreRun run(clock, std::move(store));
//     CHECK(run.open_stream(acme, "acme.okta.com").clean);
//     run.save_on_disk(save_of(acme, 1, 1));
//
// While a test waits for one run, all runs of its clock are driven, except those that stand still.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <poll.h>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"
#include "shell/state/state_store.hpp"

namespace logzio_okta::test {

class StoreRun;

struct StoreClock {
  Duration skipped{};  ///< The time skipped while every store waits only for its deadline.
  std::vector<StoreRun*> runs{};

  [[nodiscard]] Instant now() const {
    return Instant(std::chrono::steady_clock::now().time_since_epoch()) + skipped;
  }
  void turn();
};

class StoreRun {
 public:
  StoreRun(StoreClock& clock, std::unique_ptr<StateStore> its) : store(std::move(its)), clock_(clock) {
    clock_.runs.push_back(this);
  }
  StoreRun(const StoreRun&) = delete;
  StoreRun& operator=(const StoreRun&) = delete;
  ~StoreRun() { std::erase(clock_.runs, this); }

  std::unique_ptr<StateStore> store;
  bool stands_still = false;  ///< As a process does after a SIGSTOP.

  /// Takes the store's answers; false if there were none.
  bool hears() {
    const std::size_t before = answers_.size();
    while (auto answer = store->next_answer()) answers_.push_back(std::move(*answer));
    return answers_.size() > before;
  }
  /// The store's next answer, however long it takes.
  Input next_input() {
    static_cast<void>(hears());
    while (answers_.empty()) clock_.turn();
    Input answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  template <class Answer>
  Answer next() {
    Input answer = next_input();
    CAPTURE(answer.index());
    if (const auto* failed = std::get_if<SaveFailed>(&answer)) UNSCOPED_INFO(failed->text);
    REQUIRE(std::holds_alternative<Answer>(answer));
    return std::get<Answer>(std::move(answer));
  }
  /// Likewise, after skipping other answers.
  template <class Answer>
  Answer next_of() {
    for (;;) {
      Input answer = next_input();
      if (auto* wanted = std::get_if<Answer>(&answer)) return std::move(*wanted);
    }
  }

  Opened open_stream(StreamId stream, const std::string& key) {
    store->open_stream({.stream = stream, .key = key});
    return next<Opened>();
  }
  void save(Save save) { store->save(std::move(save), clock_.now()); }
  void save_on_disk(Save each) {
    const std::uint64_t number = each.number;
    save(std::move(each));
    REQUIRE(next<Saved>().number == number);
  }

 private:
  StoreClock& clock_;
  std::deque<Input> answers_;
};

inline const WallTime noon = parse_rfc3339("2026-11-23T12:00:00.000Z").value();

inline WindowRow row(std::uint64_t page, std::size_t events) {
  WindowRow made{.page = page, .newest = noon + std::chrono::minutes(page), .events = {}};
  for (std::size_t i = 0; i < events; ++i) made.events.push_back({.uuid = page * 1'000'000 + i, .bytes = ~i});
  return made;
}

/// A settled page: the place after it, and its events for the window.
inline Save save_of(StreamId stream, std::uint64_t number, std::uint64_t page) {
  Save save{.stream = stream, .number = number, .place = {}, .rows = {}, .rows_from = 0, .set_aside = {}};
  save.place.next = "/api/v1/logs?after=" + std::to_string(page) + "&limit=1000";
  save.place.since = noon;
  save.place.first_start = noon;
  save.place.pages = page;
  save.rows.push_back(row(page, 3));
  return save;
}

/// Waits until one of them has something to do, and lets each do it.
inline void StoreClock::turn() {
  std::vector<pollfd> descriptors;
  std::optional<Instant> due;
  bool said = false;
  for (StoreRun* run : runs) {
    if (run->stands_still) continue;
    run->store->work(now(), true);
    run->store->add_descriptors(descriptors);
    if (const auto its = run->store->deadline()) due = due ? std::min(*due, *its) : *its;
    said = run->hears() || said;
  }
  if (said) return;
  REQUIRE((due || !descriptors.empty()));
  if (descriptors.empty()) {
    skipped += std::max(Duration{}, *due - now());
    return;
  }
  const auto wait = due ? std::chrono::ceil<std::chrono::milliseconds>(*due - now()) : 60'000ms;
  ::poll(descriptors.data(), descriptors.size(), std::max(0, static_cast<int>(wait.count())));
}

}  // namespace logzio_okta::test
