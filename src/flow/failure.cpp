#include "logzio_okta/flow/failure.hpp"

#include <algorithm>
#include <array>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/error.hpp"
#include "logzio_okta/okta/log_query.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"

namespace logzio_okta {
namespace {

/// A 4xx about the question itself, not about who asks (401, 403, a proxy's 407), how often or when (408,
/// 425, 429), or over which connection (421).
bool is_about_the_question(int status) {
  constexpr std::array others = {401, 403, 407, 408, 421, 425, 429};
  return status >= 400 && status < 500 && std::ranges::find(others, status) == others.end();
}

constexpr const char* what_answers = "; check what answers under this domain (a proxy, a login page)";

std::string answered(int status, const std::string& described) {
  return "Okta answered " + std::to_string(status) + " (" + described + ")";
}

/// Names the kind of unreadable page.
std::string_view name_of(BodyFault fault) {
  switch (fault) {
    case BodyFault::damaged:
      return "damaged";
    case BodyFault::encoding:
      return "encoding";
    case BodyFault::too_large:
      return "too large";
    case BodyFault::too_many:
      return "too many";
    case BodyFault::not_a_page:
      return "not a page";
  }
  return "";
}

std::string encoding_text(const HttpAnswer& answer) {
  return "Okta answered 200 with a Content-Encoding that was not asked for (" +
         printable(find_header(answer.headers, "Content-Encoding").value_or("")) +
         "): a proxy in between re-encodes its answers; configure it to leave them unchanged";
}

std::string no_org_text(const std::string& said, const Circumstances& now) {
  const std::string cursor =
      "stop the daemon, set okta_domain to its new domain, run logzio-okta cursor set NEW-DOMAIN " +
      format_rfc3339(now.settled_up_to - to_ms(limits::recovery_overlap)) + ", and start the daemon";
  return "Okta has no System Log under this domain (" + said + "): if the org was renamed, " +
         (now.followed ? cursor : "set okta_domain to its new domain") +
         "; if it was deleted, remove its entry";
}

Failure of_limit(const Circumstances& now) {
  const bool limited = now.org.standing == Standing::limited;
  return {.kind = "429",
          .text = now.org.standing == Standing::crowded
                      ? "Okta reports too many concurrent requests (429); pausing briefly"
                      : "Okta's rate limit is reached (429); waiting until " +
                            format_rfc3339(now.org.quiet_until.value_or(now.wall)) +
                            ". If it persists, find what else spends it in Okta under Reports, Rate limits, "
                            "and reduce that or --rate-share",
          .counted = &RequestCounts::limited,
          .urgency = Urgency::waits,
          .then = limited ? Failure::Then::keep_quiet : Failure::Then::ask_the_org};
}

Failure of_refused_key(const HttpAnswer& answer, const Circumstances& now) {
  const std::string status = std::to_string(answer.status) + ' ';
  const std::string_view proof_cure = cure_of(complaint_of(answer));
  return {
      .kind = "401",
      .text = (now.org.service_app ? "Okta refuses a fresh access token of the service app (" + status +
                                         describe_credential_doubt(answer)
                                   : "Okta refuses the API key (" + status + describe_okta_error(answer)) +
              "); " + (now.org.all_keys_refused ? "" : "switching to another key; ") +
              std::string(proof_cure.empty() ? now.key_cure : proof_cure),
      .counted = &RequestCounts::unauthorized,
      .level = Level::error,
      .then = Failure::Then::ask_the_org};
}

/// About the token or its proof, whatever the status: the place and its link are not affected. The org
/// decides how often the request is repeated at once.
Failure of_doubted_credential(const HttpAnswer& answer, Standing standing) {
  const std::string said = std::to_string(answer.status) + " " + describe_credential_doubt(answer);
  const bool token = standing == Standing::renewing;
  return {.kind = token ? "token" : "proof",
          .text = token ? "Okta no longer accepts the access token (" + said + "); asking for a fresh one"
                        : "Okta rejects the DPoP proof of a request (" + said +
                              "); asking again with a fresh one",
          .counted = answer.status == 401 ? &RequestCounts::unauthorized : &RequestCounts::client_error,
          .urgency = Urgency::waits,
          .then = Failure::Then::ask_the_org};
}

Failure of_missing_role(const std::string& said, bool service_app) {
  return {
      .kind = "403",
      .text = "Okta forbids reading the System Log (" + said + "): " +
              (service_app ? "assign the service app the Report Administrator role or better on its tab "
                             "Admin roles, and grant it okta.logs.read on its tab Okta API Scopes"
                           : "give the key's owner the Report Administrator role or better, and check the "
                             "key's allowed network zone"),
      .counted = &RequestCounts::forbidden,
      .level = Level::error};
}

/// Any other 4xx: repeating the same question does not help.
Failure of_question(const std::string& said, const Circumstances& now) {
  const bool no_org = said.starts_with("404");
  return {.kind = "4xx",
          .text = no_org             ? no_org_text(said, now)
                  : now.own_question ? "Okta refuses the query (" + said + ")"
                                     : "Okta refuses its own next link (" + said + "); asking again from " +
                                           format_rfc3339(now.settled_up_to),
          .counted = &RequestCounts::client_error,
          .level = now.own_question || no_org ? Level::error : Level::warn,
          .then = Failure::Then::change_question};
}

Failure of_okta_itself(int status, const std::string& described, bool foreign) {
  // E0000009: the query took longer than Okta's own 30 s (docs/okta.md 3). Any other is an outage, after
  // which smaller pages would only be slower.
  const bool took_too_long = status == 500 && described.contains("E0000009");
  return {.kind = "5xx",
          .text = answered(status, described) + "; check status.okta.com" +
                  (foreign ? ", and any proxy that may answer in Okta's place" : ""),
          .counted = &RequestCounts::server_error,
          .stuck = took_too_long};
}

Failure of_redirect(int status) {
  return {.kind = "3xx",
          .text = "Okta answered with a redirect (" + std::to_string(status) +
                  "), which is never followed: check okta_domain",
          .counted = &RequestCounts::client_error,
          .level = Level::error};
}

/// A firewall's or proxy's page says nothing about the key or the link, which it would refuse in any form.
/// Only if it is about the question, another one may pass.
Failure of_something_in_between(int status, const std::string& said) {
  const bool redirect = status < 400;
  return {.kind = "foreign",
          .text = "a proxy or firewall answers in Okta's place (" + said +
                  (redirect ? "); its redirect is never followed" : ")") +
                  ": allow requests to this domain through the proxy or firewall",
          .counted = &RequestCounts::client_error,
          .stuck = is_about_the_question(status)};
}

}  // namespace

Failure failure_of(const TransportError& error) {
  const bool too_large = error.fault == TransportFault::answer_too_large;
  const bool stuck =
      error.fault == TransportFault::timed_out || error.fault == TransportFault::cut || too_large;
  return {.kind = name_of(error.fault),
          .text = with_cure(error),
          .counted = &RequestCounts::transport,
          .stuck = stuck,
          .at_once = too_large,
          .urgency = urgency_of(error)};
}

Failure failure_of(const OktaReply& reply, const Circumstances& circumstances) {
  const int status = reply.status();
  const std::string described = describe_okta_error(reply.answer);
  const std::string said = std::to_string(status) + " " + described;
  const bool foreign = circumstances.org.standing == Standing::foreign;
  if (foreign && status < 500) return of_something_in_between(status, said);
  const Standing standing = circumstances.org.standing;
  if (standing == Standing::renewing || standing == Standing::unproved)
    return of_doubted_credential(reply.answer, standing);
  if (status == 429) return of_limit(circumstances);
  if (standing == Standing::unauthorized || status == 401) return of_refused_key(reply.answer, circumstances);
  if (standing == Standing::forbidden || status == 403)
    return of_missing_role(said, circumstances.org.service_app);
  if (is_about_the_question(status)) return of_question(said, circumstances);
  if (status >= 500) return of_okta_itself(status, described, foreign);
  if (status >= 300 && status < 400) return of_redirect(status);
  return {.kind = "status",
          .text = answered(status, described) + what_answers,
          .counted = &RequestCounts::client_error};
}

Failure failure_of(const OktaReply& reply, const UnreadableBody& why, std::size_t limit, bool alone) {
  const bool too_many = why.fault == BodyFault::too_many;
  const bool encoded = why.fault == BodyFault::encoding;
  return {.kind = name_of(why.fault),
          .text = encoded ? encoding_text(reply.answer)
                          : "Okta answered 200 with " + describe_fault(why.fault) + " (" +
                                std::to_string(why.bytes) + " bytes; " + counted(limit, "event") +
                                " asked for)" + what_answers,
          .stuck = !alone && !encoded && reply.of_okta,  // A login page is as long for one event.
          .at_once = too_many || why.fault == BodyFault::too_large,
          .level = too_many || encoded ? Level::error : Level::warn};
}

Failure surplus(std::size_t events, std::size_t limit) {
  return {.kind = "surplus",
          .text = "Okta answered with " + std::to_string(events) + " elements where " +
                  std::to_string(limit) + " events were asked for; asking for full pages again",
          .level = Level::error};
}

Failure hostile_link(std::string_view why) {
  return {.kind = "hostile link",
          .text = "Okta's next link " + describe_refused_link(why) +
                  " and is not followed; the cursor is kept. Check what answers under this domain",
          .level = Level::error};
}

Failure no_link() {
  return {.kind = "no link",
          .text =
              "Okta answered 200 with a full page that was seen before, and without a link to the "
              "next one; check what answers under this domain",
          .counted = &RequestCounts::ok,
          .stuck = true};
}

std::string set_aside_reason(const UnreadableBody& why, std::size_t kept_bytes) {
  if (why.fault != BodyFault::too_large && why.fault != BodyFault::too_many) return {};
  const std::string size = std::to_string(why.bytes) + (why.fault == BodyFault::too_large ? " or more" : "");
  return (why.fault == BodyFault::too_large ? "too large to be read: "
                                            : "more elements than were asked for: ") +
         ("the first " + std::to_string(kept_bytes) + " of " + size + " bytes");
}

}  // namespace logzio_okta
