// Reply: an answer from Okta with its headers parsed once, for all code that decides by them.
//
//     const OktaResult reply = read_reply(std::move(answer));
//     org.answered(now, asked_wall, key, reply);  // Date, rate, and whether it is Okta's.
//     if (reply && reply->status() == 200) follow(reply->next_target(origin));
//
// Rationale: the budget, the clock, the place and the diagnosis depend on the same few headers. If each user
// parsed them itself, the results would drift apart.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/okta/rate_limit.hpp"

namespace logzio_okta {

struct OktaReply {
  explicit OktaReply(HttpAnswer given);

  HttpAnswer answer;
  std::optional<WallTime> date;     ///< As written; the Org decides whether it is believed.
  RateLimit rate;                   ///< Missing values are absent.
  std::optional<std::string> next;  ///< The target of the link with this relation, byte for byte,
  std::optional<std::string> self;  ///< and of this one.
  /// Okta itself answered, not something in between (a proxy, a firewall, a captive portal): shown by its
  /// request id, its JSON error, or a page's content type or links. Another sender's answer says nothing
  /// about a key, a link or Okta's clock.
  bool of_okta;

  [[nodiscard]] int status() const { return answer.status; }
  /// Okta may spell our query differently; then only its self link shows that `next` does not lead on. Also
  /// true if there is neither.
  [[nodiscard]] bool leads_to_itself() const { return next == self; }
  /// The next link as a target of this org (admit_next). The error says why it is not followed; it is empty
  /// if there is no link.
  [[nodiscard]] std::expected<std::string, std::string> next_target(const Origin& org) const;
};

using OktaResult = std::expected<OktaReply, TransportError>;
[[nodiscard]] OktaResult read_reply(HttpResult&& result);

}  // namespace logzio_okta
