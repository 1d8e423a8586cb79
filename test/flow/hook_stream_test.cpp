#include "logzio_okta/flow/hook_stream.hpp"

#include "logzio_okta/base/limits.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

const std::string globex = "globex.okta.com";

/// A tenant at its tail that asks once an hour, and an org beside it that only pushes.
struct Alone : Bench {
  explicit Alone(Settings given = settings_of()) : Bench(std::move(given)) {
    okta_replies(page({}).next("/api/v1/logs?after=1"));
    pass(1s);
  }
  static Settings settings_of() {
    Settings settings;
    settings.policy.poll_interval = 1h;
    settings.hook_orgs = {globex};
    return settings;
  }
  int pushes(const std::vector<std::string>& events) { return hook_delivers(events, globex); }
  [[nodiscard]] HookStreamReport stream() const { return report().hooks.streams.at(0); }
};

}  // namespace

TEST_CASE_METHOD(Alone,
                 "hook stream: an org that is not polled has its events delivered, once they are on disk") {
  saving = false;
  REQUIRE(pushes({event(1), event(2)}) == 0);  // Not answered yet.
  REQUIRE(sent == 0);
  saves_again();
  REQUIRE(hook_answers.back().status == 200);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  const std::string& line = delivered[0].text;
  REQUIRE(line.starts_with(R"({"type":"okta","tenant_name":"globex.okta.com","okta_hook_event_id":"e",)"
                           R"("okta_hook_source":"https://globex.okta.com/api/v1/eventHooks/who1",)"
                           R"("@timestamp":)"));
  REQUIRE(line.ends_with(event(1).substr(1)));
  REQUIRE(store.spool.rows().empty());
  REQUIRE(stream().events.delivered == 2);
  REQUIRE(stream().bytes == 0);
}

TEST_CASE_METHOD(Alone,
                 "hook stream: an event that is pushed again is answered 200 and not delivered again") {
  REQUIRE(pushes({event(1)}) == 200);
  listener_takes();
  REQUIRE(pushes({event(1)}) == 200);
  REQUIRE(pushes({event(2), event(1)}) == 200);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  REQUIRE(stream().events.deduplicated == 2);

  // The same uuid with other bytes is another event, marked as a possible repeat.
  std::string other = event(1);
  other.insert(1, R"("x":1,)");
  REQUIRE(pushes({other}) == 200);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2, 1});
  REQUIRE(marked_numbers() == std::vector{1});
}

TEST_CASE_METHOD(Alone,
                 "hook stream: two events alike without a uuid are two, a delivery sent twice is one") {
  REQUIRE(pushes({nameless(1), nameless(1)}) == 200);
  REQUIRE(pushes({nameless(1), nameless(1)}) == 200);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 1});
}

TEST_CASE_METHOD(Alone,
                 "hook stream: while the listener is away the disk is the queue, and memory holds little") {
  pushes({event(0)});
  for (int n = 1; n < 3000; ++n) {
    REQUIRE(pushes({event(n)}) == 200);
    if (n % 100 == 0) listener_says(cannot_be_reached());
  }
  REQUIRE(report().memory_used < 2 * limits::MiB);
  REQUIRE(stream().events.in_flight == 3000);
  listener = [](const SendBulk&) { return takes_all(); };
  pass(5min);
  std::vector<int> expected;
  for (int n = 0; n < 3000; ++n) expected.push_back(n);
  std::vector<int> found = numbers();
  std::ranges::sort(found);
  REQUIRE(found == expected);
  REQUIRE(marked_numbers().empty());
  REQUIRE(store.spool.rows().empty());
}

TEST_CASE_METHOD(
    Alone, "hook stream: after a crash what may have been in flight says so, what came later does not") {
  REQUIRE(pushes({event(1)}) == 200);
  pass(limits::bulk_age_max);
  REQUIRE(bulks.size() == 1);
  took(bulks.begin()->second);  // And the answer is lost.
  crashes();
  REQUIRE(pushes({event(2)}) == 200);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 1, 2});
  REQUIRE(marked_numbers() == std::vector{1});
  REQUIRE(pushes({event(1)}) == 200);  // Okta had not heard either.
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 1, 2});
}

TEST_CASE_METHOD(Alone, "hook stream: an orderly stop leaves the rest for the next start, unmarked") {
  listener_says(takes_all());
  pushes({event(1)});
  pass(limits::bulk_age_max);
  stops();
  pushes({event(2)});
  REQUIRE(hook_answers.back().status == 503);
  listener_takes();
  pass(10s);
  comes_back();
  REQUIRE(pushes({event(2)}) == 200);
  listener_takes();
  REQUIRE(numbers() == std::vector{1, 2});
  REQUIRE(marked_numbers().empty());
}

TEST_CASE_METHOD(Alone,
                 "hook stream: after a stop that leaves a bulk unanswered, the next start marks its events") {
  pushes({event(1)});
  pass(limits::bulk_age_max);
  stops();
  pass(10s);
  REQUIRE(scheduler->exit_code() == 75);
  comes_back();
  listener_takes();
  REQUIRE(marked_numbers() == std::vector{1});
}

