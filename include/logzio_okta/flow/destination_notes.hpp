// DestinationNotes: what a shipper logs about its destination, and when: trouble that goes on is reported at
// once, then less and less often (backoff.hpp).
//
//     if (auto note = notes.in_trouble(now, lines, retry)) outputs.emplace_back(std::move(*note));
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/backoff.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/logzio/verdict.hpp"

namespace logzio_okta {

class DestinationNotes {
 public:
  /// `name`: the name by which people know the destination.
  explicit DestinationNotes(std::string name) : name_(std::move(name)) {}
  void call_it(std::string name) { name_ = std::move(name); }

  /// A bulk of this many lines was not taken.
  [[nodiscard]] std::optional<Note> in_trouble(Instant now, std::size_t lines, const verdict::Retry& retry);
  /// `set_by`: where the token is configured.
  [[nodiscard]] std::optional<Note> token_refused(Instant now, const std::string& set_by);
  /// Ends both of these.
  [[nodiscard]] std::optional<Note> takes_again(Instant now);
  /// A bulk was taken: said once, because it shows that host and token are right.
  [[nodiscard]] std::optional<Note> takes_first();
  /// A bulk is refused while others pass.
  [[nodiscard]] std::optional<Note> suspects(Instant now, std::size_t lines, const verdict::Retry& retry);
  [[nodiscard]] std::optional<Note> hunts(Instant now, const verdict::PartlyTaken& answer);
  /// A hunt is over. `set_aside`: how many events of which tenant.
  [[nodiscard]] std::optional<Note> hunted(Instant now, const verdict::PartlyTaken& answer,
                                           const std::map<std::string, std::size_t>& set_aside);

 private:
  std::string name_;
  bool takes_said_ = false;
  Complaint trouble_;
  Complaint token_trouble_{Complaint::Rhythm::hourly};
  // Never healed: their causes come and go.
  Complaint suspicion_;
  Complaint hunting_;
  Complaint odd_answer_;
};

/// Events of a tenant were set aside for a reason.
[[nodiscard]] Note set_aside_note(const std::string& tenant, std::size_t events, std::string_view reason);
[[nodiscard]] Note line_set_aside_note(const std::string& tenant, const std::string& reason);
/// A tenant has used up its share of the room for events set aside.
[[nodiscard]] Note share_full_note(const std::string& tenant);
/// No tenant has room left for events set aside.
[[nodiscard]] Note set_aside_full_note();

}  // namespace logzio_okta
