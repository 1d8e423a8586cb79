#include "logzio_okta/http/link_header.hpp"

#include "logzio_okta/base/random.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

std::optional<std::string> next_in(const std::string& line) {
  return find_link({{"Link", line}}, "next");
}

const std::string self = "https://acme.okta.com/api/v1/logs?limit=1000";
const std::string next = "https://acme.okta.com/api/v1/logs?limit=1000&after=1627500044869_1";

}  // namespace

TEST_CASE("link header: two header lines are read as one list") {
  const Headers headers{{"link", '<' + self + ">; rel=\"self\""},
                        {"Date", "Mon, 23 Nov 2026 12:00:00 GMT"},
                        {"Link", '<' + next + ">; rel=\"next\""}};
  REQUIRE(find_link(headers, "next") == next);
  REQUIRE(find_link(headers, "self") == self);
  REQUIRE_FALSE(find_link(headers, "prev"));
}

TEST_CASE("link header: one line joined by a comma gives the same") {
  for (const auto* comma : {",", ", ", " ,\t", ",,  ,"}) {
    const std::string line = '<' + self + ">; rel=\"self\"" + comma + '<' + next + ">; rel=\"next\"";
    INFO(line);
    REQUIRE(next_in(line) == next);
    REQUIRE(find_link({{"Link", line}}, "self") == self);
  }
}

TEST_CASE("link header: commas, semicolons and quotes inside the target are part of it") {
  const std::string target = R"(https://acme.okta.com/api/v1/logs?filter=a eq "x, y"; rel=next&q=a,b)";
  REQUIRE(next_in('<' + target + ">; rel=\"next\"") == target);
  REQUIRE(next_in('<' + target + ">; rel=\"self\", <u>; rel=next") == "u");
}

TEST_CASE("link header: parameters in any order, spacing and quoting") {
  for (const auto* parameters :
       {"rel=next", ";rel=next", " rel = \"next\" ", "title=\"a; rel=self, <x>\"; rel=\"next\"", "rel=NEXT",
        "REL=\"Next\"", "rel=next;title=x", "title; rel=next", "title=; rel=next",
        "title*=UTF-8''%41; rel=next", "rel=\"self next\"", "rel=\"  next\tlast \"", "rel=\"ne\\xt\"",
        "title=\"a\\\"b\"; rel=next", "rel=next;", "rel=next; rel=self"}) {
    INFO(parameters);
    REQUIRE(next_in(std::string("<u>;") + parameters) == "u");
  }
}

TEST_CASE("link header: only the first rel of a link counts, and whole words of it") {
  for (const auto* parameters : {"rel=self; rel=next", "rel=\"nextpage\"", "rel=\"pre-next\"", "rel=\"\"",
                                 "rel", "rev=next", "rels=next", "title=next", "rel=\"next"}) {
    INFO(parameters);
    REQUIRE_FALSE(next_in(std::string("<u>; ") + parameters));
  }
}

TEST_CASE("link header: the first link with the relation is taken, byte for byte") {
  REQUIRE(next_in("<a>; rel=next, <b>; rel=next") == "a");
  REQUIRE(next_in("< %41 >; rel=next") == " %41 ");
  REQUIRE(next_in("<>; rel=next") == "");
}

TEST_CASE("link header: a malformed link does no harm to those around it") {
  for (const auto* broken : {"nonsense", "<x", "<x> rel=next", "<x>; rel=\"next", "x; rel=next", "<x>; =next",
                             "<x>; rel=\"a\"b", "<", ">"}) {
    INFO(broken);
    REQUIRE(next_in(std::string("<u>; rel=next, ") + broken) == "u");
    REQUIRE(next_in(std::string(broken) + ", <u>; rel=next") == "u");
  }
}

TEST_CASE("link header: nothing where there is nothing") {
  REQUIRE_FALSE(find_link({}, "next"));
  REQUIRE_FALSE(next_in(""));
  REQUIRE_FALSE(next_in(" , ,, "));
  REQUIRE_FALSE(find_link({{"Links", "<u>; rel=next"}}, "next"));
}

TEST_CASE("link header: any bytes are read to their end") {
  constexpr std::string_view alphabet = "<>;,=\"\\ \trelnxt*";
  Random random(5);
  int found = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string line;
    for (std::uint64_t i = random.below(40); i > 0; --i) line += alphabet[random.below(alphabet.size())];
    line += random.below(2) == 0 ? ",<u>;rel=next" : "<u>;rel=next";
    found += next_in(line) ? 1 : 0;
  }
  REQUIRE(found > 1000);
}
