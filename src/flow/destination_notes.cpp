#include "logzio_okta/flow/destination_notes.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr const char* how_to_look = ". Run logzio-okta set-aside list, show and retry";

Note note(Level level, std::string text) {
  return {.level = level, .tenant = {}, .text = std::move(text)};
}

}  // namespace

std::optional<Note> DestinationNotes::in_trouble(Instant now, std::size_t lines,
                                                 const verdict::Retry& retry) {
  if (!retry.answered && retry.urgency == Urgency::waits)
    return std::nullopt;  // What holds us says so itself.
  const auto level = trouble_.failed(now, std::to_string(retry.status), retry.urgency);
  if (!level) return std::nullopt;
  return note(*level, "Logz.io at " + name_ + " did not take a bulk of " + counted(lines, "line") + ": " +
                          retry.text + ". Nothing is lost; retrying" + trouble_.so_far(now));
}

std::optional<Note> DestinationNotes::token_refused(Instant now, const std::string& set_by) {
  if (!token_trouble_.failed(now, "401")) return std::nullopt;
  return note(
      Level::error,
      "Logz.io at " + name_ +
          " refuses the shipping token (401): the token is wrong or belongs to another region; "
          "check " +
          set_by +
          ". Nothing is lost: Okta keeps the events, and delivery resumes once the token is accepted" +
          token_trouble_.so_far(now));
}

std::optional<Note> DestinationNotes::takes_again(Instant now) {
  const auto refused = token_trouble_.healed(now);
  const auto troubled = trouble_.healed(now);
  if (!refused && !troubled) return std::nullopt;
  takes_said_ = true;
  const Duration lasted = std::max(refused.value_or(0s), troubled.value_or(0s));
  return note(Level::info, "Logz.io at " + name_ + " takes events again" +
                               (lasted >= 1s ? ", after " + describe(lasted) : std::string()));
}

std::optional<Note> DestinationNotes::takes_first() {
  if (std::exchange(takes_said_, true)) return std::nullopt;
  return note(Level::info, "Logz.io at " + name_ + " takes events");
}

std::optional<Note> DestinationNotes::suspects(Instant now, std::size_t lines, const verdict::Retry& retry) {
  if (!suspicion_.failed(now, "suspect")) return std::nullopt;
  return note(Level::warn, "Logz.io at " + name_ + " takes other bulks, but not one of " +
                               counted(lines, "line") + ": " + retry.text +
                               ". Nothing is lost; searching for the event that it refuses");
}

std::optional<Note> DestinationNotes::hunts(Instant now, const verdict::PartlyTaken& answer) {
  if (!hunting_.failed(now, "400")) return std::nullopt;
  return note(Level::warn, "Logz.io at " + name_ + " refused " +
                               (answer.taken ? std::to_string(answer.lines - *answer.taken) : "some") +
                               " of " + counted(answer.lines, "line") + " and does not say which (" +
                               answer.answer +
                               "). To find them, lines are sent again, marked as possible duplicates");
}

std::optional<Note> DestinationNotes::hunted(Instant now, const verdict::PartlyTaken& answer,
                                             const std::map<std::string, std::size_t>& set_aside) {
  if (set_aside.empty()) {
    if (!odd_answer_.failed(now, "400")) return std::nullopt;
    return note(Level::warn, "Logz.io at " + name_ + " answered 400 to " + counted(answer.lines, "line") +
                                 " although it took all of them (" + answer.answer +
                                 "); nothing is set aside");
  }
  std::string who;
  std::size_t all = 0;
  for (const auto& [tenant, count] : set_aside) {
    who += (who.empty() ? "" : ", ") + counted(count, "event") + " of " + tenant;
    all += count;
  }
  const std::size_t said =
      answer.refused().value_or(0);  // Several tenants may each count the event of one of them.
  return note(Level::error, "Logz.io refused " + std::to_string(said > 0 ? said : all) + " of " +
                                counted(answer.lines, "line") + " (" + answer.answer +
                                "): set aside: " + who + "; the others were taken" + how_to_look);
}

Note set_aside_note(const std::string& tenant, std::size_t events, std::string_view reason) {
  return note(Level::error, counted(events, "event") + " of " + tenant +
                                " set aside: " + std::string(reason) + how_to_look);
}

Note line_set_aside_note(const std::string& tenant, const std::string& reason) {
  return note(Level::error, "an event of " + tenant + " is set aside: " + reason + how_to_look);
}

Note share_full_note(const std::string& tenant) {
  return note(
      Level::error,
      tenant +
          " has filled its share of the room for events set aside: its delivery is held until some "
          "are reviewed and dropped; the other tenants' goes on. Nothing is lost: Okta keeps the events");
}

Note set_aside_full_note() {
  return note(Level::error, "the room for events set aside is full (" +
                                std::to_string(limits::set_aside_bytes_max / limits::MiB) +
                                " MiB): delivery is held until some are reviewed and dropped. Nothing is "
                                "lost: Okta keeps the events");
}

}  // namespace logzio_okta
