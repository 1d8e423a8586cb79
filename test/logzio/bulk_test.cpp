#include "logzio_okta/logzio/bulk.hpp"

#include "logzio_okta/base/gzip.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

constexpr StreamId acme{1};
constexpr StreamId other{2};

struct Bench {
  BulkBuilder builder;

  void adds(std::string_view bytes, StreamId stream, std::uint64_t page, Mark mark = {}) {
    EventSlice event;
    REQUIRE(PageCutter::cut_one(bytes, event));
    static_cast<void>(builder.add(event, LineConstants("acme.okta.com"), mark, 0, stream, page));
  }
};

std::string event_of(const Bulk& bulk, std::size_t line) {
  const std::string plain = bulk.unpack();
  return "{" + std::string(split_lines(plain)[line].substr(bulk.lines[line].event_at));
}

}  // namespace

TEST_CASE("bulk: the room of a sealed one serves the next, whoever fills it") {
  Bench first;
  for (int i = 0; i < 1000; ++i) first.adds(R"({"a":1})", acme, 1);
  const Bulk sealed = first.builder.seal();
  std::string room = first.builder.give_room();
  REQUIRE(room.capacity() >= sealed.plain_bytes);
  const char* const at = room.data();
  Bench second;
  second.builder.take_room(std::move(room));
  REQUIRE(second.builder.bytes() == 0);
  second.adds("{}", other, 2);
  REQUIRE(event_of(second.builder.seal(), 0) == "{}");
  REQUIRE(second.builder.give_room().data() == at);
}

TEST_CASE("bulk: its body is the gzip of its lines, each ending in a line feed") {
  Bench bench;
  bench.adds(R"({"a":1})", acme, 7);
  bench.adds("{}", acme, 7);
  const std::size_t bytes = bench.builder.bytes();
  const Bulk bulk = bench.builder.seal();

  const std::string lines =
      "{\"type\":\"okta\",\"tenant_name\":\"acme.okta.com\",\"a\":1}\n"
      "{\"type\":\"okta\",\"tenant_name\":\"acme.okta.com\"}\n";
  REQUIRE(gunzip(*bulk.packed, 1000) == lines);
  REQUIRE(bulk.unpack() == lines);
  REQUIRE(bulk.plain_bytes == lines.size());
  REQUIRE(bytes == lines.size());
  REQUIRE(bulk.held_bytes() >= bulk.packed->size() + 2 * sizeof(LineRecord) + sizeof(Piece));
}

TEST_CASE("bulk: lines of one page of one stream are one piece, in order") {
  Bench bench;
  bench.adds(R"({"a":1})", acme, 7);
  bench.adds(R"({"a":2})", acme, 7);
  bench.adds(R"({"a":3})", acme, 8);
  bench.adds(R"({"a":4})", other, 8);
  bench.adds(R"({"a":5})", acme, 8);
  const Bulk bulk = bench.builder.seal();

  REQUIRE(bulk.lines.size() == 5);
  REQUIRE(bulk.pieces.size() == 4);
  REQUIRE((bulk.pieces[0].stream == acme && bulk.pieces[0].page == 7 && bulk.pieces[0].lines == 2));
  REQUIRE((bulk.pieces[1].stream == acme && bulk.pieces[1].page == 8 && bulk.pieces[1].lines == 1));
  REQUIRE((bulk.pieces[2].stream == other && bulk.pieces[2].page == 8 && bulk.pieces[2].lines == 1));
  REQUIRE((bulk.pieces[3].stream == acme && bulk.pieces[3].page == 8 && bulk.pieces[3].lines == 1));
}

TEST_CASE("bulk: every event can be had back, and what was said about it is kept beside") {
  Bench bench;
  bench.adds("{}", acme, 1);
  bench.adds(R"({"a":1})", acme, 1, {.backfill = true});
  const Bulk bulk = bench.builder.seal();
  REQUIRE(event_of(bulk, 0) == "{}");
  REQUIRE(event_of(bulk, 1) == R"({"a":1})");
  REQUIRE_FALSE(bulk.lines[0].mark.backfill);
  REQUIRE(bulk.lines[1].mark.backfill);
}

TEST_CASE("bulk: a finished line moves to another bulk unchanged") {
  Bench bench;
  bench.adds(R"({"a":1})", acme, 1, {.possible_duplicate = true});
  const Bulk first = bench.builder.seal();
  const std::string plain = first.unpack();

  BulkBuilder half;
  half.add_line(split_lines(plain)[0], first.lines[0], acme, 1);
  const Bulk second = half.seal();
  REQUIRE(second.unpack() == plain);
  REQUIRE(second.lines[0].mark.possible_duplicate);
  REQUIRE(event_of(second, 0) == R"({"a":1})");
}

TEST_CASE("bulk: the builder is empty after sealing and can be used again") {
  Bench bench;
  REQUIRE(bench.builder.empty());
  bench.adds(R"({"a":1})", acme, 1);
  REQUIRE_FALSE(bench.builder.empty());
  static_cast<void>(bench.builder.seal());
  REQUIRE(bench.builder.empty());
  REQUIRE(bench.builder.lines() == 0);
  REQUIRE(bench.builder.bytes() == 0);

  bench.adds(R"({"a":2})", acme, 2);
  const Bulk bulk = bench.builder.seal();
  REQUIRE(bulk.lines.size() == 1);
  REQUIRE(bulk.pieces.size() == 1);
  REQUIRE(event_of(bulk, 0) == R"({"a":2})");
}

TEST_CASE("bulk: a body is split at its line feeds, with or without the last one") {
  REQUIRE(split_lines("").empty());
  REQUIRE(split_lines("a\nb\n") == std::vector<std::string_view>{"a", "b"});
  REQUIRE(split_lines("a\n\nb") == std::vector<std::string_view>{"a", "", "b"});
}
