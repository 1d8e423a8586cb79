#include "logzio_okta/http/request.hpp"

#include <algorithm>
#include <string>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;
using Stage = RequestReader::Stage;

namespace {

constexpr std::size_t body_max = 100;

/// One conversation; bytes come in pieces of `piece`.
struct Talk {
  RequestReader reader{body_max};

  /// How many bytes were taken.
  std::size_t says(std::string_view bytes, std::size_t piece = std::string_view::npos) {
    std::size_t taken = 0;
    while (taken < bytes.size()) {
      if (reader.stage() == Stage::headed) reader.take_body();
      const std::size_t took = reader.feed(bytes.substr(taken, piece));
      if (took == 0) break;
      taken += took;
    }
    if (reader.stage() == Stage::headed) reader.take_body();
    return taken;
  }
};

int status_of(std::string_view bytes) {
  Talk talk;
  talk.says(bytes);
  return talk.reader.stage() == Stage::broken ? talk.reader.fault().status : 0;
}

const std::string post =
    "POST /hooks?x=1 HTTP/1.1\r\nHost: a\r\nLogzio_Token:  abc \r\nContent-Length: 5\r\n\r\nhello";

}  // namespace

TEST_CASE("request: is read alike however its bytes are cut, and leaves what follows it") {
  const std::size_t piece = GENERATE(1U, 2U, 3U, 7U, 1000U);
  Talk talk;
  REQUIRE(talk.says(post + "GET /", piece) == post.size());
  RequestReader& reader = talk.reader;
  REQUIRE(reader.stage() == Stage::whole);
  REQUIRE(reader.method() == "POST");
  REQUIRE(reader.target() == "/hooks?x=1");
  REQUIRE(reader.header("logzio_token") == "abc");
  REQUIRE(reader.header("LOGZIO_TOKEN") == "abc");
  REQUIRE_FALSE(reader.header("logzio"));
  REQUIRE(reader.body() == "hello");
  REQUIRE(reader.keeps_alive());

  reader.next();
  REQUIRE_FALSE(reader.begun());
  REQUIRE(talk.says("\r\nGET / HTTP/1.0\r\n\r\n", piece) == 20);
  REQUIRE(reader.stage() == Stage::whole);
  REQUIRE(reader.body().empty());
  REQUIRE_FALSE(reader.keeps_alive());
}

TEST_CASE("request: stops after its head, so that it can be refused before its body") {
  RequestReader reader{body_max};
  REQUIRE(reader.feed(post) == post.size() - 5);
  REQUIRE(reader.stage() == Stage::headed);
  REQUIRE(reader.feed("hello") == 0);
  reader.take_body();
  REQUIRE(reader.feed("hello") == 5);
}

TEST_CASE("request: chunks make up its body") {
  const std::size_t piece = GENERATE(1U, 4U, 1000U);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n";
  const std::string chunks = "3\r\nabc\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
  Talk talk;
  REQUIRE(talk.says(head + chunks + "G", piece) == head.size() + chunks.size());
  REQUIRE(talk.reader.stage() == Stage::whole);
  REQUIRE(talk.reader.body() == "abc0123456789");

  for (const std::string_view bad :
       {"x\r\n", "3\nabc", "3\r\nabcd\r\n", "\r\n", "-1\r\n", "123456789\r\n", "3 3\r\n"}) {
    CAPTURE(bad);
    REQUIRE(status_of(head + std::string(bad)) == 400);
  }
  REQUIRE(status_of(head + "65\r\n") == 413);                                        // 101 bytes.
  REQUIRE(status_of(head + "40\r\n" + std::string(64, 'x') + "\r\n25\r\n") == 413);  // 64 and 37 of them.
  REQUIRE(status_of(head + std::string(1000, '0')) == 400);
}

