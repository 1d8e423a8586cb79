#include "logzio_okta/okta/page_reader.hpp"

#include "logzio_okta/base/gzip.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

HttpAnswer answer_of(std::string body, Headers headers = {}) {
  return {.status = 200, .headers = std::move(headers), .body = std::move(body)};
}

}  // namespace

TEST_CASE("page reader: a page is decoded and cut, packed or not, and its bytes are moved out") {
  PageReader reader;
  HttpAnswer plain = answer_of(R"([{"uuid":"a"},{"uuid":"b"}])");
  REQUIRE(reader.read(plain));
  REQUIRE(plain.body.empty());
  REQUIRE(reader.events().size() == 2);
  HttpAnswer packed = answer_of(gzip(R"([{"uuid":"c"}])"), {{"Content-Encoding", "gzip"}});
  REQUIRE(reader.read(packed));
  REQUIRE(reader.events().at(0).uuid == "c");
  REQUIRE(reader.unfit().empty());
}

TEST_CASE("page reader: it says what is wrong with what is not a page, and keeps what there is") {
  PageReader reader;
  HttpAnswer cut = answer_of(R"([{"uuid":"a"})");
  REQUIRE(reader.read(cut).error().fault == BodyFault::not_a_page);
  REQUIRE(reader.body() == R"([{"uuid":"a"})");
  HttpAnswer encoded = answer_of("x", {{"Content-Encoding", "br"}});
  REQUIRE(reader.read(encoded).error().fault == BodyFault::encoding);
  HttpAnswer damaged = answer_of("no gzip", {{"Content-Encoding", "gzip"}});
  REQUIRE(reader.read(damaged).error().fault == BodyFault::damaged);
}

TEST_CASE("page reader: a body that is taken whole is one event, until the next page") {
  PageReader reader;
  HttpAnswer cut = answer_of(R"([{"uuid":"a")");
  REQUIRE_FALSE(reader.read(cut));
  const auto& whole = reader.take_whole("too large");
  REQUIRE(whole.size() == 1);
  REQUIRE(whole[0].bytes == R"([{"uuid":"a")");
  REQUIRE_FALSE(whole[0].object);
  REQUIRE(whole[0].hash == reader.whole().hash);
  REQUIRE(reader.unfit() == "too large");
  HttpAnswer page = answer_of("[]");
  REQUIRE(reader.read(page));
  REQUIRE(reader.unfit().empty());
}
