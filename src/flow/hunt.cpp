#include "logzio_okta/flow/hunt.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/logzio/line_again.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t answers_until_pace = 4;  // Before that, their pace is unknown.

std::string what_was_not_told(std::size_t refused, std::size_t suspects, std::size_t here) {
  if (refused >= suspects) return std::string("the listener refused ") + (here == 1 ? "it" : "them");
  const std::string which = here < suspects ? "; of those, " + std::to_string(here) + " may be here" : "";
  return "the listener refused " + std::to_string(refused) + " of " + counted(suspects, "event") +
         " and did not say which" + which;
}

}  // namespace

Hunt::Hunt(Bulk bulk, verdict::PartlyTaken partly, std::size_t token_bytes, Instant now)
    : bulk_(std::move(bulk)),
      partly_(std::move(partly)),
      token_bytes_(token_bytes),
      until_(now + limits::hunt_time_max),
      states_(bulk_.lines.size(), State::untried) {
  look_for_culprits();
}

void Hunt::unpack() {
  if (!lines_.empty()) return;
  plain_ = bulk_.unpack();
  lines_ = split_lines(plain_);
}

void Hunt::look_for_culprits() {
  unpack();
  std::size_t culprits = 0;
  for (std::uint32_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].size() > limits::line_bytes_max || !is_strict_json_object(lines_[i])) {
      states_[i] = State::culprit;
      ++culprits;
    } else {
      to_try_.push_back(i);
    }
  }
  // Defects often make a line long, so long lines come first.
  std::ranges::sort(to_try_, [this](std::uint32_t a, std::uint32_t b) {
    return std::pair(lines_[b].size(), a) < std::pair(lines_[a].size(), b);
  });
  if (const auto refused = partly_.refused()) missing_ = *refused - std::min(culprits, *refused);
  lines_.clear();
  plain_ = {};
  needed_ = !settled_by_number();
}

// Trying.

/// None of the remaining lines can be bad.
bool Hunt::settled_by_number() const {
  return missing_ == 0U;
}

bool Hunt::nothing_left_to_try(Instant now) const {
  return ended_ || now >= until_ || to_try_.empty() || settled_by_number();
}

bool Hunt::over(Instant now) const {
  return in_flight_.empty() && nothing_left_to_try(now);
}

Instant Hunt::goes_on_at() const {
  return ended_ || to_try_.empty() || settled_by_number() ? never : not_before_;
}

std::size_t Hunt::lines_a_trial(Instant now) const {
  if (answers_ < answers_until_pace) return 1;
  const auto pace = static_cast<double>(answers_) / static_cast<double>((now - *began_ + 1ms).count());
  const double trials = std::max(1.0, pace * static_cast<double>((until_ - now).count()));
  return 1 + static_cast<std::size_t>(static_cast<double>(to_try_.size()) / trials);
}

std::optional<Bulk> Hunt::next(Instant now, BulkId id) {
  ended_ = ended_ || now >= until_;
  if (nothing_left_to_try(now) || now < not_before_) return std::nullopt;
  not_before_ = {};
  unpack();
  if (!began_) began_ = now;
  const std::size_t most = lines_a_trial(now);
  Lines trial;
  std::map<std::uint32_t, MarkedLine> lines;
  while (!to_try_.empty() && trial.size() < most) {
    const std::uint32_t i = to_try_.front();
    to_try_.pop_front();
    MarkedLine line = marked(lines_[i], bulk_.lines[i]);
    if (line.text.empty() || line.text.size() + token_bytes_ > limits::line_bytes_max) {
      states_[i] = State::unknown;
      continue;
    }
    lines.emplace(i, std::move(line));
    trial.push_back(i);
  }
  if (trial.empty()) return std::nullopt;
  set(trial, State::flying);
  in_flight_.emplace(id, std::move(trial));
  return seal(lines);
}

/// Empty if the line cannot be marked.
Hunt::MarkedLine Hunt::marked(std::string_view line, LineRecord record) {
  if (record.mark.possible_duplicate) return {.text = std::string(line), .record = record};
  std::string text = marked_line(line, record);
  if (text.empty()) return {};
  record.event_at += static_cast<std::uint32_t>(text.size() - line.size());
  record.mark.possible_duplicate = true;
  return {.text = std::move(text), .record = record};
}

Bulk Hunt::seal(const std::map<std::uint32_t, MarkedLine>& lines) const {
  BulkBuilder builder;
  auto piece = bulk_.pieces.begin();
  std::uint32_t piece_end = piece->lines;
  for (const auto& [i, line] : lines) {
    while (i >= piece_end) piece_end += (++piece)->lines;
    builder.add_line(line.text, line.record, piece->stream, piece->page);
  }
  return builder.seal();
}

void Hunt::set(const Lines& lines, State state) {
  for (const std::uint32_t i : lines) states_[i] = state;
}

