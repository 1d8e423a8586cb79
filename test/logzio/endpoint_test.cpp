#include "logzio_okta/logzio/endpoint.hpp"

#include "catch.hpp"

using logzio_okta::Endpoint;
using logzio_okta::Protocol;

namespace {

std::string read(std::string_view text) {
  const auto endpoint = Endpoint::parse(text);
  return endpoint ? endpoint->text() : endpoint.error().text;
}

/// The error, which must be one line.
std::string refusal(std::string_view text) {
  const auto endpoint = Endpoint::parse(text);
  REQUIRE_FALSE(endpoint.has_value());
  REQUIRE(endpoint.error().text.find('\n') == std::string::npos);
  REQUIRE_FALSE(endpoint.error().text.ends_with('.'));
  return endpoint.error().text;
}

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("endpoint: a host by itself is HTTPS bulk at port 8071") {
  const auto endpoint = Endpoint::parse("listener.logz.io");
  REQUIRE(endpoint.has_value());
  REQUIRE(endpoint->protocol == Protocol::https_bulk);
  REQUIRE(endpoint->host == "listener.logz.io");
  REQUIRE(endpoint->port == 8071);
}

TEST_CASE("endpoint: the port names the protocol, as at Logz.io") {
  REQUIRE(read("listener.logz.io:8071") == "https://listener.logz.io:8071");
  REQUIRE(read("listener.logz.io:5052") == "tls://listener.logz.io:5052");
  REQUIRE(read("127.0.0.1:8070") == "http://127.0.0.1:8070");
  REQUIRE(read("localhost:5050") == "tcp://localhost:5050");
}

TEST_CASE("endpoint: a scheme says the protocol for any port and chooses the port where none is given") {
  REQUIRE(read("https://listener.logz.io") == "https://listener.logz.io:8071");
  REQUIRE(read("tls://listener.logz.io") == "tls://listener.logz.io:5052");
  REQUIRE(read("http://listener.logz.io") == "http://listener.logz.io:8070");
  REQUIRE(read("tcp://listener.logz.io") == "tcp://listener.logz.io:5050");
  REQUIRE(read("tls://listener.logz.io:443") == "tls://listener.logz.io:443");
  REQUIRE(read("HTTPS://relay.example.com:9999") == "https://relay.example.com:9999");
}

TEST_CASE("endpoint: what people paste is forgiven") {
  REQUIRE(read(" Listener-EU.logz.io/ \n") == "https://listener-eu.logz.io:8071");
  REQUIRE(read("https://listener.logz.io:8071/") == "https://listener.logz.io:8071");
  REQUIRE(read("[::1]:8070") == "http://[::1]:8070");
}

TEST_CASE("endpoint: the old image's port gets an error that names 8071") {
  REQUIRE_THAT(refusal("listener.logz.io:5006"), Contains("5006") && Contains("\"listener.logz.io:8071\""));
  REQUIRE_THAT(refusal("tls://listener.logz.io:5006"), Contains("8071"));
  REQUIRE_THAT(refusal("listener.logz.io:5015"), Contains("8071"));
}

TEST_CASE("endpoint: a host longer than any name is refused, and not quoted whole") {
  std::string host(253, 'a');
  for (const std::size_t dot : {60U, 120U, 180U, 240U}) host[dot] = '.';
  REQUIRE(Endpoint::parse(host).has_value());
  const std::string said = refusal(host + "a");
  REQUIRE_THAT(said, Contains("is not a host name"));
  REQUIRE(said.size() < 200);
}

TEST_CASE("endpoint: cleartext beyond loopback needs its scheme written out") {
  REQUIRE_THAT(refusal("listener.logz.io:5050"),
               Contains("unencrypted") && Contains("tcp://listener.logz.io:5050"));
  REQUIRE_THAT(refusal("listener.logz.io:8070"), Contains("http://listener.logz.io:8070"));
  REQUIRE(read("tcp://listener.logz.io:5050") == "tcp://listener.logz.io:5050");
}

TEST_CASE("endpoint: a port that names no protocol is refused with those that do") {
  REQUIRE_THAT(refusal("listener.logz.io:443"), Contains("8071") && Contains("5052") && Contains("8070") &&
                                                    Contains("5050") &&
                                                    Contains("https://listener.logz.io:443"));
}

TEST_CASE("endpoint: what is no listener is refused with what to write instead") {
  REQUIRE_THAT(refusal(""), Contains("listener.logz.io"));
  REQUIRE_THAT(refusal("https://"), Contains("listener.logz.io"));
  REQUIRE_THAT(refusal(":8071"), Contains("listener.logz.io"));
  REQUIRE_THAT(refusal("ftp://listener.logz.io"), Contains("https://"));
  REQUIRE_THAT(refusal("listener.logz.io:0"), Contains("not a port"));
  REQUIRE_THAT(refusal("listener.logz.io:"), Contains("not a port"));
  REQUIRE_THAT(refusal("listener.logz.io:65536"), Contains("not a port"));
  REQUIRE_THAT(refusal("listener.logz.io:80x"), Contains("not a port"));
  REQUIRE_THAT(refusal("fe80::1:8071"), Contains("brackets"));
  REQUIRE_THAT(refusal("listener logz.io"), Contains("not a host name"));
  REQUIRE_THAT(refusal("listener\nlogz.io"), Contains("not a host name"));
  REQUIRE_THAT(refusal("l\xc3\xafstener.logz.io"), Contains("not a host name"));
  REQUIRE_THAT(refusal("<<LISTENER-HOST>>"), Contains("placeholder"));
  REQUIRE_THAT(refusal("https://listener.logz.io:8071/bulk"), Contains("\"listener.logz.io:8071\""));
}

TEST_CASE("endpoint: a credential in the wrong place is refused and never repeated") {
  const std::string token = "abcdefghijklmnopABCDEFGHIJKLMNOP";
  for (const std::string& text :
       {token, "https://listener.logz.io:8071/?token=" + token, "https://me:" + token + "@listener.logz.io",
        "listener.logz.io:" + token, token + "://listener.logz.io", "listener.logz.io?" + token}) {
    REQUIRE_THAT(refusal(text), !Contains("ABCDEFGH"));
  }
}

TEST_CASE("endpoint: a region names its listener, in any case; the error for any other says what to write") {
  for (const auto& [region, host] :
       {std::pair("us", "listener.logz.io"), std::pair("US", "listener.logz.io"),
        std::pair(" Eu ", "listener-eu.logz.io"), std::pair("uk", "listener-uk.logz.io"),
        std::pair("ca", "listener-ca.logz.io"), std::pair("AU", "listener-au.logz.io")}) {
    CAPTURE(region);
    REQUIRE(Endpoint::of_region(region).value() == Endpoint::parse(host).value());
  }
  const auto error = [](const char* text) { return Endpoint::of_region(text).error().text; };
  REQUIRE_THAT(error("de"), Contains("us, eu, uk, ca or au"));
  REQUIRE_THAT(error("eu-central-1"), Contains("write eu"));
  REQUIRE_THAT(error("listener-eu.logz.io"), Contains("LOGZIO_LISTENER_HOST"));
  REQUIRE_THAT(error("abcdefghijklmnopABCDEFGHijklmnop"), !Contains("ABCDEFGH"));
}

TEST_CASE("endpoint: another name of Logz.io's, or half of one, is answered with the listener's") {
  const auto error = [](const char* text) { return Endpoint::parse(text).error().text; };
  for (const char* const eu :
       {"eu", "EU", "eu-central-1", "listener-eu", "listener.eu.logz.io", "app-eu.logz.io",
        "https://api-eu.logz.io", "otlp-listener-eu.logz.io", "listener-eu:8071"}) {
    CAPTURE(eu);
    REQUIRE_THAT(error(eu), Contains("write listener-eu.logz.io"));
  }
  REQUIRE_THAT(error("eu"), Contains("is a region, not a host") && Contains("LOGZIO_REGION"));
  for (const char* const us :
       {"us", "us-east-1", "listener-us", "listener-us.logz.io", "app.logz.io", "logz.io", "api.logz.io",
        "otlp-listener.logz.io", "okta.listener-logz.io", "aws-firehose-logs-listener.logz.io"}) {
    CAPTURE(us);
    REQUIRE_THAT(error(us), Contains("write listener.logz.io"));
  }
  for (const char* const good :
       {"listener.logz.io", "listener-au.logz.io", "listener-nl.logz.io", "listener-eu-catest.logz.io",
        "listener", "relay", "app.example.com", "api.internal", "listener.example.com"}) {
    CAPTURE(good);
    REQUIRE(Endpoint::parse(good).has_value());
  }
}
