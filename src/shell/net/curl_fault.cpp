#include "shell/net/curl_fault.hpp"

#include <cstring>
#include <utility>

#include <openssl/x509.h>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr int curle_too_large = 100;  // CURLE_TOO_LARGE, which Debian 12's header does not have yet.

std::string proxy_name(const Journey& journey) {
  return "the proxy " + journey.route.proxy->display;
}

// The first hop: the proxy, if there is one.
std::string next_hop(const Journey& journey) {
  return journey.route.proxy != nullptr ? proxy_name(journey) : journey.route.name();
}

Scene scene_of(const Journey& journey, int proxy_status = 0) {
  return {.name = journey.route.name(),
          .proxied = journey.route.proxy != nullptr,
          .cleartext = journey.route.origin.scheme == "http",
          .proxy_status = proxy_status};
}

TransportError unresolved(const Journey& journey, bool proxy) {
  return {.fault = TransportFault::unresolved,
          .sent = false,
          .text = "could not resolve " + (proxy ? proxy_name(journey) : journey.route.name())};
}

TransportError unreachable(const EasyHandle& easy, const Journey& journey) {
  const auto error = static_cast<int>(easy.info<long>(CURLINFO_OS_ERRNO));
  std::string text = "no connection to " + next_hop(journey);
  if (error != 0) text += std::string(": ") + std::strerror(error);
  return {.fault = TransportFault::unreachable, .sent = false, .text = std::move(text)};
}

TransportError timed_out(const EasyHandle& easy, const Journey& journey) {
  if (journey.connected) {
    return {.fault = TransportFault::timed_out,
            .sent = true,
            .text = journey.route.name() + " did not finish within " + describe(journey.whole)};
  }
  if (easy.info<curl_off_t>(CURLINFO_NAMELOOKUP_TIME_T) == 0) {
    TransportError error = unresolved(journey, journey.route.proxy != nullptr);
    error.text += " within " + describe(journey.connect);
    return error;
  }
  return {.fault = TransportFault::unreachable,
          .sent = false,
          .text = "no connection to " + next_hop(journey) + " within " + describe(journey.connect)};
}

TransportError proxy_refused(long status, const Journey& journey) {
  std::string text = proxy_name(journey) + " refused a tunnel to " + journey.route.name();
  if (status != 0) text += " (status " + std::to_string(status) + ")";
  // 5xx: the server behind the proxy may come back.
  return {.fault = TransportFault::proxy_refused,
          .sent = false,
          .text = std::move(text),
          .cure = cure_for(TransportFault::proxy_refused, scene_of(journey, static_cast<int>(status))),
          .needs_person = status >= 400 && status < 500};
}

TransportError tls_failed(const Journey& journey) {
  std::string text = "no TLS with " + journey.route.name();
  if (!journey.handshake.empty()) text += ": " + printable(journey.handshake);
  return {.fault = TransportFault::tls_failed, .sent = false, .text = std::move(text)};
}

TransportError too_large(const Journey& journey) {
  const std::string what = journey.complaint.empty() ? "an endless header line" : journey.complaint;
  return {.fault = TransportFault::answer_too_large,
          .sent = true,
          .text = journey.route.name() + " sent " + what};
}

TransportError cut(CURLcode code, const Journey& journey) {
  std::string text = journey.route.name() + " closed the connection before its answer was complete";
  const bool nothing =
      code == CURLE_GOT_NOTHING || code == CURLE_SEND_FAIL_REWIND || code == CURLE_ABORTED_BY_CALLBACK;
  if (nothing) text = journey.route.name() + " closed the connection without an answer";
  if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL) {
    text = "the answer of " + journey.route.name() + " is not HTTP";
  }
  return {.fault = TransportFault::cut, .sent = true, .text = std::move(text)};
}

TransportError connection_failed(const EasyHandle& easy, CURLcode code, const Journey& journey) {
  // libcurl 7.88 reports a refused tunnel as a failed read.
  const bool by_proxy = journey.route.proxy != nullptr &&
                        (code == CURLE_RECV_ERROR || code == CURLE_PROXY || code == CURLE_GOT_NOTHING);
  if (by_proxy) return proxy_refused(easy.info<long>(CURLINFO_HTTP_CONNECTCODE), journey);
  return unreachable(easy, journey);
}

TransportError explain_alone(const EasyHandle& easy, CURLcode code, const Journey& journey) {
  switch (static_cast<int>(code)) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return unresolved(journey, false);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return unresolved(journey, true);
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out(easy, journey);
    case CURLE_PEER_FAILED_VERIFICATION: {
      const auto of_proxy = easy.info<long>(CURLINFO_PROXY_SSL_VERIFYRESULT);
      if (of_proxy != X509_V_OK) return untrusted(proxy_name(journey), of_proxy);
      return untrusted(journey.route.name(), easy.info<long>(CURLINFO_SSL_VERIFYRESULT));
    }
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return tls_failed(journey);
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY:  // libcurl's code for a header line beyond its own limit of 100 KB.
    case curle_too_large:
      return too_large(journey);
    default:
      return journey.connected ? cut(code, journey) : connection_failed(easy, code, journey);
  }
}

}  // namespace

TransportError explain(const EasyHandle& easy, CURLcode code, const Journey& journey) {
  TransportError error = explain_alone(easy, code, journey);
  if (error.cure.empty()) error.cure = cure_for(error.fault, scene_of(journey));
  return error;
}

CertificateFault certificate_fault(long verify_result) {
  switch (verify_result) {
    case X509_V_OK:
      return CertificateFault::good;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateFault::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return CertificateFault::not_yet_valid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return CertificateFault::unknown_ca;
    // libcurl checks the name before it asks OpenSSL for its result, which is "unspecified" until then.
    case X509_V_ERR_UNSPECIFIED:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return CertificateFault::wrong_name;
    default:
      return CertificateFault::other;
  }
}

TransportError untrusted(const std::string& name, long verify_result) {
  const CertificateFault fault = certificate_fault(verify_result);
  std::string text = "the certificate of " + name;
  if (fault == CertificateFault::wrong_name) {
    text += " was issued for another name";
  } else {
    text += std::string(" is not trusted: ") + X509_verify_cert_error_string(verify_result);
  }
  return {.fault = TransportFault::untrusted,
          .sent = false,
          .text = std::move(text),
          .cure = cure_for(TransportFault::untrusted, {.name = name, .certificate = fault})};
}

}  // namespace logzio_okta
