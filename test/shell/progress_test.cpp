#include "shell/progress.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "catch.hpp"

using namespace logzio_okta;

namespace {

/// A terminal of 40 columns, and what was written to it.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    REQUIRE(master_ >= 0);
    REQUIRE((::grantpt(master_) == 0 && ::unlockpt(master_) == 0));
    out = std::fopen(::ptsname(master_), "w");
    REQUIRE(out != nullptr);
    const winsize size{.ws_row = 24, .ws_col = 40, .ws_xpixel = 0, .ws_ypixel = 0};
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
