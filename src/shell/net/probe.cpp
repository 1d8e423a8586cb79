#include "shell/net/probe.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include <openssl/asn1.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

#include "shell/net/answer_collector.hpp"
#include "shell/net/curl_fault.hpp"
#include "shell/net/curl_handle.hpp"
#include "shell/net/tls_bounds.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {
namespace {

/// The common name, or else the first alternative name.
std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "(no name)";
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return "(no name)";
  std::string copy(text, text + size);
  OPENSSL_free(text);
  return copy;
}

std::optional<WallTime> read_time(const ASN1_TIME* time) {
  tm broken_down{};
  if (ASN1_TIME_to_tm(time, &broken_down) != 1) return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&broken_down)));
}

/// One request in flight. libcurl holds its address until it is destroyed.
class Walk {
 public:
  Walk(const ProbeRequest& question, const Trust& trust, const Proxy& proxy)
      : question_(question),
        trust_(trust),
        route_(Route::to(question.origin, proxy)),
        answer_(limits::answer_bytes_max, bodies_bytes_) {
    seen_.name = route_.name();
    if (route_.proxy != nullptr) seen_.proxy = route_.proxy->display;
  }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  ~Walk() = default;

  void start(CURLM* multi) {
    connect_by(easy_, route_, probe_connect_patience);
    if (question_.origin.scheme == "https") {
      verify_by(easy_, trust_);
      easy_.set(CURLOPT_SSL_CTX_FUNCTION, &watch_certificates);
      easy_.set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(this));
    }
    easy_.set(CURLOPT_TIMEOUT_MS, static_cast<long>(to_ms(probe_patience).count()));
    easy_.set(CURLOPT_ERRORBUFFER, handshake_.data());
    easy_.set(CURLOPT_USERAGENT, "logzio-okta/" LOGZIO_OKTA_VERSION " check");
    hand_answer_to(easy_, {this, &on_connected, &on_header, &on_body});
    ask();
    easy_.start(multi);
  }

  [[nodiscard]] CURL* handle() const { return easy_.get(); }

  Sighting ended(CURLcode code) {
    const char* address = easy_.info<char*>(CURLINFO_PRIMARY_IP);
    if (address != nullptr) seen_.address = address;
    seen_.took = std::chrono::microseconds(easy_.info<curl_off_t>(CURLINFO_TOTAL_TIME_T));
    seen_.at = wall_now();
    seen_.only_connected = question_.kind == ProbeRequest::Kind::connect;
    if (code == CURLE_OK && seen_.only_connected) {
      seen_.result = HttpAnswer{.status = 200, .headers = {}, .body = {}};
      return std::move(seen_);
    }
    if (code == CURLE_OK && !answer_.headers_complete()) code = CURLE_PARTIAL_FILE;
    if (code == CURLE_OK) {
      seen_.result = answer_.take(static_cast<int>(easy_.info<long>(CURLINFO_RESPONSE_CODE)));
      return std::move(seen_);
    }
    // The chain was good, so libcurl refused the certificate for its name.
    if (code == CURLE_PEER_FAILED_VERIFICATION && seen_.fault == CertificateFault::good) {
      seen_.fault = CertificateFault::wrong_name;
    }
    seen_.result = std::unexpected(explain(easy_, code,
                                           {.route = route_,
                                            .connected = connected_,
                                            .complaint = answer_.complaint(),
                                            .connect = probe_connect_patience,
                                            .whole = probe_patience,
                                            .handshake = handshake_.data()}));
    return std::move(seen_);
  }

 private:
  void ask() {
    easy_.set(CURLOPT_REQUEST_TARGET, question_.target);
    switch (question_.kind) {
      case ProbeRequest::Kind::get:
        header_ = with_nul(question_.authorization);
        headers_.add(header_.expose().data());
        proof_ = with_nul(question_.proof);
        if (!question_.proof.empty()) headers_.add(proof_.expose().data());
        headers_.add("Accept: application/json");
        headers_.add("Content-Type: application/json");
        headers_.add("Accept-Encoding: gzip");
        break;
      case ProbeRequest::Kind::post_nothing:
        easy_.set(CURLOPT_POST, 1L);
        easy_.set(CURLOPT_POSTFIELDS, "");
        headers_.add("Content-Type: text/plain");
        break;
      case ProbeRequest::Kind::connect:
        easy_.set(CURLOPT_CONNECT_ONLY, 1L);
        break;
    }
    easy_.set(CURLOPT_HTTPHEADER, headers_.head());
  }

  static CURLcode watch_certificates(CURL* /*easy*/, void* context, void* self) noexcept {
    auto* const tls = static_cast<ssl_ctx_st*>(context);
    static_cast<const Walk*>(self)->trust_.attach(tls);
    bound_tls(tls);
    SSL_CTX_set_cert_verify_callback(tls, &verify, self);
    return CURLE_OK;
  }

  /// OpenSSL's own result, recorded with the certificate's names.
  static int verify(X509_STORE_CTX* context, void* self) noexcept {
    Sighting& seen = static_cast<Walk*>(self)->seen_;
    const X509* const leaf = X509_STORE_CTX_get0_cert(context);
    const int good = X509_verify_cert(context);
    seen.certificate = common_name(X509_get_subject_name(leaf));
    seen.authority = common_name(X509_get_issuer_name(leaf));
    seen.expires = read_time(X509_get0_notAfter(leaf));
    seen.fault = certificate_fault(X509_STORE_CTX_get_error(context));
    return good;
  }

  static int on_connected(void* self, char* /*address*/, char* /*ours*/, int /*port*/,
                          int /*ours*/) noexcept {
    static_cast<Walk*>(self)->connected_ = true;
    return CURL_PREREQFUNC_OK;
  }
  static std::size_t on_header(char* bytes, std::size_t /*one*/, std::size_t size, void* self) noexcept {
    return static_cast<Walk*>(self)->answer_.header_line({bytes, size}) ? size : 0;
  }
  static std::size_t on_body(char* bytes, std::size_t /*one*/, std::size_t size, void* self) noexcept {
    return static_cast<Walk*>(self)->answer_.body_bytes({bytes, size}, std::nullopt) ? size : 0;
  }

  const ProbeRequest& question_;
  const Trust& trust_;
  Route route_;
  Sighting seen_;
  std::size_t bodies_bytes_ = 0;
  AnswerCollector answer_;
  Secret header_;  // Read in place by libcurl, as is the next.
  Secret proof_;
  HeaderList headers_;
  bool connected_ = false;
  std::array<char, CURL_ERROR_SIZE> handshake_{};
  EasyHandle easy_;  // Last, so that it is destroyed first: it reads the others.
};

}  // namespace

std::vector<Sighting> probe(const std::vector<ProbeRequest>& questions, const Trust& trust,
                            const Proxy& proxy) {
  const MultiHandle multi(curl_multi_init());
  CHECK(multi != nullptr);
  std::vector<std::unique_ptr<Walk>> walks;
  for (const ProbeRequest& question : questions) {
    walks.push_back(std::make_unique<Walk>(question, trust, proxy));
    walks.back()->start(multi.get());
  }
  std::vector<Sighting> seen(questions.size());
  constexpr int wake_ms = 1000;
  std::size_t ended = 0;
  while (ended < walks.size()) {
    int running = 0;
    CHECK(curl_multi_perform(multi.get(), &running) == CURLM_OK);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto walk = std::ranges::find(walks, message->easy_handle, &Walk::handle);
      CHECK(walk != walks.end());
      seen[static_cast<std::size_t>(walk - walks.begin())] = (*walk)->ended(message->data.result);
      ++ended;
    }
    if (ended < walks.size()) {
      CHECK(curl_multi_poll(multi.get(), nullptr, 0, wake_ms, nullptr) == CURLM_OK);
    }
  }
  return seen;
}

}  // namespace logzio_okta
