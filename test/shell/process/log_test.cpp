#include "shell/process/log.hpp"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/temp_dir.hpp"

using namespace logzio_okta;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00.123Z").value();

/// Two ends: the log writes into one, we read the other, when we like. A log that waits would hang the test.
struct Ends {
  std::array<int, 2> fds{-1, -1};

  static Ends pipe() {
    Ends ends;
    REQUIRE(::pipe(ends.fds.data()) == 0);
    return ends;
  }
  static Ends socket() {
    Ends ends;
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.fds.data()) == 0);
    return ends;
  }
  Ends() = default;
  Ends(Ends&& other) noexcept : fds(std::exchange(other.fds, {-1, -1})) {}
  Ends& operator=(Ends&&) = delete;
  ~Ends() {
    for (const int fd : fds) {
      if (fd >= 0) ::close(fd);
    }
  }

  [[nodiscard]] int writes_to() const { return fds[1]; }
  /// What has arrived, without waiting for more.
  [[nodiscard]] std::string read() const {
    REQUIRE(::fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::read(fds[0], piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  void reader_goes_away() {
    ::close(fds[0]);
    fds[0] = -1;
  }
};

std::string written(LogFormat format, std::string_view tenant, std::string_view text,
                    Level level = Level::warn) {
  const Ends ends = Ends::pipe();
  Log log(Level::trace, format, ends.writes_to());
  log.write(level, tenant, text, noon);
  return ends.read();
}

/// Writes until nothing more goes through; gives the number of lines written.
std::uint64_t fills(Log& log, std::string_view text) {
  std::uint64_t lines = 0;
  for (const std::uint64_t before = log.dropped(); log.dropped() == before; ++lines) {
    REQUIRE(lines < 1'000'000);
    log.write(Level::info, "", text, noon);
  }
  return lines;
}

/// Every line of the text is whole: it begins with the time and ends as it should.
void is_whole_lines(const std::string& text) {
  REQUIRE(text.ends_with('\n'));
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    REQUIRE(text.substr(at).starts_with("2026-11-23T12:00:00.123Z "));
  }
}

}  // namespace

TEST_CASE("log: a text line has time, level, tenant and message") {
  REQUIRE(written(LogFormat::text, "acme.okta.com", "a message") ==
          "2026-11-23T12:00:00.123Z WARN  [acme.okta.com] a message\n");
  REQUIRE(written(LogFormat::text, "", "a message", Level::error) ==
          "2026-11-23T12:00:00.123Z ERROR a message\n");
}

TEST_CASE("log: a JSON line has the same, and no tenant where it is about none") {
  REQUIRE(
      written(LogFormat::json, "acme.okta.com", "say \"hi\"") ==
      R"({"time":"2026-11-23T12:00:00.123Z","level":"warn","tenant":"acme.okta.com","message":"say \"hi\""})"
      "\n");
  REQUIRE(written(LogFormat::json, "", "m", Level::fatal) ==
          R"({"time":"2026-11-23T12:00:00.123Z","level":"fatal","message":"m"})"
          "\n");
}

TEST_CASE("log: an entry is one line and cannot play with a terminal") {
  REQUIRE_THAT(written(LogFormat::text, "a\nb", "x\r\ny\x1b[2J\x7f\t\xc2\x9b"),
               Contains("[a\\nb] x\\x0d\\ny\\x1b[2J\\x7f\\x09\\xc2\\x9b\n"));
  REQUIRE_THAT(written(LogFormat::json, "", "x\ny\x1b"), Contains(R"("message":"x\\ny\\x1b")"));
}

TEST_CASE("log: UTF-8 is kept, other bytes are shown") {
  REQUIRE_THAT(written(LogFormat::text, "", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80"),
               Contains("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80\n"));
  REQUIRE_THAT(written(LogFormat::json, "", "\xff \xc3 \xc0\x80 \xed\xa0\x80 \xe2\x82"),
               Contains(R"(\\xff \\xc3 \\xc0\\x80 \\xed\\xa0\\x80 \\xe2\\x82")"));
}

TEST_CASE("log: what is below the level is not written") {
  const Ends ends = Ends::pipe();
  Log log(Level::warn, LogFormat::text, ends.writes_to());
  log.write(Level::info, "", "quiet", noon);
  log.write(Level::warn, "", "loud", noon);
  REQUIRE_THAT(ends.read(), Contains("loud") && !Contains("quiet"));
  REQUIRE(log.dropped() == 0);
}

TEST_CASE("log: a full pipe or socket never makes it wait, and what was lost is counted and said") {
  const Ends ends = GENERATE(0, 1) == 0 ? Ends::pipe() : Ends::socket();
  Log log(Level::info, LogFormat::text, ends.writes_to());
  const std::size_t size = GENERATE(std::size_t{10}, std::size_t{1000}, std::size_t{10'000});
  const std::uint64_t lines = fills(log, std::string(size, 'x'));
  log.write(Level::info, "", "one more", noon);
  REQUIRE(log.dropped() == 2);

  std::string all = ends.read();
  log.write(Level::info, "", "here we are again", noon);
  all += ends.read();
  is_whole_lines(all);
  REQUIRE_THAT(all, Contains("WARN  2 log lines were dropped") && Contains("INFO  here we are again\n"));
  REQUIRE(static_cast<std::uint64_t>(std::count(all.begin(), all.end(), '\n')) == lines - 1 + 2);

  log.write(Level::info, "", "nothing more to say", noon);
  REQUIRE_THAT(ends.read(), !Contains("dropped"));
  REQUIRE(log.dropped() == 2);
}

TEST_CASE("log: the pipe that others share stays as it was") {
  const Ends ends = Ends::pipe();
  const Log log(Level::info, LogFormat::text, ends.writes_to());
  REQUIRE((::fcntl(ends.writes_to(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("log: a reader that went away costs lines, not the process") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  {
    Ends ends = Ends::pipe();
    Log log(Level::info, LogFormat::text, ends.writes_to());
    ends.reader_goes_away();
    log.write(Level::info, "", "nobody hears this", noon);
    log.write(Level::info, "", "nor this", noon);
    REQUIRE(log.dropped() > 0);
  }
  std::signal(SIGPIPE, before);
}

TEST_CASE("log: a file is appended to at the descriptor's position") {
  const test::TempDir dir;
  const std::string path = dir / "log";
  test::write_file(path, "before\n");
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND);
  REQUIRE(fd >= 0);
  {
    Log log(Level::info, LogFormat::text, fd);
    log.write(Level::info, "", "first", noon);
    log.write(Level::info, "", "second", noon);
  }
  ::close(fd);
  REQUIRE(test::read_file(path) ==
          "before\n2026-11-23T12:00:00.123Z INFO  first\n2026-11-23T12:00:00.123Z INFO  second\n");
}

TEST_CASE("log: without a stderr every line counts as dropped") {
  Log log(Level::info, LogFormat::text, -1);
  log.write(Level::info, "", "x", noon);
  REQUIRE(log.dropped() == 1);
}
