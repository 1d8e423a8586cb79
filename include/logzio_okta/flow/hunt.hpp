// Hunt: finds the lines of a bulk that the listener refused without saying which.
//
// The listener's 400 took some lines and only counts the others. What a strict parser objects to is known
// from the start. For the rest the lines are sent once more, marked, until as many as were refused are found:
// alone as long as the pace of the answers promises to get through in time, else several together.
//
//     Hunt hunt(bulk, partly, token_bytes, now);
//     while (auto lines = hunt.next(now, id)) send(id, *lines);  // As many at a time as the shipper allows.
//     hunt.heard(now, answered, verdict);
//     if (hunt.over(now)) settle(hunt.settlements());
//
// Promises
// - A line is sent once more at most, and says possible_duplicate; one that cannot say so is not sent.
// - It is over after limits::hunt_time_max; what could not be told apart by then is kept together, with its
//   number.
// - Every line is settled once: delivered or set aside, and each record of what is set aside counts at least
//   one event.
//
// Rationale: a line that the listener takes in a trial is a repeat, so that no line may be tried twice, which
// rules out halving. Only a trial of one line names it.
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

  /// Lines to send now under this id; nothing if there is nothing to send at the moment.
  [[nodiscard]] std::optional<Bulk> next(Instant now, BulkId id);
  [[nodiscard]] bool waits_for(BulkId id) const { return in_flight_.contains(id); }
  /// How many lines are on their way under this id.
  [[nodiscard]] std::size_t lines_of(BulkId id) const { return in_flight_.at(id).size(); }
  void heard(Instant now, BulkId id, const Verdict& verdict);
  /// Nothing more is sent; what is on its way is waited for.
  void end() { ended_ = true; }

  /// Nothing is in flight, and nothing is left to be found or no time to find it.
  [[nodiscard]] bool over(Instant now) const;
  [[nodiscard]] Instant until() const { return until_; }
  /// When `next` may have something again that has nothing now; `never` where only an answer can tell.
  [[nodiscard]] Instant goes_on_at() const;
  /// Once it is over: one settlement for each piece of the bulk.
  [[nodiscard]] std::vector<Settlement> settlements() const;
  /// Likewise, the lines of which it is known that the listener has them, as it has them last; nothing if
  /// there is none. What is set aside, together with others or alone, is not among them.
  [[nodiscard]] std::optional<Bulk> taken() const;

  [[nodiscard]] const verdict::PartlyTaken& answer() const { return partly_; }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return bulk_.pieces; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] std::size_t held_bytes() const { return bulk_.held_bytes() + plain_.size(); }
  /// Lines were sent again, or are to be.
  [[nodiscard]] bool needed() const { return needed_; }

 private:
  enum class State : std::uint8_t {
    untried,
    flying,
    good,
    culprit,    ///< A strict parser objects to it.
    bad,        ///< The listener refused it alone.
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
  std::string plain_;  ///< Only while it is looked into.
  std::vector<std::string_view> lines_;
  std::vector<State> states_;
  std::deque<std::uint32_t> to_try_;
  std::map<BulkId, Lines> in_flight_;
  std::optional<std::size_t> missing_;  ///< Refused ones among those neither `bad` nor `among_bad`.
  std::size_t among_bad_ = 0;           ///< Refused ones among those.
  bool among_bad_unknown_ = false;      ///< Some trial did not say how many.
  std::optional<Instant> began_;
  std::size_t answers_ = 0;
  Instant not_before_{};
  bool ended_ = false;
  bool needed_ = false;
};

}  // namespace logzio_okta
