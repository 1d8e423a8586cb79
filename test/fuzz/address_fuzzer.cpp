// URLs, domains and endpoints. A credential leaks when two parsers read an address differently: an address
// that ours accepts must mean the same place to libcurl, which makes the connection.
#include <memory>
#include <string>

#include <curl/curl.h>

#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/logzio/endpoint.hpp"
#include "logzio_okta/okta/domain.hpp"

#include "fuzz/input.hpp"

using namespace logzio_okta;

namespace {

struct CurlFree {
  void operator()(char* text) const { curl_free(text); }
};

std::string part_of(CURLU* url, CURLUPart part, unsigned flags) {
  char* raw = nullptr;
  if (curl_url_get(url, part, &raw, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, CurlFree> text(raw);
  return text.get();
}

void same_for_curl(const Origin& origin, const std::string& text, std::string_view target) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_PATH_AS_IS);
  if (code != CURLUE_OK) return;  // Refused: no connection is made.
  CHECK(part_of(url.get(), CURLUPART_SCHEME, 0) == origin.scheme);
  CHECK(ascii::lower(part_of(url.get(), CURLUPART_HOST, 0)) == origin.host || is_ip_address(origin.host));
  CHECK(part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT) == std::to_string(origin.port));
  CHECK(part_of(url.get(), CURLUPART_USER, 0).empty());
  CHECK(part_of(url.get(), CURLUPART_PASSWORD, 0).empty());
  CHECK(part_of(url.get(), CURLUPART_PATH, 0) == path_of(target));
}

void judge_origin(const Origin& origin) {
  CHECK(origin.scheme == "https" || origin.scheme == "http");
  CHECK(!origin.host.empty() && origin.host == ascii::lower(origin.host));
  CHECK(origin.host.find_first_of("@/\\?#% \t\r\n") == std::string::npos);
  const auto again = parse_url(origin.text());
  CHECK(again && again->origin == origin && again->target == "/");
  same_for_curl(origin, origin.text() + "/", "/");
}

/// For people: one line, printable, of bounded length.
void judge_complaint(const std::string& text) {
  CHECK(!text.empty() && text.size() < 600);
  for (const char c : text) CHECK(c >= ' ' && c <= '~');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);

  if (const auto url = parse_url(text)) {
    judge_origin(url->origin);
    CHECK(url->target.starts_with('/'));
    CHECK(text.contains(url->target) || text.contains(url->target.substr(1)));
    same_for_curl(url->origin, text, url->target);
    const auto again = parse_url(url->origin.text() + url->target);
    CHECK(again && again->origin == url->origin && again->target == url->target);
  }
  if (const auto domain = Domain::parse(text)) {
    judge_origin(domain->origin());
    CHECK(domain->origin().scheme == "https" || is_loopback(domain->origin().host));
    CHECK(!is_ip_address(domain->origin().host) || is_loopback(domain->origin().host));
    const auto again = Domain::parse(domain->origin().text());
    CHECK(again && *again == *domain && again->name() == domain->name());
  } else {
    judge_complaint(domain.error().text);
  }
  if (const auto endpoint = Endpoint::parse(text)) {
    CHECK(!endpoint->host.empty() && endpoint->port != 0);
    const auto again = Endpoint::parse(endpoint->text());
    CHECK(again && again->text() == endpoint->text() && again->protocol == endpoint->protocol);
    const Origin origin{.scheme = "https", .host = endpoint->host, .port = endpoint->port};
    same_for_curl(origin, origin.text() + "/", "/");
  } else {
    judge_complaint(endpoint.error().text);
  }
  return 0;
}
