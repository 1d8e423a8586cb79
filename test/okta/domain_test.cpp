#include "logzio_okta/okta/domain.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

std::string origin_of(std::string_view text) {
  const auto domain = Domain::parse(text);
  return domain ? domain->origin().text() : "refused: " + domain.error().text;
}

std::string refusal(std::string_view text) {
  const auto domain = Domain::parse(text);
  INFO(text);
  REQUIRE_FALSE(domain);
  const std::string& said = domain.error().text;
  REQUIRE(said.find_first_of("\r\n") == std::string::npos);
  REQUIRE(said.size() < 300);
  return said;
}

bool says(const std::string& text, std::string_view part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("domain: what people paste is forgiven") {
  for (const auto* text :
       {"acme.okta.com", "ACME.Okta.com", "  acme.okta.com\t\r\n", "https://acme.okta.com",
        "HTTPS://acme.okta.com/", "https://acme.okta.com/oauth2/default", "acme.okta.com/api/v1/logs?limit=1",
        "acme.okta.com#x", "https://acme.okta.com:443", "acme.okta.com."}) {
    INFO(text);
    REQUIRE(origin_of(text) == "https://acme.okta.com");
    REQUIRE(Domain::parse(text)->name() == "acme.okta.com");
  }
}

TEST_CASE("domain: custom domains and every zone of Okta are allowed over HTTPS") {
  for (const auto* text :
       {"login.example.com", "dev-123456.okta.com", "acme.oktapreview.com", "acme.okta-emea.com",
        "acme.okta-gov.com", "acme.okta.mil", "xn--mnchen-3ya.example", "admin.okta.com"}) {
    INFO(text);
    REQUIRE(Domain::parse(text));
  }
  REQUIRE(origin_of("login.example.com:8443") == "https://login.example.com:8443");
  REQUIRE(Domain::parse("login.example.com:8443")->name() == "login.example.com:8443");
}

TEST_CASE("domain: a loopback address may go without TLS") {
  REQUIRE(origin_of("http://127.0.0.1:9001") == "http://127.0.0.1:9001");
  REQUIRE(Domain::parse("http://127.0.0.1:9001/")->name() == "127.0.0.1:9001");
  REQUIRE(origin_of("http://[::1]:9001") == "http://[::1]:9001");
  REQUIRE(origin_of("http://localhost") == "http://localhost");
  REQUIRE(origin_of("127.0.0.1:9001") == "https://127.0.0.1:9001");
  REQUIRE(origin_of("https://localhost:9001") == "https://localhost:9001");
  REQUIRE(says(refusal("http://acme.okta.com/x"), "use https://acme.okta.com"));
  REQUIRE(says(refusal("http://127.0.0.1.example.com"), "use https://127.0.0.1.example.com"));
}

TEST_CASE("domain: equal when scheme, host and port are") {
  REQUIRE(*Domain::parse("acme.okta.com") == *Domain::parse("https://ACME.okta.com:443/x"));
  REQUIRE_FALSE(*Domain::parse("acme.okta.com") == *Domain::parse("acme.okta.com:8443"));
  REQUIRE_FALSE(*Domain::parse("http://localhost:1") == *Domain::parse("https://localhost:1"));
}

TEST_CASE("domain: an admin console's address is refused with the right one") {
  REQUIRE(refusal("https://Acme-admin.okta.com/admin/dashboard") ==
          "\"https://Acme-admin.okta.com/admin/dashboard\" is the address of the admin console: use "
          "acme.okta.com");
  REQUIRE(says(refusal("acme-admin.oktapreview.com"), "use acme.oktapreview.com"));
  REQUIRE(says(refusal("acme-admin.okta-emea.com"), "use acme.okta-emea.com"));
  REQUIRE(Domain::parse("okta-admin.example.com"));  // A customer's own domain may be called so.
}

TEST_CASE("domain: an IP address is refused, even in disguise") {
  for (const auto* text : {"10.0.0.1", "https://93.184.216.34/", "[2001:db8::1]", "https://[::2]:443",
                           "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    REQUIRE(says(refusal(text), "is an IP address"));
  }
  for (const auto* text : {"127.1", "127.0.0.01", "10.0.0.0x1", "1.2.3.4.5"}) {
    REQUIRE(says(refusal(text), "is not a host name"));
  }
}

TEST_CASE("domain: a password is never quoted back") {
  REQUIRE(refusal("https://admin:hunter2@acme.okta.com/x") ==
          "it contains a user name or a password; an Okta org's address has neither: write acme.okta.com");
  for (const auto* text :
       {"user:hunter2@", "https://u:hunter2/x@acme", "hunter2@acme.okta.com@", "@@", "u:hunter2@10.0.0.1"}) {
    const std::string said = refusal(text);
    REQUIRE(says(said, "user name or a password"));
    REQUIRE_FALSE(says(said, "hunter2"));
  }
}

TEST_CASE("domain: an API key in the wrong place is never quoted back") {
  const std::string key = "00QCjAl4MlV-WPXM_ABcdefghijklmnopqrstuvwxy";
  REQUIRE(says(refusal(key), "this is an API key, not an address"));
  for (const auto& text : {"https://" + key, "SSWS " + key, key + "/acme.okta.com", "acme.okta.com " + key,
                           "http://acme.okta.com/?token=" + key, key + ":x"}) {
    REQUIRE_FALSE(says(refusal(text), key.substr(0, 12)));
  }
}

TEST_CASE("domain: what is no host name says so and gives an example") {
  for (const auto* text : {"", "   ", "acme", "https://", "/", "acme_corp.okta.com", "acme..okta.com",
                           ".okta.com", "-acme.okta.com", "acme-.okta.com", "acme okta.com",
                           "acm\xC3\xA9.okta.com", "acme.okta.com\\x", "ftp://acme.okta.com", "acme,okta.com",
                           "*.okta.com", "acme.okta.com, other.okta.com", "${OKTA_DOMAIN}", "[::1"}) {
    REQUIRE(says(refusal(text), "acme.okta.com"));
  }
  REQUIRE(says(refusal("acme_corp.okta.com"), "underscore"));
  REQUIRE(says(refusal("acme"), "not a full host name"));
  REQUIRE(says(refusal(std::string(64, 'a') + ".okta.com"), "is not a host name"));
  std::string long_name;
  while (long_name.size() < 260) long_name += "label.";
  REQUIRE(says(refusal(long_name + "com"), "longer than any host name"));
}

TEST_CASE("domain: a port is a number from 1 to 65535") {
  for (const auto* text : {"acme.okta.com:", "acme.okta.com:x", "acme.okta.com:0", "acme.okta.com:65536",
                           "acme.okta.com:443:443", "https://127.0.0.1:99999"}) {
    REQUIRE(says(refusal(text), "port that is not a number"));
  }
}

TEST_CASE("domain: control bytes of the text never reach the error") {
  REQUIRE(says(refusal("ac\x1b[31mme.okta.com"), "\"ac?[31mme.okta.com\""));
  REQUIRE(says(refusal(std::string("a\0b.okta.com", 12)), "\"a?b.okta.com\""));
}
