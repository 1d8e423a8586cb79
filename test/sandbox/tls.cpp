#include "sandbox/tls.hpp"

#include <stdexcept>

namespace logzio_okta::sandbox {

TlsContext server_context(const test::Certificate& certificate) {
  using test::openssl::Bio;
  TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  const Bio cert_bio(BIO_new_mem_buf(certificate.certificate_pem.data(), -1));
  const Bio key_bio(BIO_new_mem_buf(certificate.key_pem.data(), -1));
  const test::openssl::Cert cert(PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
  const test::openssl::Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (!cert || !key || SSL_CTX_use_certificate(context.get(), cert.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
    throw std::runtime_error("sandbox: cannot use the certificate");
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

}  // namespace logzio_okta::sandbox
