#include "logzio_okta/http/url.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

std::string origin_text(std::string_view text) {
  const auto url = parse_url(text);
  return url ? url->origin.text() : "refused";
}

std::string target_of(std::string_view text) {
  const auto url = parse_url(text);
  return url ? url->target : "refused";
}

}  // namespace

TEST_CASE("url: scheme, host and port, with the scheme's own port left out of the text") {
  const auto url = parse_url("HTTPS://Acme.OKTA.com:8443/api/v1/logs?after=1#top");
  REQUIRE(url);
  REQUIRE(url->origin == Origin{"https", "acme.okta.com", 8443});
  REQUIRE(url->target == "/api/v1/logs?after=1");
  REQUIRE(url->origin.text() == "https://acme.okta.com:8443");
  REQUIRE(origin_text("https://acme.okta.com:443/") == "https://acme.okta.com");
  REQUIRE(origin_text("http://acme.okta.com:80/") == "http://acme.okta.com");
  REQUIRE(origin_text("http://acme.okta.com:443/") == "http://acme.okta.com:443");
}

TEST_CASE("url: the target stays as written and is never empty") {
  REQUIRE(target_of("https://h.example") == "/");
  REQUIRE(target_of("https://h.example?x=/") == "/?x=/");
  REQUIRE(target_of("https://h.example#x") == "/");
  REQUIRE(target_of("https://h.example/a/../b//c;d?e=%2F&f=a:b@c") == "/a/../b//c;d?e=%2F&f=a:b@c");
}

TEST_CASE("url: addresses are hosts too") {
  REQUIRE(origin_text("http://127.0.0.1:9001/x") == "http://127.0.0.1:9001");
  REQUIRE(origin_text("http://[::1]:9001/x") == "http://[::1]:9001");
  REQUIRE(origin_text("http://[FE80::1]") == "http://[fe80::1]");
  REQUIRE(origin_text("https://localhost") == "https://localhost");
  REQUIRE(origin_text("https://under_score.example.") == "https://under_score.example.");
}

TEST_CASE("url: what two parsers could read differently is refused") {
  for (const auto* text : {"",
                           "acme.okta.com",
                           "//acme.okta.com/",
                           "/api/v1/logs",
                           "ftp://acme.okta.com/",
                           "httpss://acme.okta.com/",
                           " https://acme.okta.com/",
                           "https:/acme.okta.com/",
                           "https:///path",
                           "https://",
                           "https://user@acme.okta.com/",
                           "https://user:password@acme.okta.com/",
                           "https://acme.okta.com\\@evil.example/",
                           "https://acme.okta.com/\\x",
                           "https://acme.okta.com/a b",
                           "https://acme.okta.com/a\tb",
                           "https://acme.okta.com/a\r\nX: y",
                           "https://acme.okta.com/\xC3\xA9",
                           "https://acm\xC3\xA9.okta.com/",
                           "https://acme%2eokta.com/",
                           "https://acme..okta.com/",
                           "https://.okta.com/",
                           "https://./",
                           "https://acme.okta.com:/",
                           "https://acme.okta.com:x/",
                           "https://acme.okta.com:-1/",
                           "https://acme.okta.com:0/",
                           "https://acme.okta.com:0443/",
                           "https://acme.okta.com:65536/",
                           "https://acme.okta.com:443443/",
                           "https://a:b:443/",
                           "https://127.1/",
                           "https://2130706433/",
                           "https://0x7f000001/",
                           "https://127.0.0.0x1/",
                           "https://127.0.0.01/",
                           "https://127.0.0.256/",
                           "https://1.2.3.4.5/",
                           "https://[::1/",
                           "https://::1/",
                           "https://[]/",
                           "https://[::1]x/",
                           "https://[::1%25eth0]/",
                           "https://[1:2:3:4:5:6:7]/",
                           "https://[1:2:3:4:5:6:7:8:9]/",
                           "https://[1::2::3]/",
                           "https://[12345::]/"}) {
    INFO(text);
    REQUIRE_FALSE(parse_url(text));
  }
  REQUIRE_FALSE(parse_url(std::string_view("https://acme.okta.com/\0x", 24)));
}

TEST_CASE("url: the path ends at the question mark") {
  REQUIRE(path_of("/api/v1/logs?since=x?y") == "/api/v1/logs");
  REQUIRE(path_of("/api/v1/logs") == "/api/v1/logs");
  REQUIRE(path_of("").empty());
}

TEST_CASE("url: loopback is 127.0.0.0/8, [::1] and localhost") {
  for (const auto* host : {"127.0.0.1", "127.255.1.2", "[::1]", "localhost", "LocalHost"}) {
    INFO(host);
    REQUIRE(is_loopback(host));
  }
  for (const auto* host : {"127.0.0.1.example.com", "127.example", "127.1", "128.0.0.1", "0.0.0.0", "::1",
                           "[::2]", "localhost.example", "localhost.", ""}) {
    INFO(host);
    REQUIRE_FALSE(is_loopback(host));
  }
}

TEST_CASE("url: IP addresses are recognised in their usual forms") {
  for (const auto* host : {"10.0.0.1", "255.255.255.255", "[::]", "[2001:db8::1]", "[::ffff:10.0.0.1]",
                           "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:10.0.0.1]"}) {
    INFO(host);
    REQUIRE(is_ip_address(host));
  }
  for (const auto* host : {"", "10.0.0", "10.0.0.1.", "a.b.c.d", "2001:db8::1", "[10.0.0.1]", "[:::]",
                           "[1:2]", "[::10.0.0]", "[10.0.0.1::]", "[g::]"}) {
    INFO(host);
    REQUIRE_FALSE(is_ip_address(host));
  }
}
