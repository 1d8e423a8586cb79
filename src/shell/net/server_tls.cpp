#include "shell/net/server_tls.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/secret.hpp"

#include "shell/net/tls_bounds.hpp"
#include "shell/os/small_file.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t ticket_key_bytes = 80;  // A name, an encryption key and a MAC key.

/// OpenSSL's own text for the oldest error, which has no secrets.
std::string openssl_words() {
  const char* const words = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return words != nullptr ? words : "unknown error";
}

/// OpenSSL would prompt for it on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) {
  return 0;
}

/// HTTP/1.1 if the client offers a choice; it may also offer none.
int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void* /*context*/) {
  constexpr unsigned char http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, http_1_1, sizeof http_1_1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void configure(SSL_CTX* context) {
  bound_tls(context);
  CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  // For TLS 1.2, what TLS 1.3 always has: a separate key for each connection, and authenticated ciphers.
  CHECK(SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION);
  // Idle connections hold no buffers; a write may be resumed from another address.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Tickets only: a returning client saves us a signature, and we store nothing.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  constexpr unsigned char context_id[] = "hooks";
  SSL_CTX_set_session_id_context(context, context_id, sizeof context_id);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

template <auto free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;

/// We read the file, not OpenSSL: for our own error texts, and for files that only root may read.
Result<SmallFile> read_pem(const std::string& path) {
  Result<SmallFile> file = read_small_file(path, limits::pem_bytes_max);
  if (!file) return fail(path + " " + file.error().text);
  return file;
}

Bio reading(std::string_view bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// The server's own certificate, followed by its chain.
bool use_certificate(SSL_CTX* context, std::string_view pem) {
  const Bio bio = reading(pem);
  using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
  const Certificate own(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
  while (const Certificate link{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, link.get()) != 1) return false;
  }
  // No more data, or no certificate.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

bool use_key(SSL_CTX* context, std::string_view pem) {
  const Bio bio = reading(pem);
  const std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

}  // namespace

Result<ServerTls> ServerTls::load(const std::string& certificate, const std::string& key,
                                  std::vector<std::string>& warnings) {
  const auto certificate_file = read_pem(certificate);
  if (!certificate_file) return std::unexpected(certificate_file.error());
  auto key_file = read_pem(key);
  if (!key_file) return std::unexpected(key_file.error());
  const Secret key_bytes(std::move(key_file->bytes));

  ServerTls tls;
  tls.context_.reset(SSL_CTX_new(TLS_server_method()));
  CHECK(tls.context_ != nullptr);
  SSL_CTX* const context = tls.context_.get();
  configure(context);
  ERR_clear_error();
  if (!use_certificate(context, certificate_file->bytes)) {
    return fail(certificate + " is not a certificate in PEM form (" + openssl_words() +
                "); it must begin with the server's own certificate, followed by its chain");
  }
  if (!use_key(context, key_bytes.expose())) {
    const std::string words = openssl_words();
    return fail(key + " is not the key of " + certificate + " in PEM form, without a passphrase (" + words +
                ")");
  }
  warn_of_modes(key, *key_file, "a private key", warnings);
  return tls;
}

void ServerTls::renew_ticket_key(Instant now, Duration life) {
  if (now < ticket_key_until_) return;
  std::array<unsigned char, ticket_key_bytes> key{};
  CHECK(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1);
  CHECK(SSL_CTX_set_tlsext_ticket_keys(context_.get(), key.data(), static_cast<long>(key.size())) == 1);
  OPENSSL_cleanse(key.data(), key.size());
  ticket_key_until_ = now + life;
}

ServerChannel::ServerChannel(Descriptor socket, const ServerTls* tls) : socket_(std::move(socket)) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls->context_.get()));
  CHECK(ssl_ != nullptr);
  CHECK(SSL_set_fd(ssl_.get(), socket_.get()) == 1);
  SSL_set_accept_state(ssl_.get());
}

Flow ServerChannel::why(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Flow::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Flow::wants_write;
    default:
      return Flow::ended;
  }
}

bool ServerChannel::is_abused() const {
  return ssl_ && is_over_bounds(ssl_.get());
}

Flow ServerChannel::shake_hands() {
  if (!ssl_ || shaken_) return Flow::moved;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  shaken_ = result == 1;
  return shaken_ ? Flow::moved : why(result);
}

Flow ServerChannel::read(char* into, std::size_t size, std::size_t& bytes) {
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), into, size, &bytes);
    return result == 1 ? Flow::moved : why(result);
  }
  const ssize_t got = ::recv(socket_.get(), into, size, 0);
  if (got > 0) {
    bytes = static_cast<std::size_t>(got);
    return Flow::moved;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Flow::wants_read : Flow::ended;
}

Flow ServerChannel::write(std::string_view from, std::size_t& bytes) {
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), from.data(), from.size(), &bytes);
    return result == 1 ? Flow::moved : why(result);
  }
  const ssize_t put = ::send(socket_.get(), from.data(), from.size(), MSG_NOSIGNAL);
  if (put >= 0) {
    bytes = static_cast<std::size_t>(put);
    return Flow::moved;
  }
  return errno == EAGAIN || errno == EINTR ? Flow::wants_write : Flow::ended;
}

void ServerChannel::end_writing() {
  ERR_clear_error();
  if (ssl_ && shaken_) static_cast<void>(SSL_shutdown(ssl_.get()));
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace logzio_okta
