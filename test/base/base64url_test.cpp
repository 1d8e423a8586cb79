#include "logzio_okta/base/base64url.hpp"

#include "catch.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

TEST_CASE("base64url: encodes without padding, with the letters of a URL") {
  CHECK(base64url("").empty());
  CHECK(base64url("f") == "Zg");
  CHECK(base64url("fo") == "Zm8");
  CHECK(base64url("foo") == "Zm9v");
  CHECK(base64url("\xfb\xff\xbf"sv) == "-_-_");
}

TEST_CASE("base64url: reads back what it wrote, of any length and any bytes") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK(decode_base64url(base64url(bytes)) == bytes);
    bytes += static_cast<char>(i * 37);
  }
}

TEST_CASE("base64url: strict reading accepts only whole bytes in its own letters") {
  for (const auto wrong : {"Zg=="sv, "Zm9v\n"sv, "+/+/"sv, "Z"sv, "Zh"sv, "Zm9"sv, "Zm 9v"sv, "Zm\0v"sv})
    CHECK_FALSE(decode_base64url(wrong));
}

TEST_CASE("base64url: as people paste it, padding, white space and either alphabet are accepted") {
  CHECK(decode_any_base64("Z m\r\n9\tv") == "foo");
  CHECK(decode_any_base64("Zg==") == "f");
  CHECK(decode_any_base64("+/-_") == decode_any_base64("-_+/"));
  CHECK_FALSE(decode_any_base64("Zm9v!"));
  CHECK_FALSE(decode_any_base64("Zg==Zg=="));
}

}  // namespace
}  // namespace logzio_okta
