#include "shell/net/trust.hpp"

#include <cstdlib>
#include <string>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "catch.hpp"
#include "shell/loopback_server.hpp"
#include "tools/certificates.hpp"

using namespace logzio_okta;
using namespace logzio_okta::test;

namespace {

using Context = std::unique_ptr<SSL_CTX, openssl::Release<SSL_CTX_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, openssl::Release<X509_STORE_CTX_free>>;

Context context_with(const Trust& trust) {
  Context context(SSL_CTX_new(TLS_client_method()));
  trust.attach(context.get());
  return context;
}

bool trusts(const Trust& trust, const Certificate& leaf) {
  const Context context = context_with(trust);
  const openssl::Bio bio(BIO_new_mem_buf(leaf.certificate_pem.data(), -1));
  const openssl::Cert certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const StoreContext check(X509_STORE_CTX_new());
  REQUIRE(X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context.get()), certificate.get(),
                              nullptr) == 1);
  return X509_verify_cert(check.get()) == 1;
}

// An environment variable that is as before when the test is over.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    setenv(name, value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

std::string error_of(const std::string& ca_file) {
  const Result<Trust> trust = Trust::load(ca_file);
  REQUIRE_FALSE(trust.has_value());
  CHECK(trust.error().text.find(ca_file) != std::string::npos);
  return trust.error().text;
}

}  // namespace

TEST_CASE("trust: the CA file is trusted beside the system's store") {
  const Authority in_file("In the file");
  const Authority of_system("Of the system");
  const Authority stranger("Stranger");
  const TemporaryFile ca_file(in_file.pem());
  const TemporaryFile system(of_system.pem());
  const Environment environment("SSL_CERT_FILE", system.path());

  const Trust trust = Trust::load(ca_file.path()).value();
  CHECK(trusts(trust, in_file.issue({"a.example"})));
  CHECK(trusts(trust, of_system.issue({"a.example"})));
  CHECK_FALSE(trusts(trust, stranger.issue({"a.example"})));
  CHECK_FALSE(trusts(Trust::load(std::nullopt).value(), in_file.issue({"a.example"})));
}

TEST_CASE("trust: every certificate of the CA file counts, and other text in it does no harm") {
  const Authority first("First");
  const Authority second("Second");
  const std::string key = second.issue({"x.example"}).key_pem;
  const TemporaryFile ca_file("# First\n" + first.pem() + key + second.pem() + first.pem() + "the end\n");
  const Trust trust = Trust::load(ca_file.path()).value();
  CHECK(trusts(trust, first.issue({"a.example"})));
  CHECK(trusts(trust, second.issue({"a.example"})));
}

TEST_CASE("trust: an expired certificate is not trusted") {
  const Authority authority;
  const TemporaryFile ca_file(authority.pem());
  CHECK_FALSE(trusts(Trust::load(ca_file.path()).value(), authority.issue({"a.example"}, -60)));
}

TEST_CASE("trust: all contexts share one store") {
  const Trust trust = Trust::load(std::nullopt).value();
  const Context one = context_with(trust);
  const Context two = context_with(trust);
  CHECK(SSL_CTX_get_cert_store(one.get()) == SSL_CTX_get_cert_store(two.get()));
}

TEST_CASE("trust: a CA file that cannot be read is an error that names it and the flag") {
  const std::string text = error_of("/nonexistent/ca.pem");
  CHECK(text.find("No such file") != std::string::npos);
  CHECK(text.find("--ca-file") != std::string::npos);
  error_of("/tmp");
}

TEST_CASE("trust: a CA file without a certificate is an error that says how to make one") {
  CHECK(error_of(TemporaryFile("").path()).find("/tmp") != std::string::npos);
  const TemporaryFile not_pem("\x30\x82\x01\x0a");
  CHECK(error_of(not_pem.path()).find("openssl x509") != std::string::npos);
}

TEST_CASE("trust: a damaged certificate in the CA file is an error that says which") {
  const Authority authority;
  std::string damaged = authority.pem();
  damaged.erase(damaged.size() / 2, 8);
  const TemporaryFile ca_file(authority.pem() + damaged);
  CHECK(error_of(ca_file.path()).find("certificate 2") != std::string::npos);
}

TEST_CASE("trust: a missing system store is a warning that says what to install") {
  const Environment file("SSL_CERT_FILE", "/nonexistent/cert.pem");
  const Environment dir("SSL_CERT_DIR", "/nonexistent/certs");
  const Trust trust = Trust::load(std::nullopt).value();
  REQUIRE(trust.warning().has_value());
  CHECK(trust.warning()->find("ca-certificates") != std::string::npos);
}
