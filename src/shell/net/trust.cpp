#include "shell/net/trust.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

#include "shell/os/small_file.hpp"

namespace logzio_okta {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// Whether the last PEM_read ended at the end of the file, not in a damaged certificate.
bool at_end_of_file() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

Result<void> add_file(X509_STORE* store, const std::string& path) {
  const Result<SmallFile> content = read_small_file(path, limits::ca_file_bytes_max);
  if (!content) {
    return fail("the CA file " + path + " " + content.error().text +
                "; --ca-file (LOGZIO_OKTA_CA_FILE) must name a readable PEM file");
  }
  ERR_clear_error();
  const std::unique_ptr<BIO, BioFree> file(
      BIO_new_mem_buf(content->bytes.data(), static_cast<int>(content->bytes.size())));
  CHECK(file != nullptr);
  int certificates = 0;
  for (;;) {
    const std::unique_ptr<X509, CertificateFree> certificate(
        PEM_read_bio_X509_AUX(file.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    CHECK(X509_STORE_add_cert(store, certificate.get()) == 1);
    ++certificates;
  }
  const bool complete = at_end_of_file();
  ERR_clear_error();
  if (!complete) {
    return fail("certificate " + std::to_string(certificates + 1) + " in the CA file " + path +
                " is damaged: copy the file again");
  }
  if (certificates == 0) {
    return fail("the CA file " + path + " has no certificate in PEM form (-----BEGIN CERTIFICATE-----); " +
                "convert a DER file with: openssl x509 -inform der -in FILE -out ca.pem");
  }
  return {};
}

std::string place_of(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : fallback;
}

std::optional<std::string> system_store_missing() {
  const std::string file = place_of(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  const std::string dir = place_of(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  if (access(file.c_str(), R_OK) == 0 || access(dir.c_str(), R_OK | X_OK) == 0) return std::nullopt;
  return "no system certificates in " + file + " or " + dir +
         ": install the package ca-certificates, or give the CAs to trust with --ca-file";
}

}  // namespace

void Trust::StoreRelease::operator()(x509_store_st* store) const {
  X509_STORE_free(store);
}

Trust::Trust(Store store, std::optional<std::string> warning)
    : store_(std::move(store)), warning_(std::move(warning)) {}

Result<Trust> Trust::load(const std::optional<std::string>& ca_file) {
  // OpenSSL would wait forever for a pipe's writer.
  const char* const system_file = X509_get_default_cert_file_env();
  if (const std::string path = place_of(system_file, ""); !path.empty() && is_pipe(path)) {
    return fail(std::string(system_file) + " names " + path + ", which is not a file; name a PEM file");
  }
  Store store(X509_STORE_new());
  CHECK(store != nullptr);
  // A certificate directory is only searched when a handshake needs one of them.
  CHECK(X509_STORE_set_default_paths(store.get()) == 1);
  ERR_clear_error();
  // A CA file may have only the issuing intermediate, as curl has always allowed.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  if (ca_file) {
    if (Result<void> added = add_file(store.get(), *ca_file); !added) return fail(added.error().text);
  }
  return Trust(std::move(store), system_store_missing());
}

void Trust::attach(ssl_ctx_st* context) const {
  SSL_CTX_set1_cert_store(context, store_.get());
}

}  // namespace logzio_okta