TEST_CASE_METHOD(Alone, "hook stream: if the disk fails, Okta sends the delivery again") {
  store.disk_fails = true;
  REQUIRE(pushes({event(1)}) == 503);
  REQUIRE(notes_with("cannot be kept") == 1);
  store.disk_fails = false;
  REQUIRE(pushes({event(1)}) == 200);
  REQUIRE(notes_with("are kept again") == 1);
  listener_takes();
  REQUIRE(numbers() == std::vector{1});
}

TEST_CASE("hook stream: a full spool answers 503 until the listener has taken some") {
  REQUIRE(SchedulerOptions().spool_bytes_max == limits::spool_bytes_max);
  Settings settings = Alone::settings_of();
  settings.spool_bytes_max = 32 * limits::MiB;
  Alone bench(settings);
  const std::string large = R"({"uuid":"u","n":7,"filler":")" + std::string(3 * limits::MiB, 'x') + R"("})";
  int kept = 0;
  for (int n = 0;; ++n) {
    std::string another = large;
    another.insert(10, std::to_string(n));
    if (bench.pushes({another}) != 200) break;
    ++kept;
  }
  REQUIRE(bench.hook_answers.back().status == 503);
  REQUIRE(kept == static_cast<int>(settings.spool_bytes_max / large.size()));
  REQUIRE(bench.notes_with("the spool is full (32 MiB)") == 1);
  bench.listener = [](const SendBulk&) { return takes_all(); };
  bench.pass(10min);
  REQUIRE(bench.pushes({event(1)}) == 200);
}

namespace {

BulkResult refuses_event_2(const SendBulk& bulk) {
  const auto lines = lines_of(*bulk.packed);
  const auto bad = static_cast<std::size_t>(std::ranges::count(lines, 2, &Line::n));
  return bad == 0 ? takes_all() : refuses_some(bad, lines.size() - bad);
}

}  // namespace

TEST_CASE_METHOD(
    Alone, "hook stream: an event the listener refuses is set aside with Okta's bytes, its neighbours pass") {
  pushes({event(1), event(2)});
  listener = refuses_event_2;  // Also when sent by itself, so that it is found.
  listener_says(refuses_some(1, 1));
  pass(1s);
  REQUIRE(store.set_aside.size() >= 1);
  REQUIRE(stream().events.set_aside == 1);
  REQUIRE(stream().events.delivered == 1);
  REQUIRE(store.spool.rows().empty());
}

TEST_CASE_METHOD(Alone, "hook stream: no more is on its way than a crash leaves in doubt") {
  for (int n = 0; n < 3000; ++n) REQUIRE(pushes({event(n)}) == 200);
  pass(1min);
  std::size_t lines = 0;
  for (const auto& [id, bulk] : bulks) lines += bulk.lines;
  REQUIRE(lines > 0);
  REQUIRE(lines <= limits::spool_rows_unsettled_max);
}

TEST_CASE_METHOD(Alone,
                 "hook stream: a delivery of which a part is taken stays on disk, whatever ends the run") {
  REQUIRE(pushes({event(1), event(2)}) == 200);
  pass(limits::bulk_age_max);
  listener_says(says(413));
  REQUIRE(bulks.size() == 2);
  verdict(bulks.begin()->first, takes_all());
  REQUIRE(store.spool.rows().size() == 1);
  crashes();
  for (int i = 0; i < 3; ++i) {
    pass(limits::bulk_age_max);
    listener_takes();
  }
  REQUIRE(std::ranges::count(numbers(), 1) >= 1);
  REQUIRE(std::ranges::count(numbers(), 2) >= 1);
  REQUIRE(store.spool.rows().empty());
}

TEST_CASE_METHOD(Alone, "hook stream: two deliveries that share a partly refused bulk are both settled") {
  pass(settings.policy.poll_interval);
  REQUIRE(asks.size() == 1);  // What may still join keeps the bulk open.
  REQUIRE(pushes({event(1), event(2)}) == 200);
  REQUIRE(pushes({event(3)}) == 200);
  REQUIRE(store.spool.rows().size() == 2);
  okta_replies(page({}).next("/api/v1/logs?after=1"));
  pass(limits::bulk_age_max);
  REQUIRE(bulks.size() == 1);
  REQUIRE(bulks.begin()->second.lines == 3);
  listener = refuses_event_2;
  listener_says(refuses_some(1, 2));
  pass(1s);
  REQUIRE(store.set_aside.size() >= 1);
  REQUIRE(stream().events.set_aside == 1);
  REQUIRE(stream().events.delivered == 2);
  REQUIRE(stream().events.in_flight == 0);
  REQUIRE(store.spool.rows().empty());
}

TEST_CASE("hook route: the store's key and back") {
  for (const char* source : {"acme.okta.com", "http://127.0.0.1:9001"}) {
    for (const char* region : {"", "eu"}) {
      const HookRoute route{.source = Domain::parse(source).value(), .region = region};
      REQUIRE(HookRoute::of_key(route.key()) == route);
    }
  }
  REQUIRE_FALSE(HookRoute::of_key("acme.okta.com"));
  REQUIRE_FALSE(HookRoute::of_key("hooks eu"));
}
