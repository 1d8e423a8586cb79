#include "shell/serve/admin_client.hpp"

#include <cstddef>

#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/net/curl_handle.hpp"

namespace logzio_okta {
namespace {

constexpr Duration patience = 5s;
constexpr std::size_t page_bytes_max = 4 * limits::MiB;

std::size_t collect(const char* data, std::size_t /*one*/, std::size_t size, void* page) {
  auto& text = *static_cast<std::string*>(page);
  if (text.size() + size > page_bytes_max) return CURL_WRITEFUNC_ERROR;
  text.append(data, size);
  return size;
}

std::string reachable(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "[::]") return "[::1]";
  return host;
}

}  // namespace

Result<std::string> ask_admin(const AdminAddress& address, const std::string& path) {
  if (auto suitable = curl_is_suitable(); !suitable) return std::unexpected(std::move(suitable.error()));
  const Route route{.origin = {.scheme = "http", .host = reachable(address.host), .port = address.port}};
  EasyHandle easy;
  std::string page;
  connect_by(easy, route, patience);
  easy.set(CURLOPT_URL, (route.origin.text() + path).c_str());
  easy.set(CURLOPT_TIMEOUT_MS, static_cast<long>(to_ms(patience).count()));
  easy.set(CURLOPT_WRITEFUNCTION, &collect);
  easy.set(CURLOPT_WRITEDATA, &page);
  const CURLcode code = curl_easy_perform(easy.get());
  const std::string where = route.origin.text();
  if (code == CURLE_COULDNT_CONNECT) {
    return fail("nothing listens on " + where + "; is the daemon running, with this --admin?");
  }
  if (code != CURLE_OK) {
    return fail(where + " did not answer in time or not in HTTP; is it logzio-okta, and is it alive?");
  }
  const auto status = easy.info<long>(CURLINFO_RESPONSE_CODE);
  if (status == 404) return fail(where + " has no page " + path + "; is it logzio-okta of this version?");
  if (status != 200) return fail(where + path + " says " + std::to_string(status) + ": " + printable(page));
  return page;
}

}  // namespace logzio_okta
