// Failure: what an answer of Okta's that brought no page comes to. How it is said and counted, and what
// follows; pure, and apart from whoever has to wait for it.
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
    back_off,         ///< The same again, ever more gently.
    ask_the_org,      ///< As soon as the org grants it: it knows until when.
    keep_quiet,       ///< Likewise; and a restart must not forget it.
    change_question,  ///< The same again would be refused for ever.
  };

  std::string_view kind;  ///< For telling one failure from another.
  std::string text;
  std::uint64_t RequestCounts::* counted = &RequestCounts::unusable;
  bool stuck = false;         ///< Another question may cure it, ...
  bool at_once = false;       ///< ... and the same again would not.
  Level level = Level::warn;  ///< At least.
  Urgency urgency = Urgency::waits;
  Then then = Then::back_off;
};

/// What the words depend on beside the answer.
struct Circumstances {
  const OrgFacts& org;
  bool own_question = false;  ///< Composed by us, not a link of Okta's.
  WallTime settled_up_to;     ///< From where it would be asked again.
  std::string_view key_cure;
  WallTime wall;
};

[[nodiscard]] Failure failure_of(const TransportError& error);
/// Of any status but 200.
[[nodiscard]] Failure failure_of(const OktaReply& reply, const Circumstances& circumstances);
/// Of a 200. `limit`: of the question; `alone`: nothing smaller can be asked for.
[[nodiscard]] Failure failure_of(const OktaReply& reply, const UnreadableBody& why, std::size_t limit,
                                 bool alone);
/// More than was asked for, and yet no more than a full page may hold: whoever answers does not heed the
/// limit, so that a smaller one would not help.
[[nodiscard]] Failure surplus(std::size_t events, std::size_t limit);
/// `why`: OktaReply::next_target.
[[nodiscard]] Failure hostile_link(std::string_view why);

/// Of a page of which only the beginning is kept, for its record among what is set aside; empty for any
/// other.
[[nodiscard]] std::string set_aside_reason(const UnreadableBody& why, std::size_t kept_bytes);

}  // namespace logzio_okta
