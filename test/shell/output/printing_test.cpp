#include "shell/output/printing.hpp"

#include <array>
#include <string>

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "catch.hpp"
#include "shell/temp_dir.hpp"

namespace logzio_okta {
namespace {

/// What arrives at the other end of a terminal.
std::string on_terminal(std::string_view text) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(master >= 0);
  REQUIRE(::grantpt(master) == 0);
  REQUIRE(::unlockpt(master) == 0);
  const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  REQUIRE(slave >= 0);
  termios raw{};
  REQUIRE(::tcgetattr(slave, &raw) == 0);
  ::cfmakeraw(&raw);
  REQUIRE(::tcsetattr(slave, TCSANOW, &raw) == 0);
  std::FILE* const out = ::fdopen(slave, "w");
  CHECK(print(out, text));
  CHECK(std::fflush(out) == 0);
  std::array<char, 1024> seen{};
  const ssize_t size = ::read(master, seen.data(), seen.size());
  std::fclose(out);
  ::close(master);
  return {seen.data(), static_cast<std::size_t>(size)};
}

std::string in_file(std::string_view text) {
  const test::TempDir dir;
  std::FILE* const out = std::fopen((dir / "out").c_str(), "w");
  CHECK(print(out, text));
  std::fclose(out);
  return test::read_file(dir / "out");
}

}  // namespace

TEST_CASE("printing: escapes are shown on a terminal, and go into a pipe unchanged") {
  struct Row {
    std::string bytes;
    std::string shown;
  };
  for (const Row& row : {Row{"\x1b]0;title\x07", "\\x1b]0;title\\x07"}, Row{"\x1b[2J", "\\x1b[2J"},
                         Row{"\xc2\x9b"
                             "31m",
                             "\\xc2\\x9b31m"},
                         Row{"a\rb", "a\\x0db"}, Row{"\x7f", "\\x7f"},
                         Row{"\xe2\x80\xae"
                             "cba",
                             "\\xe2\\x80\\xaecba"},
                         Row{"\x9b"
                             "31m",
                             "\\x9b31m"}}) {
    CAPTURE(row.shown);
    CHECK(on_terminal(row.bytes) == row.shown);
    CHECK(in_file(row.bytes) == row.bytes);
  }
}

TEST_CASE("printing: lines, tabs and every language stay as they are") {
  const std::string text = "{\"a\":\"\u00fcber \u65e5\u672c\"}\n\tb\n";
  CHECK(on_terminal(text) == text);
}

}  // namespace logzio_okta
