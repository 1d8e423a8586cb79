// HookClient: Okta's side of an event hook, or a stranger's. Blocks, for a while at most.
//
//     HookClient client(port);              // With TLS: HookClient client(port, authority_file);
//     client.say("GET / HTTP/1.1\r\n...");
//     HookReply reply = client.hear();      // One answer; status 0 where none comes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "sandbox/stream.hpp"

namespace logzio_okta::sandbox {

struct HookReply {
  int status = 0;
  std::string body;
};

class HookClient {
 public:
  /// `trusted_file`: speak TLS, and only with a server for "localhost" whose certificate comes from there.
  /// `from`: the address it connects from, any of 127/8.
  explicit HookClient(std::uint16_t port, const std::string& trusted_file = {},
                      const char* from = "127.0.0.1");

  [[nodiscard]] bool connected() const { return connected_; }
  bool say(std::string_view bytes);
  /// A TLS 1.3 record without data; false once the server has closed the connection.
  bool update_key();
  [[nodiscard]] HookReply hear();
  /// The identity the server presents.
  [[nodiscard]] std::string serial() const;

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  [[nodiscard]] std::size_t receive(char* into, std::size_t size);

  Fd socket_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool connected_ = false;
  std::string heard_;
};

/// The delivery of events as Okta makes it; `source` is the org as it is in the tenants file.
[[nodiscard]] std::string hook_body(const std::string& source, const std::vector<std::string>& events,
                                    const std::string& event_id = "85b60edb-0000-4000-8000-000000000001");
[[nodiscard]] std::string hook_post(const std::string& body, const std::string& headers,
                                    bool keeps_alive = false);

}  // namespace logzio_okta::sandbox
