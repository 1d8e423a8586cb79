// Once: decides when a run with --once is over. A tenant is done when everything from before its first answer
// is delivered and saved. A tenant whose keys are all refused, or that made no progress for five minutes, is
// left unfinished; the others finish.
#pragma once

#include <deque>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/roster.hpp"

namespace logzio_okta {

void give_up_where_stuck(Now now, ActiveRoster& roster, std::deque<Output>& outputs);
/// No tenant has anything more to deliver.
[[nodiscard]] bool once_done(const ActiveRoster& roster);
[[nodiscard]] bool some_gave_up(const ActiveRoster& roster);
void tell_once_results(Now now, const ActiveRoster& roster, std::deque<Output>& outputs);

}  // namespace logzio_okta
