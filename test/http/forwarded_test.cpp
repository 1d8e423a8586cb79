#include "logzio_okta/http/forwarded.hpp"

#include <string>
#include <vector>

#include "catch.hpp"

using namespace logzio_okta;
using Stage = ProxyHeader::Stage;

namespace {

using namespace std::string_literals;

IpAddress at(std::string_view text) {
  return IpAddress::parse(text).value();
}

struct Heard {
  Stage stage = Stage::reading;
  std::optional<IpAddress> client;
  std::size_t taken = 0;
};

Heard hear(std::string_view bytes, std::size_t piece = std::string_view::npos) {
  ProxyHeader header;
  std::size_t taken = 0;
  while (taken < bytes.size() && header.stage() == Stage::reading)
    taken += header.feed(bytes.substr(taken, piece));
  REQUIRE(header.taken() == bytes.substr(0, taken));
  return {header.stage(), header.client(), taken};
}

const std::string start = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string v4 = "\xc0\0\x02\x01\x7f\0\0\x01\xc3\x50\x01\xbb"s;

std::string binary(char command, char family, const std::string& rest) {
  return start + command + family + static_cast<char>(rest.size() >> 8U) +
         static_cast<char>(rest.size() & 0xffU) + rest;
}

std::optional<IpAddress> client_of(const std::string& headers) {
  const std::vector<IpBlock> proxies = {IpBlock::parse("10.0.0.0/8").value()};
  RequestReader reader{0};
  reader.feed("GET / HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n");
  REQUIRE(reader.stage() == RequestReader::Stage::headed);
  return forwarded_client(reader, proxies);
}

}  // namespace

TEST_CASE("forwarded: the PROXY protocol is read alike however it is cut, and no byte after it") {
  const std::size_t piece = GENERATE(1U, 5U, 1000U);
  const std::string behind = "\x16\x03\x01 and more";
  const std::string text = "PROXY TCP4 192.0.2.1 127.0.0.1 50000 443\r\n";
  const Heard first = hear(text + behind, piece);
  REQUIRE(first.stage == Stage::whole);
  REQUIRE(first.client == at("192.0.2.1"));
  REQUIRE(first.taken == text.size());

  const std::string bytes = binary('\x21', '\x11', v4 + "\x04\0\x01x"s);
  const Heard second = hear(bytes + behind, piece);
  REQUIRE(second.stage == Stage::whole);
  REQUIRE(second.client == at("192.0.2.1"));
  REQUIRE(second.taken == bytes.size());
}

TEST_CASE("forwarded: a proxy may speak for itself, or for somebody it does not name") {
  REQUIRE(hear("PROXY TCP6 2001:db8::1 ::1 50000 443\r\n").client == at("2001:db8::1"));
  const std::string v6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s + std::string(20, '\0');
  REQUIRE(hear(binary('\x21', '\x21', v6)).client == at("2001:db8::1"));
  for (const std::string& words :
       {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"s, binary('\x20', '\0', ""),
        binary('\x20', '\x11', v4), binary('\x21', '\0', ""), binary('\x21', '\x31', "path")}) {
    CAPTURE(words);
    const Heard heard = hear(words);
    REQUIRE(heard.stage == Stage::whole);
    REQUIRE_FALSE(heard.client);
  }
}

TEST_CASE(
    "forwarded: what begins otherwise is not the PROXY protocol, and what only begins like it is broken") {
  REQUIRE_FALSE(ProxyHeader::may_begin_with('\x16'));
  REQUIRE_FALSE(ProxyHeader::may_begin_with('G'));
  for (const std::string& other : {"POST / HTTP/1.1\r\n"s, "PROPFIND /"s, "\r\nGET /"s, "PROXYTCP4"s}) {
    CAPTURE(other);
    REQUIRE(hear(other).stage == Stage::absent);
  }
  for (const std::string& bad :
       {"PROXY TCP4 192.0.2.1\r\n"s, "PROXY TCP6 192.0.2.1 127.0.0.1 1 2\r\n"s,
        "PROXY TCP4 x 127.0.0.1 1 2\r\n"s, "PROXY UDP4 192.0.2.1 127.0.0.1 1 2\r\n"s, "PROXY \n"s,
        "PROXY \r\n"s, "PROXY " + std::string(200, 'x'), binary('\x11', '\x11', v4),
        binary('\x22', '\x11', v4), binary('\x21', '\x11', "short"), binary('\x21', '\x21', v4),
        binary('\x21', '\x11', std::string(limits::proxy_header_bytes_max, 'x'))}) {
    CAPTURE(bad);
    REQUIRE(hear(bad).stage == Stage::broken);
    REQUIRE_FALSE(hear(bad).client);
  }
}

TEST_CASE("forwarded: the last address that is no proxy's own is the client") {
  REQUIRE(client_of("X-Forwarded-For: 192.0.2.1\r\n") == at("192.0.2.1"));
  REQUIRE(client_of("X-Forwarded-For: 198.51.100.1, 192.0.2.1 , 10.0.0.1\r\n") == at("192.0.2.1"));
  REQUIRE(client_of("X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 192.0.2.1:4711\r\n") ==
          at("192.0.2.1"));
  REQUIRE(client_of("X-Forwarded-For: [2001:db8::1]:80\r\n") == at("2001:db8::1"));
  REQUIRE(client_of("X-Forwarded-For: 2001:db8::1\r\n") == at("2001:db8::1"));
  REQUIRE(client_of("Forwarded: for=192.0.2.1;proto=http;by=10.0.0.1\r\n") == at("192.0.2.1"));
  REQUIRE(client_of("Forwarded: for=198.51.100.1, proto=https; FOR=\"[2001:db8::1]:80\"\r\n") ==
          at("2001:db8::1"));
  REQUIRE(client_of("Forwarded: for=198.51.100.1\r\nX-Forwarded-For: 192.0.2.1\r\n") == at("192.0.2.1"));

  REQUIRE_FALSE(client_of(""));
  REQUIRE_FALSE(client_of("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"));
  // An unreadable element ends the search: the client itself may have written what precedes it.
  REQUIRE_FALSE(client_of("X-Forwarded-For: 192.0.2.1, unknown\r\n"));
  REQUIRE_FALSE(client_of("Forwarded: for=192.0.2.1, for=_hidden\r\n"));
  REQUIRE_FALSE(client_of("X-Forwarded-For:\r\n"));
}
