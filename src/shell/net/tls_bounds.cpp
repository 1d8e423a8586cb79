#include "shell/net/tls_bounds.hpp"

#include <cstddef>
#include <memory>
#include <string>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

namespace logzio_okta {
namespace {

/// Counts of what a connection's peer has sent.
struct Tally {
  std::size_t idle_records = 0;  ///< Those without data, minus those offset by data.
  std::size_t record_bytes = 0;  ///< The current record's size, from its header.
  bool over = false;
};

void new_tally(void* /*ssl*/, void* /*none*/, CRYPTO_EX_DATA* data, int index, long /*unused*/,
               void* /*unused*/) noexcept {
  CRYPTO_set_ex_data(data, index, std::make_unique<Tally>().release());
}
void free_tally(void* /*ssl*/, void* tally, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*unused*/,
                void* /*unused*/) noexcept {
  const std::unique_ptr<Tally> gone(static_cast<Tally*>(tally));
}
int copy_tally(CRYPTO_EX_DATA* /*to*/, const CRYPTO_EX_DATA* /*from*/, void** tally, int /*index*/,
               long /*unused*/, void* /*unused*/) noexcept {
  if (*tally != nullptr) *tally = std::make_unique<Tally>(*static_cast<const Tally*>(*tally)).release();
  return 1;
}

/// The index of our data in every SSL. OpenSSL creates and frees it with the SSL.
int tally_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, new_tally, copy_tally, free_tally);
  CHECK(index >= 0);
  return index;
}

Tally* tally_of(const SSL* ssl) {
  return static_cast<Tally*>(SSL_get_ex_data(ssl, tally_index()));
}

void count_idle(SSL* ssl, Tally& tally) {
  if (++tally.idle_records <= limits::tls_idle_records_max) return;
  tally.over = true;
  // Both sides look closed, so OpenSSL stops working on this connection after this record.
  SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void count_data(Tally& tally) {
  // A few bytes offset nothing; otherwise single bytes between key updates would allow any number of them.
  constexpr std::size_t telling_bytes = 1 * limits::KiB;
  if (tally.record_bytes >= telling_bytes && tally.idle_records > 0) --tally.idle_records;
}

/// OpenSSL calls it for the header of each record, and under TLS 1.3 for the inner type, which the header
/// hides.
void on_record(int writing, int /*version*/, int what, const void* bytes, std::size_t size, SSL* ssl,
               void* /*unused*/) noexcept {
  Tally* const tally = tally_of(ssl);
  if (writing != 0 || tally == nullptr || size == 0) return;
  const auto* const read = static_cast<const unsigned char*>(bytes);
  if (what == SSL3_RT_INNER_CONTENT_TYPE) {
    if (read[0] == SSL3_RT_APPLICATION_DATA) {
      count_data(*tally);
    } else {
      count_idle(ssl, *tally);
    }
  } else if (what == SSL3_RT_HEADER && size >= SSL3_RT_HEADER_LENGTH) {
    tally->record_bytes = (static_cast<std::size_t>(read[3]) << 8U) | read[4];
    const bool data = read[0] == SSL3_RT_APPLICATION_DATA;
    if (!data) {
      count_idle(ssl, *tally);
    } else if (SSL_version(ssl) != TLS1_3_VERSION) {
      count_data(*tally);
    }
  }
}

/// Elliptic curves only; if the system's policy lacks some of them, those that every policy has.
void choose_groups(SSL_CTX* context) {
  // The call behind the macro SSL_CTX_set1_groups_list, which casts away const.
  const auto choose = [&](std::string groups) {
    return SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data()) == 1;
  };
  if (!choose("X25519:P-256:P-384:P-521")) CHECK(choose("P-256:P-384:P-521"));
  ERR_clear_error();
}

}  // namespace

void bound_tls(ssl_ctx_st* context) {
  static_cast<void>(tally_index());  // Before the first connection, so that it has a tally.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_msg_callback(context, on_record);
  choose_groups(context);
  CHECK(SSL_CTX_set_cipher_list(context, "DEFAULT:!kDHE") == 1);
}

bool is_over_bounds(const ssl_st* connection) {
  const Tally* const tally = tally_of(connection);
  return tally != nullptr && tally->over;
}

}  // namespace logzio_okta
