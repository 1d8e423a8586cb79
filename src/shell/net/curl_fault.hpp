// Why a transfer failed: translates libcurl's code into our fault, with a line for the administrator.
//
// The texts are ours. libcurl's own are not passed on, because a text that quotes a request could quote the
// credential in it; the only exception is OpenSSL's reason for a failed handshake, which never quotes a
// request.
#pragma once

#include "logzio_okta/http/cure.hpp"
#include "logzio_okta/http/message.hpp"

#include "shell/net/curl_handle.hpp"
#include "shell/os/patience.hpp"

namespace logzio_okta {

/// Our own observations of a transfer.
struct Journey {
  const Route& route;
  bool connected = false;  ///< The request was about to be written.
  std::string complaint;   ///< AnswerCollector::complaint().
  Duration connect{};      ///< How long connecting was allowed to take,
  Duration whole{};        ///< and the whole transfer.
  std::string handshake;   ///< libcurl's error buffer.
};

/// `code` must not be CURLE_OK.
[[nodiscard]] TransportError explain(const EasyHandle& easy, CURLcode code, const Journey& journey);

[[nodiscard]] CertificateFault certificate_fault(long verify_result);

/// "the certificate of NAME is not trusted: REASON" for OpenSSL's verify result.
[[nodiscard]] TransportError untrusted(const std::string& name, long verify_result);

}  // namespace logzio_okta
