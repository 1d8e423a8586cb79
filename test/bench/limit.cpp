#include "bench/limit.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <utility>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/bulk.hpp"
#include "logzio_okta/okta/page.hpp"

namespace logzio_okta::bench {
namespace {

const LineConstants& constants() {
  static const LineConstants made("tenant-1.localhost:12345");
  return made;
}

const std::string& packed_page(const Pages& pages, std::size_t number) {
  return pages.packed()[number % pages.packed().size()];
}

}  // namespace

double thread_cpu_s() {
  timespec time{};
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double limit_us(const Pages& pages, std::size_t pages_measured) {
  PageCutter cutter;
  BulkBuilder builder;
  std::string body;
  std::size_t events = 0;
  std::size_t packed_bytes = 0;
  const double before = thread_cpu_s();
  for (std::size_t page = 0; page < pages_measured; ++page) {
    CHECK(gunzip(packed_page(pages, page), limits::page_bytes_max, body) && cutter.cut(body));
    for (const EventSlice& event : cutter.events()) {
      static_cast<void>(builder.add(event, constants(), {}, 0, StreamId{1}, page));
      if (builder.bytes() >= limits::bulk_bytes_max) packed_bytes += builder.seal().packed->size();
    }
    events += cutter.events().size();
  }
  packed_bytes += builder.seal().packed->size();
  CHECK(packed_bytes > 0);
  return (thread_cpu_s() - before) * 1e6 / static_cast<double>(events);
}

std::vector<Stage> measure_stages(const Pages& pages, std::size_t pages_measured) {
  std::vector<std::string> bodies;
  std::vector<PageCutter> cut(pages_measured);
  std::size_t bytes = 0;
  for (std::size_t page = 0; page < pages_measured; ++page) {
    bodies.push_back(gunzip(packed_page(pages, page), limits::page_bytes_max).value());
    bytes += bodies.back().size();
  }
  std::string body;
  std::string lines;
  std::uint64_t sink = 0;
  const std::vector<std::pair<std::string_view, std::function<void(std::size_t)>>> stages = {
      {"gunzip",
       [&](std::size_t page) {
         CHECK(gunzip(packed_page(pages, page), limits::page_bytes_max, body));
         sink += body.size();
       }},
      {"cut and hash", [&](std::size_t page) { CHECK(cut[page].cut(bodies[page])); }},
      {"splice",
       [&](std::size_t page) {
         lines.clear();
         for (const EventSlice& event : cut[page].events()) {
           sink += append_line(lines, event, constants(), {}, 0).event_at;
         }
       }},
      {"gzip", [&](std::size_t page) { sink += gzip(bodies[page]).size(); }},
  };
  constexpr int rounds = 5;
  std::vector<Stage> best;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const double before = thread_cpu_s();
      for (std::size_t page = 0; page < pages_measured; ++page) stages[i].second(page);
      const double took = thread_cpu_s() - before;
      if (round == 0) best.push_back({.name = stages[i].first, .us_per_page = took * 1e9});
      best[i].us_per_page = std::min(best[i].us_per_page, took * 1e6 / static_cast<double>(pages_measured));
      best[i].mb_per_s =
          static_cast<double>(bytes) / static_cast<double>(pages_measured) / best[i].us_per_page;
    }
  }
  CHECK(sink > 0);
  return best;
}

}  // namespace logzio_okta::bench
