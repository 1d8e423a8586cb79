// Failure: what an answer from Okta without a usable page means: how it is reported and counted, and what
// follows. Pure; the waiting is done elsewhere.
//
//     const Failure failure = failure_of(reply, {.org = org, .own_question = true, .key_cure = cure});
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/org_facts.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/okta/page_reader.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {

struct Failure {
  enum class Then : std::uint8_t {
    back_off,         ///< Repeat the same request, at growing intervals.
    ask_the_org,      ///< Repeat it as soon as the org grants it; the org knows when.
    keep_quiet,       ///< The same, and the wait must survive a restart.
    change_question,  ///< The same request would be refused forever.
  };

  std::string_view kind;  ///< For telling one failure from another.
  std::string text;
  std::uint64_t RequestCounts::* counted = &RequestCounts::unusable;
  bool stuck = false;         ///< Another question may help, ...
  bool at_once = false;       ///< ... and repeating this one would not.
  Level level = Level::warn;  ///< At least.
  Urgency urgency = Urgency::lasting;
  Then then = Then::back_off;
};

/// What the text depends on besides the answer.
struct Circumstances {
  const OrgFacts& org;
  bool own_question = false;  ///< Composed by us, not a link of Okta's.
  WallTime settled_up_to;     ///< Where the next question would start.
  bool followed = false;      ///< Something was delivered under this domain.
  std::string_view key_cure;
  WallTime wall;
};

[[nodiscard]] Failure failure_of(const TransportError& error);
/// For any status except 200.
[[nodiscard]] Failure failure_of(const OktaReply& reply, const Circumstances& circumstances);
/// For a 200. `limit`: of the question; `alone`: nothing smaller can be asked for.
[[nodiscard]] Failure failure_of(const OktaReply& reply, const UnreadableBody& why, std::size_t limit,
                                 bool alone);
/// More events than were asked for, but no more than a full page may have: the server ignores the limit, so a
/// smaller one would not help.
[[nodiscard]] Failure surplus(std::size_t events, std::size_t limit);
/// `why`: OktaReply::next_target.
[[nodiscard]] Failure hostile_link(std::string_view why);
/// A full page that was seen before, without a next link.
[[nodiscard]] Failure no_link();

/// The reason to record when a page is set aside of which only the beginning is kept; empty for any other
/// page.
[[nodiscard]] std::string set_aside_reason(const UnreadableBody& why, std::size_t kept_bytes);

}  // namespace logzio_okta
