#include "logzio_okta/flow/bulk_parts.hpp"

#include <map>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/logzio/bulk_lines.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

constexpr StreamId acme{1};
constexpr StreamId globex{2};
const std::string head = R"({"type":"okta","tenant_name":"t","@timestamp":"x",)";

struct Given {
  StreamId stream;
  std::uint64_t page = 0;
  std::string event;  ///< Without its opening bracket.
};

Bulk bulk_of(const std::vector<Given>& lines) {
  BulkBuilder builder;
  for (const Given& each : lines) {
    builder.add_line(head + each.event, {.event_at = static_cast<std::uint32_t>(head.size())}, each.stream,
                     each.page);
  }
  return builder.seal();
}

/// "1.7:events" a piece.
std::vector<std::string> told(const Bulk& bulk) {
  std::vector<std::string> all;
  for (const BulkLine& line : BulkLines(bulk)) {
    all.push_back(std::to_string(line.piece.stream.value) + "." + std::to_string(line.piece.page) + ":" +
                  std::string(line.text.substr(line.record.event_at)));
  }
  return all;
}

const std::string a = R"("n":1})";
const std::string b = R"("n":2})";
const std::string c = R"("n":3})";
const std::string broken = R"("n":})";

}  // namespace

TEST_CASE("bulk lines: each line comes with its record and its piece, in order") {
  const Bulk bulk = bulk_of({{acme, 1, a}, {acme, 1, b}, {globex, 1, c}, {acme, 2, a}});
  REQUIRE(told(bulk) == std::vector<std::string>{"1.1:" + a, "1.1:" + b, "2.1:" + c, "1.2:" + a});
  std::size_t index = 0;
  for (const BulkLine& line : BulkLines(bulk)) REQUIRE(line.index == index++);
}

TEST_CASE("bulk parts: halves hold every line once, and their pieces go with them") {
  const auto [first, second] = halved(bulk_of({{acme, 1, a}, {acme, 1, b}, {globex, 1, c}}));
  REQUIRE(told(first) == std::vector<std::string>{"1.1:" + a});
  REQUIRE(told(second) == std::vector<std::string>{"1.1:" + b, "2.1:" + c});
}

TEST_CASE("culprits: what is plainly wrong is set aside by its page, and the others go on") {
  const Culprits culprits = find_culprits(
      bulk_of({{acme, 1, a}, {acme, 1, broken}, {globex, 4, broken}, {globex, 4, broken}, {acme, 2, b}}),
      "400 said");
  REQUIRE(culprits.set_aside.size() == 2);
  const Settlement& of_acme = culprits.set_aside[0];
  REQUIRE((of_acme.stream == acme && of_acme.page == 1 && of_acme.set_aside == 1));
  REQUIRE(of_acme.delivered == 0);
  REQUIRE(of_acme.kept.size() == 1);
  REQUIRE(of_acme.kept[0].bytes == "{" + broken);  // Okta's bytes, not our line.
  REQUIRE(of_acme.kept[0].answer == "400 said");
  REQUIRE(of_acme.kept[0].events == 1);
  const Settlement& of_globex = culprits.set_aside[1];
  REQUIRE((of_globex.stream == globex && of_globex.page == 4 && of_globex.set_aside == 2));
  REQUIRE(culprits.fine.has_value());
  REQUIRE(told(*culprits.fine) == std::vector<std::string>{"1.1:" + a, "1.2:" + b});
}

TEST_CASE("culprits: where every line is wrong nothing goes on") {
  const Culprits culprits = find_culprits(bulk_of({{acme, 1, broken}}), "");
  REQUIRE(culprits.set_aside.size() == 1);
  REQUIRE_FALSE(culprits.fine);
}

TEST_CASE("culprits: where no line is plainly wrong it costs nothing") {
  const Culprits culprits = find_culprits(bulk_of({{acme, 1, a}, {globex, 1, b}}), "");
  REQUIRE(culprits.set_aside.empty());
  REQUIRE_FALSE(culprits.fine);
}

TEST_CASE("culprits: a line that is too long is one, however well it is formed") {
  const std::string longest = "\"n\":\"" + std::string(limits::line_bytes_max, 'x') + "\"}";
  const Culprits culprits = find_culprits(bulk_of({{acme, 1, longest}, {acme, 1, a}}), "");
  REQUIRE(culprits.set_aside.size() == 1);
  REQUIRE(culprits.set_aside[0].kept[0].bytes == "{" + longest);
  REQUIRE(told(*culprits.fine) == std::vector<std::string>{"1.1:" + a});
}

TEST_CASE("bulk parts: one stream's lines leave, and say so where they may have been taken") {
  const Bulk bulk = bulk_of({{acme, 1, a}, {globex, 1, b}, {acme, 2, c}});
  const Parted untaken = without_stream(bulk, acme, false);
  REQUIRE(untaken.given.size() == 2);
  REQUIRE_FALSE(untaken.given[0].record.mark.possible_duplicate);
  REQUIRE(untaken.given[1].page == 2);
  REQUIRE(told(*untaken.kept) == std::vector<std::string>{"2.1:" + b});
  REQUIRE(without_stream(bulk, acme, true).given[0].record.mark.possible_duplicate);
  REQUIRE_FALSE(without_stream(bulk_of({{acme, 1, a}}), acme, false).kept);
}