void Hunt::heard(Instant now, BulkId id, const Verdict& verdict) {
  const auto found = in_flight_.find(id);
  CHECK(found != in_flight_.end());
  const Lines lines = std::move(found->second);
  in_flight_.erase(found);
  ++answers_;
  if (std::holds_alternative<verdict::Taken>(verdict)) {
    set(lines, State::good);
  } else if (const auto* counts = std::get_if<verdict::PartlyTaken>(&verdict)) {
    heard_counts(lines, *counts);
  } else if (const auto* retry = std::get_if<verdict::Retry>(&verdict)) {
    heard_nothing(now, lines, retry->perhaps_taken, retry->retry_after.value_or(0s));
  } else {
    heard_nothing(now, lines, false, 0s);
  }
}

void Hunt::heard_counts(const Lines& lines, const verdict::PartlyTaken& counts) {
  auto refused = counts.refused();
  if (lines.size() == 1 && !refused) {
    if (counts.named == 0) return set(lines, State::unknown);
    refused = 1;  // For one line any refusal count is enough.
  }
  if (refused == 0U) return set(lines, State::good);
  if (refused == lines.size()) {
    set(lines, State::bad);
  } else {
    set(lines, State::among_bad);
    among_bad_ += refused.value_or(0);
    among_bad_unknown_ |= !refused;
  }
  if (missing_) *missing_ -= std::min(*missing_, refused.value_or(0));
}

void Hunt::heard_nothing(Instant now, const Lines& lines, bool perhaps_taken, Duration at_least) {
  not_before_ = now + std::max(limits::hunt_retry, at_least);
  if (perhaps_taken) return set(lines, State::unknown);
  set(lines, State::untried);
  to_try_.insert(to_try_.begin(), lines.begin(), lines.end());
}

// Settling.

/// Once all refused lines are found, the untried ones are good too.
Hunt::State Hunt::fate_of(std::uint32_t line) const {
  const State state = states_[line];
  if (state == State::culprit) return State::bad;
  if (state != State::untried && state != State::unknown) return state;
  return settled_by_number() ? State::good : State::unknown;
}

std::size_t Hunt::unresolved_bad(std::size_t unresolved) const {
  if (!missing_ || among_bad_unknown_) return unresolved;
  return std::max<std::size_t>(1, *missing_ + among_bad_);
}

std::vector<Settlement> Hunt::settlements() const {
  const std::string plain = bulk_.unpack();
  const auto lines = split_lines(plain);
  std::size_t unresolved = 0;
  for (std::uint32_t i = 0; i < lines.size(); ++i) {
    const State fate = fate_of(i);
    unresolved += fate == State::unknown || fate == State::among_bad ? 1 : 0;
  }
  const std::size_t bad_of_them = unresolved_bad(unresolved);
  std::vector<Settlement> settlements;
  std::uint32_t i = 0;
  for (const Piece& piece : bulk_.pieces) {
    Settlement settlement{.stream = piece.stream, .page = piece.page};
    SetAside together{.answer = partly_.answer};
    std::uint32_t suspects = 0;
    for (const std::uint32_t end = i + piece.lines; i != end; ++i) {
      const LineRecord& record = bulk_.lines[i];
      const State fate = fate_of(i);
      if (fate == State::good) {
        ++settlement.delivered;
        if (record.mark.possible_duplicate) ++settlement.marked;
        if (record.reduced) ++settlement.reduced;
      } else if (fate == State::bad) {
        const bool plainly = states_[i] == State::culprit;
        ++settlement.set_aside;
        settlement.kept.push_back({.reason = plainly ? plain_reason : "the listener refused it",
                                   .answer = partly_.answer,
                                   .events = 1,
                                   .bytes = event_in(lines[i], record)});
      } else {
        ++suspects;
        (together.bytes += event_in(lines[i], record)) += '\n';
      }
    }
    if (suspects > 0) {
      // It is unknown which piece has the refused ones: each counts as many as it may have.
      together.events = static_cast<std::uint32_t>(std::min<std::size_t>(bad_of_them, suspects));
      together.reason = what_was_not_told(bad_of_them, unresolved, suspects);
      if (suspects == 1) together.bytes.pop_back();
      settlement.set_aside += together.events;
      settlement.delivered += suspects - together.events;
      settlement.kept.push_back(std::move(together));
      settlement.in_doubt = true;
    }
    settlements.push_back(std::move(settlement));
  }
  return settlements;
}

std::optional<Bulk> Hunt::taken() const {
  const std::string plain = bulk_.unpack();
  const auto lines = split_lines(plain);
  std::map<std::uint32_t, MarkedLine> good;
  for (std::uint32_t i = 0; i < lines.size(); ++i) {
    if (fate_of(i) != State::good) continue;
    const bool came_again = states_[i] == State::good;
    good.emplace(i, came_again ? marked(lines[i], bulk_.lines[i])
                               : MarkedLine{.text = std::string(lines[i]), .record = bulk_.lines[i]});
  }
  if (good.empty()) return std::nullopt;
  return seal(good);
}

}  // namespace logzio_okta
