// Exchange: one HTTP request and its answer. libcurl holds its address until it is destroyed.
//
//     Exchange exchange(id, route, 10s, 30s, 60s, limits::answer_bytes_max, bodies_bytes);
//     exchange.prepare(trust);
//     exchange.get(target, authorization);  // Or another of the four.
//     exchange.start(multi);
//     HttpResult result = exchange.ended(code);  // As curl_multi_info_read() has it; or stalled().
//
// A body that may have been taken is never sent again: TransportError::sent says so. A proof is signed for
// each sending.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <curl/curl.h>

#include "logzio_okta/base/secret.hpp"
#include "logzio_okta/base/time.hpp"
#include "logzio_okta/flow/message.hpp"
#include "logzio_okta/http/message.hpp"

#include "shell/net/answer_collector.hpp"
#include "shell/net/curl_handle.hpp"
#include "shell/net/trust.hpp"
#include "shell/os/clock.hpp"

namespace logzio_okta {

class Exchange {
 public:
  /// A question has its credential, so that the keyring learns what the answer says about it.
  struct Ask {
    RequestId id;
    CredentialId credential;
  };
  using Id = std::variant<Ask, MintToken, BulkId>;
  /// Headers that are valid for one sending, in order; nothing: the request may not be sent.
  using Sign = std::function<std::optional<std::vector<Secret>>()>;

  Exchange(Id id, const Route& route, Duration connect, Duration stall, Duration whole,
           std::size_t answer_bytes_max, std::size_t& bodies_bytes)
      : id_(std::move(id)),
        route_(route),
        connect_(connect),
        stall_(stall),
        whole_(whole),
        answer_(answer_bytes_max, bodies_bytes) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() = default;

  /// Sets what all requests have in common. Then call one of the next four.
  void prepare(const Trust& trust);
  void get(std::string_view target, const Secret& authorization);
  void get_signed(std::string_view target, Sign sign);
  void post_form(std::string_view target, Secret&& form, Sign sign);
  void post(const Secret& target, std::shared_ptr<const std::string> body);
  void start(CURLM* multi) { easy_.start(multi); }

  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  [[nodiscard]] const Id& id() const { return id_; }
  /// When it counts as stalled; while connecting, libcurl's own timeout applies.
  [[nodiscard]] Instant stalled_at() const { return connected_ ? moved_ + stall_ : never; }
  [[nodiscard]] HttpResult ended(CURLcode code);
  [[nodiscard]] HttpResult stalled() const;

 private:
  static int on_connected(void* self, char*, char*, int, int) noexcept;
  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_send(char* room, std::size_t, std::size_t size, void* self) noexcept;

  void moved() { moved_ = steady_now(); }
  [[nodiscard]] std::optional<std::size_t> announced() const;
  void add_signed(std::size_t headers, Sign sign);
  [[nodiscard]] bool sign();
  void send_body();

  Id id_;
  Route route_;
  Duration connect_;
  Duration stall_;
  Duration whole_;
  AnswerCollector answer_;
  Secret authorization_;  // Read in place by libcurl, wiped with this object.
  HeaderList headers_;
  Sign sign_;
  std::vector<Secret> signed_;  // Read in place and wiped, too.
  std::shared_ptr<const std::string> body_;
  Secret form_;
  std::string_view bytes_;      // The body, or the form.
  std::size_t handed_out_ = 0;  // Bytes given to libcurl.
  bool connected_ = false;
  Instant moved_;
  std::array<char, CURL_ERROR_SIZE> handshake_{};
  EasyHandle easy_;  // Last, so that it is destroyed first: it reads the others.
};

}  // namespace logzio_okta
