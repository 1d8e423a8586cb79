#include "logzio_okta/http/cure.hpp"

#include <utility>

namespace logzio_okta {
namespace {

constexpr int proxy_authentication_required = 407;

std::string no_proxy(const Scene& scene) {
  return "add " + scene.name + " to NO_PROXY";
}

std::string_view cure_of_certificate(CertificateFault fault) {
  switch (fault) {
    case CertificateFault::expired:
      return "if this machine's clock is right, the server's operator must renew it";
    case CertificateFault::not_yet_valid:
      return "if this machine's clock is behind, set it (NTP); if it is right, the server's operator "
             "must replace the certificate";
    case CertificateFault::wrong_name:
      return "correct the name in the configuration, or the DNS record or proxy that answers for it";
    case CertificateFault::unknown_ca:
      return "if a proxy of yours inspects TLS, give its certificate with --ca-file; if not, someone may be "
             "intercepting the connection";
    case CertificateFault::good:
    case CertificateFault::other:
      break;
  }
  return "check that certificate, and whether something intercepts the connection; if a proxy of yours "
         "inspects TLS, give its certificate with --ca-file";
}

}  // namespace

Urgency urgency_of(const TransportError& error) {
  if (error.fault == TransportFault::held_by_us) return Urgency::waits;  // What holds it speaks for itself.
  const bool now = error.needs_person || error.fault == TransportFault::untrusted ||
                   error.fault == TransportFault::refused_by_us;
  return now ? Urgency::now : Urgency::lasting;
}

std::string cure_for(TransportFault fault, const Scene& scene) {
  switch (fault) {
    case TransportFault::unresolved:
      if (scene.proxied) return "correct HTTPS_PROXY, or " + no_proxy(scene);
      return std::string(
                 "check how the name is written and that this machine can resolve names (/etc/resolv.conf)") +
             (scene.cleartext ? "" : ", or set HTTPS_PROXY if only a proxy can");
    case TransportFault::unreachable:
      if (scene.proxied) return "start the proxy, correct HTTPS_PROXY, or " + no_proxy(scene);
      return scene.cleartext
                 ? "start the listener there, correct the host and port, or allow the connection "
                   "in the firewall (without TLS it never goes through a proxy)"
                 : "check the name and port, and whether the service is down; if not, allow outgoing "
                   "connections to it in the firewall, or set HTTPS_PROXY";
    case TransportFault::proxy_refused:
      return scene.proxy_status == proxy_authentication_required
                 ? "put the proxy's user and password into HTTPS_PROXY"
                 : "allow CONNECT to it in the proxy, or " + no_proxy(scene);
    case TransportFault::untrusted:
      return std::string(cure_of_certificate(scene.certificate));
    case TransportFault::tls_failed:
      return "what answers there is not a TLS 1.2 server: check the port and the proxy; for a listener "
             "without TLS, write its scheme (http://, tcp://)";
    case TransportFault::timed_out:
    case TransportFault::cut:
    case TransportFault::answer_too_large:
      return "if it persists, check the proxy, firewall or relay on the way";
    case TransportFault::refused_by_us:
    case TransportFault::held_by_us:
      return {};
  }
  std::unreachable();
}

std::string with_cure(const TransportError& error) {
  return error.cure.empty() ? error.text : error.text + "; " + error.cure;
}

}  // namespace logzio_okta
