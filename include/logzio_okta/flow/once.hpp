// Once: when a run with --once is over. Each tenant goes up to its first short page, delivered and saved. One
// whose keys are all refused, or that has not moved for five minutes, is left behind; the others finish.
#pragma once

#include <deque>

#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/flow/roster.hpp"

namespace logzio_okta {

void give_up_where_stuck(Now now, ActiveRoster& roster, std::deque<Output>& outputs);
/// Nothing more is to be had of any tenant.
[[nodiscard]] bool once_done(const ActiveRoster& roster);
[[nodiscard]] bool some_gave_up(const ActiveRoster& roster);
void tell_once_results(Now now, const ActiveRoster& roster, std::deque<Output>& outputs);

}  // namespace logzio_okta
