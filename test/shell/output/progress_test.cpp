#include "shell/output/progress.hpp"

#include <algorithm>
#include <cstdlib>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "catch.hpp"

using namespace logzio_okta;

namespace {

/// A terminal of 40 columns and 10 rows, and what was written to it.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    REQUIRE(master_ >= 0);
    REQUIRE((::grantpt(master_) == 0 && ::unlockpt(master_) == 0));
    out = std::fopen(::ptsname(master_), "w");
    REQUIRE(out != nullptr);
    resize(40, 10);
  }
  void resize(unsigned short columns, unsigned short rows) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(::ioctl(::fileno(out), TIOCSWINSZ, &size) == 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    std::fclose(out);
    ::close(master_);
  }
  [[nodiscard]] std::string seen() const {
    std::string text;
    char byte = 0;
    while (::read(master_, &byte, 1) == 1) text += byte;
    std::erase(text, '\r');
    return text;
  }

  std::FILE* out = nullptr;

 private:
  int master_;
};

const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();

}  // namespace

TEST_CASE("progress: how far in time, events, rate and what remains are told, as far as they are known") {
  CHECK(progress_text(0, std::nullopt, 0, 0s) == "0 %, 0 events");
  CHECK(progress_text(0.5, noon, 5000, 10s) ==
        "50 %, up to 2026-11-23T12:00:00Z, 5000 events, 500/s, 10 s left");
  CHECK(progress_text(1, noon, 5000, 10s) == "100 %, up to 2026-11-23T12:00:00Z, 5000 events, 500/s");
  CHECK_THAT(progress_text(0.999, noon, 5000, 10s), Catch::Matchers::EndsWith(", 1 s left"));
  CHECK(progress_bar(0.5) == "[############............]");
  CHECK(progress_bar(7) == "[########################]");
}

TEST_CASE(
    "progress: what is drawn on a terminal takes the place of what was drawn before, cut to its width") {
  const Terminal terminal;
  ProgressLine progress(terminal.out);
  REQUIRE(progress.drawing());
  progress.draw(Instant{} + 1s, "one\n" + std::string(60, 'x'));
  CHECK(terminal.seen() == "one\n" + std::string(39, 'x') + "\n");
  progress.draw(Instant{} + 1s + 50ms, "too soon");
  CHECK(terminal.seen().empty());
  progress.draw(Instant{} + 2s, "two");
  CHECK(terminal.seen() == "\x1b[2A\x1b[Jtwo\n");
  progress.clear();
  CHECK(terminal.seen() == "\x1b[1A\x1b[J");
}

TEST_CASE("progress: never more is drawn than the terminal can take back, also after it was resized") {
  const Terminal terminal;
  ProgressLine progress(terminal.out);
  std::string lines;
  for (int i = 1; i <= 50; ++i) lines += "tenant " + std::to_string(i) + "\n";
  progress.draw(Instant{} + 1s, lines);
  const std::string seen = terminal.seen();
  CHECK(std::ranges::count(seen, '\n') == 9);
  CHECK_THAT(seen, Catch::Matchers::EndsWith("tenant 8\n... and 42 more\n"));
  terminal.resize(9, 4);
  progress.draw(Instant{} + 2s, lines);
  CHECK(terminal.seen() == "\x1b[9A\x1b[Jtenant 1\ntenant 2\n... and \n");
}

TEST_CASE("progress: nothing is drawn on what is no terminal") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  {
    ProgressLine progress(file);
    CHECK_FALSE(progress.drawing());
    progress.draw(Instant{} + 1s, "one");
  }
  CHECK(std::ftell(file) == 0);
  std::fclose(file);
}
