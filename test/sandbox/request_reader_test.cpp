#include "sandbox/request_reader.hpp"

#include "catch.hpp"

namespace logzio_okta::sandbox {
namespace {

using Stage = RequestReader::Stage;

/// Feeds in pieces of `step` bytes, going on after every head; returns what is left over when a request is
/// done.
std::string feed_all(RequestReader& reader, std::string_view bytes, std::size_t step) {
  while (!bytes.empty() && reader.stage() != Stage::done && reader.stage() != Stage::bad) {
    if (reader.stage() == Stage::head_done) {
      reader.go_on();
      continue;
    }
    bytes.remove_prefix(reader.feed(bytes.substr(0, step)));
  }
  if (reader.stage() == Stage::head_done) reader.go_on();
  return std::string(bytes);
}

TEST_CASE("request reader: requests in any segments, one after the other") {
  const std::size_t step = GENERATE(1U, 2U, 3U, 7U, 1000U);
  RequestReader reader;
  const std::string_view both =
      "POST /?token=a HTTP/1.1\r\nHost: x\r\nContent-Length:  5 \r\n\r\nhelloGET / HTTP/1.1\r\n\r\n";
  const std::string rest = feed_all(reader, both, step);
  REQUIRE(reader.stage() == Stage::done);
  const model::Request post = reader.take();
  CHECK(post.method == "POST");
  CHECK(post.target == "/?token=a");
  CHECK(find_header(post.headers, "host") == "x");
  CHECK(post.body == "hello");
  CHECK(feed_all(reader, rest, step).empty());
  CHECK(reader.take().method == "GET");
}

TEST_CASE("request reader: a chunked body") {
  const std::size_t step = GENERATE(1U, 2U, 5U, 1000U);
  RequestReader reader;
  feed_all(
      reader,
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, listener\r\n0\r\n\r\n",
      step);
  REQUIRE(reader.stage() == Stage::done);
  CHECK(reader.take().body == "hello, listener");
}

TEST_CASE("request reader: a client that waits for 100 Continue or asks to close the connection is heard") {
  RequestReader reader;
  (void)reader.feed(
      "POST / HTTP/1.1\r\nexpect: 100-continue\r\nconnection: close\r\nContent-Length: 3\r\n\r\n");
  REQUIRE(reader.stage() == Stage::head_done);
  CHECK(reader.expects_continue());
  CHECK_FALSE(reader.keeps_alive());
}

TEST_CASE("request reader: what is no HTTP is bad") {
  const std::string bad =
      GENERATE(as<std::string>{}, "quit\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
               "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
               "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", std::string(70'000, 'x'));
  RequestReader reader;
  feed_all(reader, bad, 1000);
  CHECK(reader.stage() == Stage::bad);
}

}  // namespace
}  // namespace logzio_okta::sandbox
