#include "shell/settings/proxy.hpp"

#include <string>

#include "catch.hpp"

using namespace logzio_okta;

namespace {

bool proxied(const char* no_proxy, const char* host, std::uint16_t port = 443) {
  return Proxy::from("http://proxy.example.com:3128", no_proxy).value().applies_to(host, port);
}

}  // namespace

TEST_CASE("proxy: its display leaves user and password out, its url keeps them") {
  const Proxy proxy = Proxy::from(" http://joe:s%40cret@Proxy.example.com:3128/ ", "").value();
  CHECK(proxy.display == "http://proxy.example.com:3128");
  CHECK(proxy.url.expose() == "http://joe:s%40cret@proxy.example.com:3128");
}

TEST_CASE("proxy: scheme and port may be left out") {
  CHECK(Proxy::from("proxy.example.com:3128", "").value().display == "http://proxy.example.com:3128");
  CHECK(Proxy::from("http://proxy.example.com", "").value().display == "http://proxy.example.com:80");
  CHECK(Proxy::from("https://proxy.example.com", "").value().display == "https://proxy.example.com:443");
}

TEST_CASE("proxy: none is none, whatever NO_PROXY says") {
  const Proxy proxy = Proxy::from("", "example.com").value();
  CHECK_FALSE(proxy.applies_to("acme.okta.com", 443));
}

TEST_CASE("proxy: what cannot be one is an error that quotes no password") {
  for (const char* url :
       {"socks5://joe:s3cret@proxy:1080", "http://joe:s3/cret@proxy:3128", "http://joe:s3cret@",
        "http://joe:s3cret@proxy:3128/path", "http://joe:s3 cret@proxy", "joe:s3cret@proxy:99999"}) {
    const Result<Proxy> proxy = Proxy::from(url, "");
    REQUIRE_FALSE(proxy.has_value());
    CHECK(proxy.error().text.find("HTTPS_PROXY") != std::string::npos);
    CHECK(proxy.error().text.find("s3") == std::string::npos);
  }
}

TEST_CASE("proxy: loopback never goes through it") {
  for (const char* host : {"127.0.0.1", "127.8.9.1", "localhost", "[::1]"}) CHECK_FALSE(proxied("", host));
  CHECK(proxied("", "acme.okta.com"));
}

TEST_CASE("proxy: a name in NO_PROXY covers the host and all below it, with or without a leading dot") {
  for (const char* entry : {"okta.com", ".okta.com", "*.okta.com", "x, OKTA.com ,y", "x okta.com"}) {
    INFO(entry);
    CHECK_FALSE(proxied(entry, "acme.okta.com"));
    CHECK_FALSE(proxied(entry, "okta.com"));
    CHECK(proxied(entry, "notokta.com"));
    CHECK(proxied(entry, "okta.com.example"));
  }
  CHECK_FALSE(proxied("*", "acme.okta.com"));
}

TEST_CASE("proxy: a port in NO_PROXY covers that port only") {
  CHECK_FALSE(proxied("listener.logz.io:8071", "listener.logz.io", 8071));
  CHECK(proxied("listener.logz.io:8071", "listener.logz.io", 443));
  CHECK_FALSE(proxied("[2001:db8::1]:8071", "[2001:db8::1]", 8071));
  CHECK(proxied("[2001:db8::1]:8071", "[2001:db8::1]", 443));
}

TEST_CASE("proxy: addresses and networks in NO_PROXY") {
  CHECK_FALSE(proxied("10.0.0.0/8", "10.1.2.3"));
  CHECK(proxied("10.0.0.0/8", "11.1.2.3"));
  CHECK_FALSE(proxied("10.1.2.0/23", "10.1.3.9"));
  CHECK(proxied("10.1.2.0/23", "10.1.4.9"));
  CHECK_FALSE(proxied("2001:db8::/32", "[2001:db8::7]"));
  CHECK_FALSE(proxied("2001:db8::7", "[2001:db8:0::7]"));
  CHECK_FALSE(proxied("192.0.2.1", "192.0.2.1"));
  CHECK(proxied("2.1", "192.0.2.1"));
  CHECK(proxied("10.0.0.0/99, 10.0.0.0/x, /8", "10.1.2.3"));
  CHECK(proxied("10.0.0.0/8", "ten.example.com"));
}
