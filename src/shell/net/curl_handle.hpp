// libcurl's handles as objects, and the settings that hold for every connection we make.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <curl/curl.h>

#include "logzio_okta/base/error.hpp"
#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/net/trust.hpp"
#include "shell/settings/proxy.hpp"

namespace logzio_okta {

/// Whether the libcurl at run time has the features we rely on: TLS by OpenSSL (for the shared store) and
/// non-blocking name resolution. Initialises libcurl on the first call.
[[nodiscard]] Result<void> curl_is_suitable();

/// One transfer. It is removed from its multi handle before it is freed, in the order libcurl requires.
class EasyHandle {
 public:
  EasyHandle();
  EasyHandle(const EasyHandle&) = delete;
  EasyHandle& operator=(const EasyHandle&) = delete;
  ~EasyHandle();

  /// Only types that libcurl's variadic function reads reliably: a long, a curl_off_t, a pointer.
  template <class T>
  void set(CURLoption option, T value) {
    static_assert(std::is_same_v<T, long> || std::is_pointer_v<T>);
    must(curl_easy_setopt(handle_, option, value));
  }
  /// For strings, which libcurl copies; ours is wiped.
  void set(CURLoption option, const Secret& text);
  template <class T>
  [[nodiscard]] T info(CURLINFO what) const {
    T value{};
    must(curl_easy_getinfo(handle_, what, &value));
    return value;
  }

  void start(CURLM* multi);
  [[nodiscard]] CURL* get() const { return handle_; }

 private:
  /// An option libcurl does not know, or a value it cannot take, is a bug.
  static void must(CURLcode code);

  CURL* handle_;
  CURLM* multi_ = nullptr;
};

struct MultiCleanup {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
// CURLM is void, which unique_ptr accepts if it is never dereferenced.
using MultiHandle = std::unique_ptr<CURLM, MultiCleanup>;

/// The same with a NUL after it, for strings that libcurl reads in place.
[[nodiscard]] Secret with_nul(const Secret& secret);

/// Header lines that libcurl reads in place: its own list would copy a credential and free it unwiped.
class HeaderList {
 public:
  /// `line` must end in a NUL and outlive the list.
  void add(const char* line);
  /// Replaces an added line, also after libcurl was given the list.
  void replace(std::size_t index, const char* line);
  /// Valid until the next `add`.
  [[nodiscard]] curl_slist* head();

 private:
  std::vector<curl_slist> nodes_;
};

/// Where a connection goes, and the tunnel it takes, if any.
struct Route {
  Origin origin;
  const Proxy* proxy = nullptr;  ///< nullptr: direct.

  /// Cleartext never goes through a proxy.
  static Route to(const Origin& origin, const Proxy& proxy);
  /// "acme.okta.com", with the port if it is not the scheme's default: for people.
  [[nodiscard]] std::string name() const;
};

/// Sets what all connections have in common: only this origin, no redirect, no cookie, no .netrc, no
/// environment, HTTP/1.1, the tunnel, and the connect timeout.
void connect_by(EasyHandle& easy, const Route& route, Duration connect_timeout);
/// What libcurl calls with `self` while an exchange goes on.
struct AnswerHandlers {
  void* self;
  curl_prereq_callback on_connected;
  curl_write_callback on_header;
  curl_write_callback on_body;
};
/// The target is sent as it is written. The body arrives as the server packed it: we decode it ourselves,
/// with a bound and ten times faster.
void hand_answer_to(EasyHandle& easy, const AnswerHandlers& handlers);
/// TLS 1.2 or newer, verified by `trust` alone, within bound_tls().
void verify_by(EasyHandle& easy, const Trust& trust);

}  // namespace logzio_okta
