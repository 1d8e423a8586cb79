// What the Poller's tests share: steps of a Bench that follows acme.okta.com.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/flow/poller.hpp"
#include "logzio_okta/okta/log_query.hpp"

#include "flow/bench.hpp"

namespace logzio_okta::bench {

inline const std::string link_a = "/api/v1/logs?after=a_1&limit=1000&since=x,y";
inline const std::string link_b = "/api/v1/logs?after=b_2&limit=1000";
inline const std::string link_c = "/api/v1/logs?after=c_3&limit=1000";

inline const std::string acme = "acme.okta.com";

inline Place place_of(const Bench& bench) {
  return bench.store.place(acme);
}

/// Okta's answer is delivered and saved, and the next question is due.
inline void follows(Bench& bench, const std::vector<std::string>& events, const std::string& next) {
  bench.okta_replies(page(events).next(next));
  if (!events.empty()) bench.listener_takes();
  bench.pass(bench.settings.policy.poll_interval);
}

/// Fails like this, with the waits between, until it asks something else or has failed `most` times.
inline int fails_until_it_asks_anew(Bench& bench, const std::function<void()>& fail, int most = 20) {
  const std::string question = bench.wants();
  int failures = 0;
  for (; failures < most && bench.wants() == question; ++failures) {
    fail();
    bench.pass(limits::ask_backoff_max);
  }
  return failures;
}

inline std::string since_of(const std::string& target) {
  const auto from = target.find("since=") + 6;
  return target.substr(from, target.find('&', from) - from);
}
inline std::string limit_of(const std::string& target) {
  return target.substr(target.rfind("limit=") + 6);
}

/// A stream that has settled events 1 to 3 after `link_a`.
inline Bench settled_bench(Settings settings = {}) {
  Bench bench(std::move(settings));
  follows(bench, events(1, 3), link_a);
  REQUIRE(bench.wants() == link_a);
  return bench;
}

inline constexpr const char* unreadable = R"([{"uuid":"u4)";
inline constexpr const char* one = "/api/v1/logs?after=3&limit=1";  // Before it.

/// What is left of an answer that is larger than is taken.
inline Reply beginning_of_a_page(std::string bytes) {
  Reply reply = body(std::move(bytes));
  reply.answer.cut_off = true;
  return reply;
}

/// Goes down to pages of one event; the last event before the unreadable one is read, and a full page is
/// tried in vain.
inline void meets_unreadable(Bench& bench) {
  const auto unreadable_once = [&] { bench.okta_replies(body(unreadable)); };
  while (limit_of(bench.wants()) != "1") fails_until_it_asks_anew(bench, unreadable_once);
  follows(bench, {event(3)}, one);
  fails_until_it_asks_anew(bench, unreadable_once);
}

}  // namespace logzio_okta::bench
