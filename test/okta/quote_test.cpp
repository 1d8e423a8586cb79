#include "logzio_okta/okta/quote.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("okta quote: what could be an API key is struck out, words and ids stay") {
  const std::string key = "00abcDEF-ghi_JKL0123456789mnopqrSTUVwxyz01";
  CHECK(without_keys(key) == "[redacted]");
  CHECK(without_keys("SSWS " + key + ", " + key) == "SSWS [redacted], [redacted]");
  CHECK(without_keys("https://" + key + ".okta.com/") == "https://[redacted].okta.com/");
  const std::string id = "Yx8i4TqSV1Tth2sbKUsSmwAABXM";
  CHECK(without_keys("not found: " + id) == "not found: " + id);
  CHECK(without_keys("").empty());
}

TEST_CASE("okta quote: thirty characters in a row are the least that could be a key") {
  const std::string word(key_like_bytes_min - 1, 'k');
  CHECK(without_keys(word + " " + word) == word + " " + word);
  CHECK(without_keys(word + "k") == "[redacted]");
}
