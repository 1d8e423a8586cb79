// The client's side of a TLS connection that sends what a well-behaved client never would: through OpenSSL
// where possible, otherwise with records written by hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "tools/certificates.hpp"

namespace logzio_okta::test {

/// Application records and others under TLS 1.2 with ECDHE-ECDSA-AES128-GCM-SHA256, sealed by hand: OpenSSL's
/// own client sends one request to renegotiate and then waits for the answer.
class RecordWriter {
 public:
  /// Right after the handshake of `ssl`, which must not write any more.
  explicit RecordWriter(SSL* ssl) : fd_(SSL_get_fd(ssl)) {
    std::array<unsigned char, SSL3_RANDOM_SIZE> client{};
    std::array<unsigned char, SSL3_RANDOM_SIZE> server{};
    std::array<unsigned char, SSL_MAX_MASTER_KEY_LENGTH> master{};
    SSL_get_client_random(ssl, client.data(), client.size());
    SSL_get_server_random(ssl, server.data(), server.size());
    const std::size_t size = SSL_SESSION_get_master_key(SSL_get_session(ssl), master.data(), master.size());
    std::string seed = "key expansion";
    seed.append(server.begin(), server.end()).append(client.begin(), client.end());
    const std::unique_ptr<EVP_KDF, openssl::Release<EVP_KDF_free>> kdf(
        EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr));
    const std::unique_ptr<EVP_KDF_CTX, openssl::Release<EVP_KDF_CTX_free>> context(
        EVP_KDF_CTX_new(kdf.get()));
    std::string digest = "SHA256";
    const std::array<OSSL_PARAM, 4> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master.data(), size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
        OSSL_PARAM_construct_end()};
    openssl::require(EVP_KDF_derive(context.get(), keys_.data(), keys_.size(), parameters.data()) == 1,
                     "derive the keys of a connection");
  }

  /// False once the socket takes no more.
  bool write(unsigned char type, std::string_view content) {
    const std::vector<unsigned char> record = seal(type, content);
    return ::send(fd_, record.data(), record.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(record.size());
  }

 private:
  static constexpr std::size_t key_bytes = 16;
  static constexpr std::size_t salt_bytes = 4;
  static constexpr std::size_t nonce_bytes = 8;
  static constexpr std::size_t tag_bytes = 16;

  std::vector<unsigned char> seal(unsigned char type, std::string_view content) {
    std::array<unsigned char, nonce_bytes> number{};
    for (std::size_t i = 0; i < nonce_bytes; ++i) {
      number.at(nonce_bytes - 1 - i) = static_cast<unsigned char>(sequence_ >> (8 * i));
    }
    ++sequence_;
    std::array<unsigned char, salt_bytes + nonce_bytes> nonce{};
    for (std::size_t i = 0; i < salt_bytes; ++i) nonce.at(i) = keys_.at(2 * key_bytes + i);
    std::copy(number.begin(), number.end(), nonce.begin() + salt_bytes);

    std::vector<unsigned char> head(number.begin(), number.end());
    const auto put_size = [](std::vector<unsigned char>& into, std::size_t size) {
      into.push_back(static_cast<unsigned char>(size >> 8U));
      into.push_back(static_cast<unsigned char>(size & 0xffU));
    };
    head.insert(head.end(), {type, 3, 3});
    put_size(head, content.size());

    const std::unique_ptr<EVP_CIPHER_CTX, openssl::Release<EVP_CIPHER_CTX_free>> context(
        EVP_CIPHER_CTX_new());
    std::vector<unsigned char> sealed(content.size() + tag_bytes);
    int size = 0;
    EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys_.data(), nonce.data());
    EVP_EncryptUpdate(context.get(), nullptr, &size, head.data(), static_cast<int>(head.size()));
    EVP_EncryptUpdate(context.get(), sealed.data(), &size,
                      reinterpret_cast<const unsigned char*>(content.data()),
                      static_cast<int>(content.size()));
    EVP_EncryptFinal_ex(context.get(), sealed.data() + size, &size);
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, sealed.data() + content.size());

    std::vector<unsigned char> record = {type, 3, 3};
    put_size(record, nonce_bytes + sealed.size());
    record.insert(record.end(), number.begin(), number.end());
    record.insert(record.end(), sealed.begin(), sealed.end());
    return record;
  }

  int fd_;
  std::uint64_t sequence_ = 1;  // 0 was the client's Finished.
  std::array<unsigned char, 2 * (key_bytes + salt_bytes)> keys_{};
};

}  // namespace logzio_okta::test
