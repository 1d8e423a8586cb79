#include "shell/net/curl_handle.hpp"

#include <string_view>

#include "logzio_okta/base/check.hpp"

#include "shell/net/tls_bounds.hpp"

namespace logzio_okta {
namespace {

// libcurl needs NUL-terminated strings; a Secret is not one.
class WipedText {
 public:
  explicit WipedText(const Secret& secret) : text_(secret.expose()) {}
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;
  ~WipedText() { wipe(text_); }
  [[nodiscard]] const char* c_str() const { return text_.c_str(); }

 private:
  std::string text_;
};

CURLcode attach_trust(CURL* /*easy*/, void* context, void* trust) noexcept {
  static_cast<const Trust*>(trust)->attach(static_cast<ssl_ctx_st*>(context));
  bound_tls(static_cast<ssl_ctx_st*>(context));
  return CURLE_OK;
}

// nullptr as a pointer: the bare constant has no type that a variadic function could read.
constexpr const char* none = nullptr;

}  // namespace

Result<void> curl_is_suitable() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return fail("libcurl cannot be initialised");
  const curl_version_info_data* version = curl_version_info(CURLVERSION_NOW);
  if ((version->features & CURL_VERSION_ASYNCHDNS) == 0) {
    return fail(
        "this libcurl resolves names in blocking calls: use one built with a threaded resolver or c-ares");
  }
  const std::string_view tls = version->ssl_version == nullptr ? "" : version->ssl_version;
  if (!tls.starts_with("OpenSSL/")) {
    return fail("this libcurl uses \"" + std::string(tls) + "\" for TLS: use one built with OpenSSL");
  }
  return {};
}

EasyHandle::EasyHandle() : handle_(curl_easy_init()) {
  CHECK(handle_ != nullptr);
}

EasyHandle::~EasyHandle() {
  if (multi_ != nullptr) curl_multi_remove_handle(multi_, handle_);
  curl_easy_cleanup(handle_);
}

void EasyHandle::set(CURLoption option, const Secret& text) {
  const WipedText copy(text);
  set(option, copy.c_str());
}

void EasyHandle::must(CURLcode code) {
  CHECK(code == CURLE_OK);
}

void EasyHandle::start(CURLM* multi) {
  CHECK(curl_multi_add_handle(multi, handle_) == CURLM_OK);
  multi_ = multi;
}

Secret with_nul(const Secret& secret) {
  std::string text;
  text.reserve(secret.expose().size() + 1);
  text.append(secret.expose()).push_back('\0');
  return Secret(std::move(text));
}

void HeaderList::add(const char* line) {
  // libcurl's type lacks const; it only reads.
  nodes_.push_back({.data = const_cast<char*>(line), .next = nullptr});
}

void HeaderList::replace(std::size_t index, const char* line) {
  nodes_.at(index).data = const_cast<char*>(line);
}

curl_slist* HeaderList::head() {
  for (std::size_t i = 1; i < nodes_.size(); ++i) nodes_[i - 1].next = &nodes_[i];
  return nodes_.empty() ? nullptr : nodes_.data();
}

Route Route::to(const Origin& origin, const Proxy& proxy) {
  const bool tunnelled = origin.scheme == "https" && proxy.applies_to(origin.host, origin.port);
  return {.origin = origin, .proxy = tunnelled ? &proxy : nullptr};
}

std::string Route::name() const {
  return origin.text().substr(origin.scheme.size() + 3);
}

void connect_by(EasyHandle& easy, const Route& route, Duration connect_timeout) {
  const std::string url = route.origin.text() + "/";
  easy.set(CURLOPT_URL, url.c_str());
  easy.set(CURLOPT_PROTOCOLS_STR, route.origin.scheme.c_str());
  easy.set(CURLOPT_FOLLOWLOCATION, 0L);
  easy.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  easy.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  // HTTP/2 gains nothing with one request per org, and libcurl 7.88 spins on an HTTP/2 POST answered early.
  easy.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  easy.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(to_ms(connect_timeout).count()));
  easy.set(CURLOPT_NOSIGNAL, 1L);
  easy.set(CURLOPT_TCP_KEEPALIVE, 1L);
  // Otherwise an unresponsive name server would block the destruction of the handle.
  easy.set(CURLOPT_QUICK_EXIT, 1L);
  // An empty string, unlike nullptr, keeps libcurl from reading the environment.
  easy.set(CURLOPT_NOPROXY, "");
  if (route.proxy == nullptr) {
    easy.set(CURLOPT_PROXY, "");
    return;
  }
  easy.set(CURLOPT_PROXY, route.proxy->url);
  easy.set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  // Our headers, including the credential, are for the other end of the tunnel.
  easy.set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
}

void hand_answer_to(EasyHandle& easy, const AnswerHandlers& handlers) {
  easy.set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  easy.set(CURLOPT_PATH_AS_IS, 1L);
  easy.set(CURLOPT_PREREQFUNCTION, handlers.on_connected);
  easy.set(CURLOPT_PREREQDATA, handlers.self);
  easy.set(CURLOPT_HEADERFUNCTION, handlers.on_header);
  easy.set(CURLOPT_HEADERDATA, handlers.self);
  easy.set(CURLOPT_WRITEFUNCTION, handlers.on_body);
  easy.set(CURLOPT_WRITEDATA, handlers.self);
}

void verify_by(EasyHandle& easy, const Trust& trust) {
  easy.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  easy.set(CURLOPT_SSL_VERIFYPEER, 1L);
  easy.set(CURLOPT_SSL_VERIFYHOST, 2L);
  easy.set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  easy.set(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
  easy.set(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
  // Only the shared store: libcurl would load the system's certificates again for every connection.
  for (const CURLoption option :
       {CURLOPT_CAINFO, CURLOPT_CAPATH, CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAPATH}) {
    easy.set(option, none);
  }
  easy.set(CURLOPT_SSL_CTX_FUNCTION, &attach_trust);
  easy.set(CURLOPT_SSL_CTX_DATA, &trust);
}

}  // namespace logzio_okta
