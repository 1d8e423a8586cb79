#include "model/event_log.hpp"

#include "logzio_okta/base/gzip.hpp"

#include "catch.hpp"

namespace logzio_okta::model {
namespace {

WallTime at(int ms) {
  return WallTime(WallTime::duration(1'700'000'000'000 + ms));
}

EventLog log_of(std::initializer_list<int> moments) {
  EventLog log;
  int number = 0;
  for (const int ms : moments) {
    log.append(
        {.bytes = "{\"n\":" + std::to_string(number++) + "}", .published = at(ms), .persisted = at(ms)});
  }
  return log;
}

TEST_CASE("event log: a page holds the events in the order they were persisted") {
  EventLog log;
  log.append({.bytes = "{\"late\":1}", .published = at(0), .persisted = at(20)});
  log.append({.bytes = "{\"soon\":1}", .published = at(5), .persisted = at(10)});
  CHECK(log.page(0, 2) == R"([{"soon":1},{"late":1}])");
  CHECK(log.page(1, 1) == "[]");
}

TEST_CASE("event log: a cursor means its place, also among events of one millisecond") {
  EventLog log = log_of({1, 5, 5, 5, 9});
  for (std::size_t count = 1; count <= 5; ++count) CHECK(log.place_of(log.cursor_at(count)) == count);
  CHECK(log.cursor_at(3) == "1700000000005_2");
}

TEST_CASE("event log: a cursor keeps its meaning when later events come") {
  EventLog log = log_of({1, 5});
  log.seen_at(at(5));
  const std::string cursor = log.cursor_at(2);
  log.append({.bytes = "{}", .published = at(2), .persisted = at(5)});
  CHECK(log.place_of(cursor) == 2U);
}

TEST_CASE("event log: a cursor that was never given is none") {
  const EventLog log = log_of({1, 5});
  for (const char* cursor : {"", "x", "1700000000005", "1700000000005_0", "1700000000005_2",
                             "1700000000006_1", "1700000000005_1x", "_1"}) {
    INFO(cursor);
    CHECK_FALSE(log.place_of(cursor));
  }
}

TEST_CASE("event log: a packed page is the page in gzip, packed once if it is full") {
  EventLog log;
  for (int i = 0; i < 1500; ++i) log.append({.bytes = "{\"n\":1}", .published = at(i), .persisted = at(i)});
  const auto packed = log.packed_page(0, 1000);
  CHECK(gunzip(*packed, 1 << 20) == log.page(0, 1000));
  CHECK(log.packed_page(0, 1000) == packed);
  CHECK(gunzip(*log.packed_page(1000, 1500), 1 << 20) == log.page(1000, 1500));
}

}  // namespace
}  // namespace logzio_okta::model
