// Trust: the trusted CA certificates, loaded once and shared by every TLS connection.
//
// The system's store (OpenSSL's default locations, or SSL_CERT_FILE and SSL_CERT_DIR) plus an optional file,
// for networks where a proxy inspects TLS. One shared store, because 50 connections that each load the
// system's certificates cost two seconds of CPU and 59 MB.
//
//     Result<Trust> trust = Trust::load("/etc/ssl/corporate-ca.pem");
//     trust->attach(context);  // For each SSL_CTX that verifies with it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "logzio_okta/base/error.hpp"

struct ssl_ctx_st;
struct x509_store_st;

namespace logzio_okta {

class Trust {
 public:
  /// Reads the system's store and every certificate of `ca_file` (PEM). A file that is unreadable, has no
  /// certificate or a damaged one is an error that names the file and the cure.
  static Result<Trust> load(const std::optional<std::string>& ca_file);

  /// Makes the context verify with this store only. The context keeps its own reference to the store.
  void attach(ssl_ctx_st* context) const;
  /// For the log at the start: OpenSSL's locations have no system certificates, so only `ca_file` is trusted.
  [[nodiscard]] const std::optional<std::string>& warning() const { return warning_; }

 private:
  struct StoreRelease {
    void operator()(x509_store_st* store) const;
  };
  using Store = std::unique_ptr<x509_store_st, StoreRelease>;
  Trust(Store store, std::optional<std::string> warning);

  Store store_;
  std::optional<std::string> warning_;
};

}  // namespace logzio_okta
