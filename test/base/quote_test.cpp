#include "logzio_okta/base/quote.hpp"

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("quote: what could be an API key is struck out, words and ids stay") {
  const std::string key = "00abcDEF-ghi_JKL0123456789mnopqrSTUVwxyz01";
  CHECK(without_credentials(key) == "[redacted]");
  CHECK(without_credentials("SSWS " + key + ", " + key) == "SSWS [redacted], [redacted]");
  CHECK(without_credentials("https://" + key + ".okta.com/") == "https://[redacted].okta.com/");
  const std::string id = "Yx8i4TqSV1Tth2sbKUsSmwAABXM";
  CHECK(without_credentials("not found: " + id) == "not found: " + id);
  CHECK(without_credentials("").empty());
}

TEST_CASE("quote: thirty characters in a row are the least that could be a credential") {
  const std::string word(credential_bytes_min - 1, 'k');
  CHECK(without_credentials(word + " " + word) == word + " " + word);
  CHECK(without_credentials(word + "k") == "[redacted]");
}

TEST_CASE("quote: names of many words stay, for they are what an error is about") {
  for (const std::string name :
       {"logzio-okta-production-tenants-credentials", "LOGZIO_OKTA_A_VERY_LONG_NAME_OF_A_VARIABLE",
        "550e8400-e29b-41d4-a716-446655440000"}) {
    const std::string path = "/etc/" + name + ".yml cannot be read";
    CHECK(without_credentials(path) == path);
  }
  CHECK(without_credentials("00lower-case-and-yet-it-begins-as-keys-do") == "[redacted]");
  CHECK(without_credentials("Mixed-case-as-only-random-text-would-be") == "[redacted]");
}

TEST_CASE("quote: what looks like a shipping token is struck out wherever it is") {
  const std::string token(32, 'T');
  CHECK(quotable(token) == "[redacted]");
  CHECK(quotable("GET /?token=" + token + "&type=okta failed") == "GET /?token=[redacted]&type=okta failed");
  CHECK(ascii::quote("/etc/" + token) == "\"/etc/[redacted]\"");
}

TEST_CASE("quote: a credential at the cut does not leave its first half") {
  const std::string text = std::string(limits::error_text_bytes_max - 20, '.') + std::string(32, 'T');
  CHECK(quotable(text).find("TTT") == std::string::npos);
  const std::string setting = std::string(limits::quoted_bytes_max - 20, '.') + std::string(32, 'T');
  CHECK(ascii::quote(setting).find("TTT") == std::string::npos);
}

TEST_CASE("quote: a private key is struck out with all its lines, whole or cut off") {
  const std::string kind =
      "EC PRIVATE"
      " KEY-----";
  const std::string head = "-----BEGIN " + kind + "\nMHcC+AQEE/IGx";
  CHECK(without_credentials("a " + head + "+=\n-----END " + kind + " b") == "a [redacted] b");
  CHECK(without_credentials(head) == "[redacted]");
  const std::string certificate = "-----BEGIN CERTIFICATE-----";
  CHECK(without_credentials(certificate) == certificate);
}

TEST_CASE("quote: other text is kept") {
  CHECK(quotable("").empty());
  CHECK(quotable("Internal Server Error 500, listener-eu.logz.io") ==
        "Internal Server Error 500, listener-eu.logz.io");
}
