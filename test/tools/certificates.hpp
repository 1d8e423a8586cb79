// Certificates made at test time: an authority and leaves for any names, as PEM text.
//
//     Authority authority;
//     Certificate leaf = authority.issue({"acme.okta.com", "127.0.0.1"});
//     write(ca_file, authority.pem());
//
// P-256 keys, so that making one takes no time. Valid from an hour ago for a day, unless said otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace logzio_okta::test {

struct Certificate {
  std::string certificate_pem;
  std::string key_pem;
};

namespace openssl {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Release<X509_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;

inline void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("certificates: cannot ") + what);
}

inline std::string text_of(const Bio& bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

inline std::string to_pem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(bio.get(), certificate) == 1, "write a certificate");
  return text_of(bio);
}

inline std::string to_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write a key");
  return text_of(bio);
}

inline Key new_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "make a key");
  return key;
}

inline void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension");
}

// A certificate without extensions and signature; `issuer` is null for one that signs itself.
inline Cert new_certificate(EVP_PKEY* key, const std::string& name, X509* issuer, long valid_for_s) {
  Cert certificate(X509_new());
  require(certificate != nullptr, "make a certificate");
  X509* const x = certificate.get();
  std::uint64_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "draw a number");
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1U);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), valid_for_s);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(issuer == nullptr ? x : issuer));
  return certificate;
}

inline void sign(X509* certificate, EVP_PKEY* key) {
  require(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
}

inline std::string alternative_name(const std::string& name) {
  unsigned char address[16];
  const bool ip =
      inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1;
  return (ip ? "IP:" : "DNS:") + name;
}

}  // namespace openssl

class Authority {
 public:
  static constexpr long one_day_s = 24L * 60 * 60;

  explicit Authority(const std::string& name = "Test CA")
      : key_(openssl::new_key()),
        certificate_(openssl::new_certificate(key_.get(), name, nullptr, one_day_s)) {
    X509* const x = certificate_.get();
    openssl::add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
    openssl::add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
    openssl::add_extension(x, x, NID_subject_key_identifier, "hash");
    openssl::sign(x, key_.get());
  }

  [[nodiscard]] std::string pem() const { return openssl::to_pem(certificate_.get()); }

  /// A server's certificate for these DNS names and IP addresses. A negative `valid_for_s` is how long ago it
  /// expired, up to an hour.
  [[nodiscard]] Certificate issue(const std::vector<std::string>& names, long valid_for_s = one_day_s) const {
    const openssl::Key key = openssl::new_key();
    const openssl::Cert leaf =
        openssl::new_certificate(key.get(), names.at(0), certificate_.get(), valid_for_s);
    std::string alternatives;
    for (const std::string& name : names) {
      if (!alternatives.empty()) alternatives += ",";
      alternatives += openssl::alternative_name(name);
    }
    openssl::add_extension(leaf.get(), certificate_.get(), NID_subject_alt_name, alternatives);
    openssl::add_extension(leaf.get(), certificate_.get(), NID_ext_key_usage, "serverAuth");
    openssl::sign(leaf.get(), key_.get());
    return {.certificate_pem = openssl::to_pem(leaf.get()), .key_pem = openssl::to_pem(key.get())};
  }

 private:
  openssl::Key key_;
  openssl::Cert certificate_;
};

}  // namespace logzio_okta::test
