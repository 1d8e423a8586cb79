#include "model/listener.hpp"

#include "logzio_okta/base/gzip.hpp"

#include "catch.hpp"

namespace logzio_okta::model {
namespace {

const WallTime noon = *parse_rfc3339("2026-11-23T12:00:00.000Z");
const std::string token(32, 'T');

struct Bench {
  Listener listener{{.tokens = {token}}};

  Answer post(std::string body, std::string target = "/?token=" + token, Headers headers = {}) {
    const Request request{.method = "POST",
                          .target = std::move(target),
                          .headers = std::move(headers),
                          .body = std::move(body)};
    return listener.handle(request, noon);
  }
  std::string stored() const {
    std::string all;
    for (const StoredLine& line : listener.lines()) all += line.text + '|';
    return all;
  }
};

TEST_CASE("listener model: good lines are stored and answered with an empty 200") {
  Bench bench;
  const std::string body =
      GENERATE("{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n{\"b\":2}", "{\"a\":1}\r\n{\"b\":2}\r\n");
  const Answer answer = bench.post(body);
  CHECK(answer.status == 200);
  CHECK(answer.body->empty());
  CHECK(bench.stored() == "{\"a\":1}|{\"b\":2}|");
}

TEST_CASE("listener model: the token is missing or not valid") {
  Bench bench;
  const Answer missing = bench.post("{}", "/");
  CHECK(missing.status == 401);
  CHECK(*missing.body == "Logging token is missing");
  CHECK(*bench.post("{}", "/?token=wrong").body == "Logging token is not valid");
  CHECK(bench.listener.lines().empty());
}

TEST_CASE("listener model: a 400 counts the bad lines, and the good ones are in") {
  Bench bench;
  const Answer answer =
      bench.post("{\"a\":1}\n\n[1]\n{\"b\":tru}\n{\"c\":\"" + std::string(500'000, 'x') + "\"}\n{\"d\":4}\n");
  CHECK(answer.status == 400);
  CHECK(*answer.body == R"({"malformedLines":2,"successfulLines":2,"oversizedLines":1,"emptyLogLines":1})");
  CHECK(bench.stored() == "{\"a\":1}|{\"d\":4}|");
  bench.listener.settings().omit_zero_empty = true;
  CHECK(*bench.post("x").body == R"({"malformedLines":1,"successfulLines":0,"oversizedLines":0})");
}

TEST_CASE("listener model: gzip is read, and what only claims to be is one malformed line") {
  Bench bench;
  const Headers packed{{"Content-Encoding", "gzip"}};
  CHECK(bench.post(gzip("{\"a\":1}\n"), "/?token=" + token, packed).status == 200);
  CHECK(bench.stored() == "{\"a\":1}|");
  CHECK(bench.post("{\"a\":1}\n", "/?token=" + token, packed).body->contains("\"malformedLines\":1"));
  CHECK(bench.post("{}", "/?token=" + token, {{"Content-Encoding", "zstd"}}).status == 400);
}

TEST_CASE("listener model: a body over the limit is 413, by its size on the wire or inflated") {
  Bench bench;
  bench.listener.settings().body_bytes_max = 1000;
  const std::string line = "{\"a\":\"" + std::string(2000, 'x') + "\"}";
  CHECK(bench.post(line).status == 413);
  const Headers packed{{"Content-Encoding", "gzip"}};
  CHECK(bench.post(gzip(line), "/?token=" + token, packed).status == 200);
  bench.listener.settings().count_inflated = true;
  CHECK(bench.post(gzip(line), "/?token=" + token, packed).status == 413);
  CHECK(bench.listener.lines().size() == 1);
}

TEST_CASE("listener model: the type of a line, of the query, and the default") {
  Bench bench;
  (void)bench.post("{\"type\":\"okta\"}\n{}", "/?type=mine&token=" + token);
  (void)bench.post("{}");
  CHECK(bench.listener.lines()[0].type == "okta");
  CHECK(bench.listener.lines()[1].type == "mine");
  CHECK(bench.listener.lines()[2].type == "http-bulk");
}

TEST_CASE("listener model: faults that leave the lines out, and faults that come after taking them") {
  Bench bench;
  bench.listener.inject(fault::retry_after(429, 7s), 1);
  const Answer limited = bench.post("{}");
  CHECK(limited.status == 429);
  CHECK(find_header(limited.headers, "Retry-After") == "7");
  bench.listener.inject(fault::proxy_bad_request(), 1);
  CHECK(bench.post("{}").status == 400);
  bench.listener.inject(fault::Unanswered{.stored = false, .ending = Ending::stall}, 1);
  CHECK(as_result(bench.post("{}")).error().fault == TransportFault::timed_out);
  CHECK(bench.listener.lines().empty());

  bench.listener.inject(fault::Unanswered{}, 1);
  CHECK(as_result(bench.post("{}")).error().fault == TransportFault::cut);
  CHECK(bench.listener.lines().size() == 1);
  bench.listener.inject(fault::StoredThen{fault::bad_gateway()}, 1);
  CHECK(bench.post("{}").status == 502);
  CHECK(bench.listener.lines().size() == 2);
  bench.listener.inject(fault::Cut{.bytes = 5}, 1);
  CHECK_FALSE(as_result(bench.post("{}")));
  CHECK(bench.listener.lines().size() == 3);
}

TEST_CASE("listener model: a fault may end the request before its body is read") {
  Bench bench;
  bench.listener.inject(fault::CutRequest{.bytes = 10, .ending = Ending::reset}, 1);
  const Intake intake = bench.listener.admit({});
  CHECK(intake.bytes_max == 10);
  CHECK(intake.ending == Ending::reset);
  CHECK(bench.listener.admit({}).bytes_max == unlimited);
}

TEST_CASE("listener model: lines arrive in any segments, and only those that ended and know the token") {
  Bench bench;
  LineConnection connection = bench.listener.connect(noon);
  const std::string good = "{\"token\":\"" + token + "\",\"type\":\"okta\",\"n\":1}\n";
  for (const char byte : good + good)
    CHECK(bench.listener.feed(connection, std::string_view(&byte, 1), noon));
  bench.listener.feed(connection, "{\"token\":\"wrong\"}\n{\"n\":1}\nquit\r\n" + good.substr(0, 50), noon);
  CHECK(bench.listener.finish(connection));
  CHECK(bench.listener.lines().size() == 2);
  CHECK(bench.listener.lines()[0].type == "okta");
  CHECK(bench.listener.counts().token_refused == 2);
  CHECK(bench.listener.counts().lines_refused == 1);
  CHECK(bench.listener.counts().unterminated == 1);
}

TEST_CASE("listener model: a line connection that is cut keeps the lines before the cut") {
  Bench bench;
  const std::string good = "{\"token\":\"" + token + "\"}\n";
  bench.listener.inject(fault::CutRequest{.bytes = good.size() + 3, .ending = Ending::reset}, 1);
  CHECK_FALSE(lines_settled(bench.listener, good + good, noon));
  CHECK(bench.listener.lines().size() == 1);
  bench.listener.inject(fault::SilentEnd{}, 1);
  CHECK_FALSE(lines_settled(bench.listener, good, noon));
  CHECK(bench.listener.lines().size() == 2);
  CHECK(lines_settled(bench.listener, good + good, noon));
  CHECK(bench.listener.lines().size() == 4);
}

TEST_CASE("listener model: it notes what Logz.io would flatten after its 200") {
  Bench bench;
  CHECK(bench.post("{\"a\":\"" + std::string(32'701, 'x') + "\"}\n{\"a\":\"short\"}").status == 200);
  CHECK(bench.listener.lines()[0].flattened);
  CHECK_FALSE(bench.listener.lines()[1].flattened);
}

}  // namespace
}  // namespace logzio_okta::model
