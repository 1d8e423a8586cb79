// Reply: an answer of Okta's with its headers read once, for everybody who decides something by them.
//
//     const OktaResult reply = read_reply(std::move(answer));
//     org.answered(now, asked_wall, key, reply);  // Date, rate, and whether it is Okta's.
//     if (reply && reply->status() == 200) follow(reply->next_target(origin));
//
// Rationale: the budget, the clock, the place and a person's diagnosis hang on the same few headers. Where
// each reader parses them for itself, the readings drift apart.
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
  std::optional<WallTime> date;     ///< As it is written; whether it is believed, the Org decides.
  RateLimit rate;                   ///< What is not there is absent.
  std::optional<std::string> next;  ///< The target of the link with that relation, byte for byte,
  std::optional<std::string> self;  ///< and of this one.
  /// Okta itself answered, and not something in between (a proxy, a firewall, a captive portal): by its
  /// request id, its JSON error, or what only a page has. Whatever answers in its place says nothing about a
  /// key, a link or Okta's clock.
  bool of_okta;

  [[nodiscard]] int status() const { return answer.status; }
  /// Okta may write our question in other words than we did; then only its self link tells that `next` does
  /// not lead on. True as well where there is neither.
  [[nodiscard]] bool leads_to_itself() const { return next == self; }
  /// The next link as a target of this org (admit_next). The error says why it is not followed; it is empty
  /// where there is no link.
  [[nodiscard]] std::expected<std::string, std::string> next_target(const Origin& org) const;
};

using OktaResult = std::expected<OktaReply, TransportError>;
[[nodiscard]] OktaResult read_reply(HttpResult&& result);

}  // namespace logzio_okta
