#include "logzio_okta/base/text.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("text: printable replaces every control and non-ASCII byte") {
  REQUIRE(printable("plain ~ text") == "plain ~ text");
  REQUIRE(printable("two\r\nlines\x1b[31m") == "two??lines?[31m");
  REQUIRE(printable("M\xC3\xBCller\x7f") == "M??ller?");
  REQUIRE(printable(std::string_view("\0", 1)) == "?");
}

TEST_CASE("text: printable cuts a long text to the bound and shows that it did") {
  const std::string exact(limits::error_text_bytes_max, 'x');
  REQUIRE(printable(exact) == exact);
  const std::string cut = printable(exact + "y");
  REQUIRE(cut.size() == limits::error_text_bytes_max);
  REQUIRE(cut.substr(cut.size() - 4) == "x...");
  REQUIRE(printable("abcdef", 5) == "ab...");
}

TEST_CASE("text: a quotation stays short") {
  REQUIRE(ascii::quote("acme") == "\"acme\"");
  REQUIRE(ascii::quote(std::string(1000, '.')).size() == limits::quoted_bytes_max + 2);
}

TEST_CASE("text: a whole number is digits and nothing else") {
  REQUIRE(ascii::whole_number("0") == 0U);
  REQUIRE(ascii::whole_number("007") == 7U);
  REQUIRE(ascii::whole_number("18446744073709551615") == 18446744073709551615U);
  for (const auto* text : {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "18446744073709551616"}) {
    INFO(text);
    REQUIRE_FALSE(ascii::whole_number(text));
  }
}

TEST_CASE("text: case and white space are ASCII only") {
  REQUIRE(ascii::lower("ACME.Okta-9_\xC4") == "acme.okta-9_\xC4");
  REQUIRE(ascii::equal_ignoring_case("Retry-AFTER", "retry-after"));
  REQUIRE_FALSE(ascii::equal_ignoring_case("link", "links"));
  REQUIRE_FALSE(ascii::equal_ignoring_case("[", "{"));  // 32 apart, like letters of two cases.
  REQUIRE(ascii::trim(" \t\r\n a b \n") == "a b");
  REQUIRE(ascii::trim(" \n ").empty());
  REQUIRE(ascii::trim("\xC2\xA0x") == "\xC2\xA0x");
}

TEST_CASE("text: sizes are shown in the usual unit") {
  REQUIRE(describe_bytes(0) == "0 bytes");
  REQUIRE(describe_bytes(1) == "1 byte");
  REQUIRE(describe_bytes(1023) == "1023 bytes");
  REQUIRE(describe_bytes(1024) == "1.0 KiB");
  REQUIRE(describe_bytes(3500) == "3.4 KiB");
  REQUIRE(describe_bytes(256 * limits::MiB) == "256 MiB");
  REQUIRE(describe_bytes(5000 * limits::MiB) == "4.8 GiB");
  REQUIRE(describe_bytes(UINT64_MAX) == "17179869183 GiB");
}
