// Hunt: finds the lines of a bulk that the listener refused without saying which.
//
// The listener's 400 took some lines and only counts the others. Lines that a strict parser rejects are known
// from the start. The other lines are sent once more, marked, until as many as were refused are found: one at
// a time if the answers are fast enough to finish in time, otherwise several together.
//
//     Hunt hunt(bulk, partly, token_bytes, now);
//     while (auto lines = hunt.next(now, id)) send(id, *lines);  // As many at a time as the shipper allows.
//     hunt.heard(now, answered, verdict);
//     if (hunt.over(now)) settle(hunt.settlements());
//
// Promises
// - A line is sent once more at most, marked possible_duplicate; one that cannot be marked is not sent.
// - It is over after limits::hunt_time_max; lines that could not be told apart by then are set aside
//   together, with the number of refused ones.
// - Every line is settled once, as delivered or set aside, and each record set aside counts at least one
//   event.
//
// Rationale: a line that the listener takes in a trial is a repeat, so no line may be tried twice, which
// rules out halving. Only a trial of a single line identifies it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/batch.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/logzio/verdict.hpp"

namespace logzio_okta {

class Hunt {
 public:
  static constexpr const char* plain_reason = "not JSON, or too long: the listener refused it";

  /// `token_bytes`: what the transport adds to each line.
  Hunt(Bulk bulk, verdict::PartlyTaken partly, std::size_t token_bytes, Instant now);

  /// The lines to send now under this id; nothing if there are none at the moment.
  [[nodiscard]] std::optional<Bulk> next(Instant now, BulkId id);
  [[nodiscard]] bool waits_for(BulkId id) const { return in_flight_.contains(id); }
  /// How many lines are in flight under this id.
  [[nodiscard]] std::size_t lines_of(BulkId id) const { return in_flight_.at(id).size(); }
  void heard(Instant now, BulkId id, const Verdict& verdict);
  /// Sends nothing more; waits for what is in flight.
  void end() { ended_ = true; }

  /// Nothing is in flight, and either nothing is left to find or no time is left.
  [[nodiscard]] bool over(Instant now) const;
  [[nodiscard]] Instant until() const { return until_; }
  /// When `next` may have something again, if it has nothing now; `never` if that depends on an answer.
  [[nodiscard]] Instant goes_on_at() const;
  /// Once it is over: one settlement for each piece of the bulk.
  [[nodiscard]] std::vector<Settlement> settlements() const;
  /// Once it is over: the lines that the listener is known to have, as it received them last; nothing if
  /// there are none. Lines set aside, together or alone, are not included.
  [[nodiscard]] std::optional<Bulk> taken() const;

  [[nodiscard]] const verdict::PartlyTaken& answer() const { return partly_; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return bulk_.pieces; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] std::size_t held_bytes() const { return bulk_.held_bytes() + plain_.size(); }
  /// Lines were sent again or will be.
  [[nodiscard]] bool needed() const { return needed_; }

 private:
  enum class State : std::uint8_t {
    untried,
    flying,
    good,
    culprit,    ///< A strict parser rejects it.
    bad,        ///< The listener refused it on its own.
    among_bad,  ///< Tried with others, some of which were refused.
    unknown,    ///< Its trial's answer was lost, or it cannot be tried.
  };
  using Lines = std::vector<std::uint32_t>;
  struct MarkedLine {
    std::string text;
    LineRecord record;
  };

  void unpack();
  void look_for_culprits();
  [[nodiscard]] bool settled_by_number() const;
  [[nodiscard]] bool nothing_left_to_try(Instant now) const;
  [[nodiscard]] std::size_t lines_a_trial(Instant now) const;
  void set(const Lines& lines, State state);
  void heard_counts(const Lines& lines, const verdict::PartlyTaken& counts);
  void heard_nothing(Instant now, const Lines& lines, bool perhaps_taken, Duration at_least);
  [[nodiscard]] static MarkedLine marked(std::string_view line, LineRecord record);
  [[nodiscard]] Bulk seal(const std::map<std::uint32_t, MarkedLine>& lines) const;
  [[nodiscard]] State fate_of(std::uint32_t line) const;
  [[nodiscard]] std::size_t unresolved_bad(std::size_t unresolved) const;

  Bulk bulk_;
  verdict::PartlyTaken partly_;
  std::size_t token_bytes_;
  Instant until_;
  std::string plain_;  ///< Only during the search.
  std::vector<std::string_view> lines_;
  std::vector<State> states_;
  std::deque<std::uint32_t> to_try_;
  std::map<BulkId, Lines> in_flight_;
  std::optional<std::size_t> missing_;  ///< Refused lines that are neither `bad` nor `among_bad`.
  std::size_t among_bad_ = 0;           ///< Refused lines among those.
  bool among_bad_unknown_ = false;      ///< A trial did not say how many.
  std::optional<Instant> began_;
  std::size_t answers_ = 0;
  Instant not_before_{};
  bool ended_ = false;
  bool needed_ = false;
};

}  // namespace logzio_okta
