#include "logzio_okta/logzio/quote.hpp"

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using logzio_okta::quotable;

TEST_CASE("quote: what looks like a shipping token is struck out wherever it stands") {
  const std::string token(32, 'T');
  REQUIRE(quotable(token) == "[redacted]");
  REQUIRE(quotable("GET /?token=" + token + "&type=okta failed") ==
          "GET /?token=[redacted]&type=okta failed");
}

TEST_CASE("quote: a token at the cut does not leave its first half behind") {
  const std::string text =
      std::string(logzio_okta::limits::error_text_bytes_max - 20, '.') + std::string(32, 'T');
  REQUIRE(quotable(text).find("TTT") == std::string::npos);
}

TEST_CASE("quote: other text is kept") {
  REQUIRE(quotable("") == "");
  REQUIRE(quotable("Internal Server Error 500, listener-eu.logz.io") ==
          "Internal Server Error 500, listener-eu.logz.io");
  REQUIRE(quotable(std::string(31, 'a')) == std::string(31, 'a'));
}
