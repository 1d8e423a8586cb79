#include "sim/hook_judge.hpp"

#include <charconv>

#include "sim/judge.hpp"

namespace logzio_okta::sim {
namespace {

constexpr std::string_view opening = R"("uuid":"push-)";

/// The number of an event of ours in these bytes; 0 if there is none.
std::uint64_t number_in(std::string_view bytes) {
  const std::size_t at = bytes.find(opening);
  std::uint64_t number = 0;
  if (at == std::string_view::npos) return 0;
  std::from_chars(bytes.data() + at + opening.size(), bytes.data() + bytes.size(), number);
  return number;
}

}  // namespace

std::string HookJudge::event(std::uint64_t number) {
  return "{" + std::string(opening) + std::to_string(number) +
         R"(","published":"2026-11-23T12:00:00.000Z","displayMessage":"pushed","eventType":"a"})";
}

bool HookJudge::owns(std::string_view line) {
  return line.contains(R"("tenant_name":"pusher.okta.com")");
}

void HookJudge::stored(std::string_view line) {
  const std::uint64_t number = number_in(line);
  const auto found = events_.find(number);
  if (found == events_.end())
    throw Violation{"delivered and never pushed: " + std::string(line.substr(0, 200))};
  if (!line.ends_with(event(number).substr(1))) throw Violation{"a pushed event's bytes are not its own"};
  if (found->second.stores++ > 0 && !line.contains(R"("possible_duplicate":true)")) {
    throw Violation{"push-" + std::to_string(number) + " is delivered again and does not say so"};
  }
}

void HookJudge::set_aside(std::string_view bytes) {
  // The lines of a bulk may be kept together.
  for (std::size_t at = 0; (at = bytes.find(opening, at)) != std::string_view::npos; at += opening.size()) {
    events_[number_in(bytes.substr(at))].aside = true;
  }
}

std::string HookJudge::first_unsettled() const {
  for (const auto& [number, event] : events_) {
    if (event.kept && event.stores == 0 && !event.aside)
      return "push-" + std::to_string(number) + " was answered 200 and is not delivered";
  }
  return {};
}

}  // namespace logzio_okta::sim