TEST_CASE("request: what two readers could understand differently is refused") {
  const auto with = [](std::string_view line) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(line) + "\r\n\r\n";
  };
  REQUIRE(status_of(with("Content-Length: 5\r\nContent-Length: 5")) == 400);
  REQUIRE(status_of(with("Content-Length: 5\r\nTransfer-Encoding: chunked")) == 400);
  REQUIRE(status_of(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")) == 400);
  REQUIRE(status_of(with("Transfer-Encoding: gzip, chunked")) == 501);
  REQUIRE(status_of(with("Content-Length: +5")) == 400);
  REQUIRE(status_of(with("Content-Length: 5, 5")) == 400);
  REQUIRE(status_of(with("Content-Length:")) == 400);
  REQUIRE(status_of(with("Content-Length : 5")) == 400);
  REQUIRE(status_of(with("A: b\r\n folded")) == 400);
  REQUIRE(status_of(with("A: b\rContent-Length: 5")) == 400);
  REQUIRE(status_of(with(std::string_view("A: b\0c", 6))) == 400);
  REQUIRE(status_of(with("no colon")) == 400);
  REQUIRE(status_of(with("Host: b")) == 400);
  REQUIRE(status_of("POST / HTTP/1.1\r\n\r\n") == 400);  // No Host.
  REQUIRE(status_of("GET / HTTP/1.1\r\n A: b\r\nHost: a\r\n\r\n") == 400);
  REQUIRE(status_of("GET  HTTP/1.1\r\n\r\n") == 400);
  REQUIRE(status_of("GET /a b HTTP/1.1\r\n\r\n") == 400);
  REQUIRE(status_of("\x16\x03\x01\x02 \r\n\r\n") == 400);  // TLS on a plain port.
  REQUIRE(status_of("GET / HTTP/2.0\r\n\r\n") == 505);
  REQUIRE(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("request: everything about it is bounded") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  REQUIRE(status_of(head + "Content-Length: 100\r\n\r\n") == 0);
  REQUIRE(status_of(head + "Content-Length: 101\r\n\r\n") == 413);
  REQUIRE(status_of(head + "Content-Length: 99999999999999999999999\r\n\r\n") == 413);
  REQUIRE(status_of(head + "A: " + std::string(limits::request_head_bytes_max, 'x')) == 431);
  std::string many = head;
  for (std::size_t i = 0; i < limits::request_fields_max; ++i) many += "A: b\r\n";
  REQUIRE(status_of(many + "\r\n") == 431);

  RequestReader reader{body_max};
  const std::string endless(10 * limits::request_head_bytes_max, 'x');
  REQUIRE(reader.feed(endless) == limits::request_head_bytes_max + 1);
  REQUIRE(reader.stage() == Stage::broken);
  REQUIRE(reader.feed(endless) == 0);
}

TEST_CASE("request: one empty line before it is forgiven, in linear time, and is its first byte") {
  RequestReader reader{body_max};
  REQUIRE(reader.feed("\r") == 1);
  REQUIRE(reader.begun());
  REQUIRE(reader.feed("\n") == 1);
  REQUIRE(reader.begun());
  REQUIRE(reader.stage() == Stage::head);
  REQUIRE(reader.feed("\r\n") == 2);
  REQUIRE(reader.stage() == Stage::broken);
  REQUIRE(reader.fault().status == 400);

  std::string lines;
  while (lines.size() < limits::request_head_bytes_max) lines += "\r\n";
  REQUIRE(status_of(lines) == 400);
  REQUIRE(status_of("\r\n" + post) == 0);
}

TEST_CASE("request: what is beside the sizes of chunks is bounded over all of them") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto chunks_with = [&](const std::string& beside) {
    std::string body = head;
    for (std::size_t i = 0; i < body_max; ++i) body += "1" + beside + "\r\nx\r\n";
    return body + "0\r\n\r\n";
  };
  REQUIRE(status_of(chunks_with("")) == 0);
  REQUIRE(status_of(chunks_with(";a=" + std::string(100, 'b'))) == 0);
  REQUIRE(status_of(chunks_with(";a=" + std::string(200, 'b'))) == 400);
  REQUIRE(status_of(chunks_with(std::string(200, ' '))) == 400);
}

TEST_CASE("request: a header that is there twice has no value, and Connection and Expect are understood") {
  Talk talk;
  talk.says(
      "POST / HTTP/1.1\r\nHost: a\r\nlogzio_token: a\r\nLOGZIO_TOKEN: b\r\nConnection: x, Close\r\n"
      "Expect: 100-Continue\r\n\r\n");
  REQUIRE(talk.reader.stage() == Stage::whole);
  REQUIRE_FALSE(talk.reader.header("logzio_token"));
  REQUIRE(talk.reader.count("Logzio_Token") == 2);
  REQUIRE(talk.reader.values("logzio_token") == std::vector<std::string_view>{"a", "b"});
  REQUIRE_FALSE(talk.reader.keeps_alive());
  REQUIRE(talk.reader.expects_continue());

  Talk old;
  old.says("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(old.reader.keeps_alive());
}
