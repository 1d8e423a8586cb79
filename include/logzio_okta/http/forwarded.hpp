// The client that a proxy names, before a connection's first byte or in each request's headers.
//
// Only proxies that the operator named are believed. The client's address decides which refusals count
// together, and nothing else: no address grants access.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/http/address.hpp"
#include "logzio_okta/http/request.hpp"

namespace logzio_okta {

/// The PROXY protocol header, version 1 or 2 (haproxy.org, proxy-protocol.txt), at the start of a connection.
class ProxyHeader {
 public:
  enum class Stage : std::uint8_t {
    reading,
    whole,
    absent,  ///< The connection begins with something else.
    broken,  ///< It begins like a header but is not a valid one.
  };

  /// Neither TLS nor any method we accept begins with these, except POST with the first.
  [[nodiscard]] static bool may_begin_with(char byte) { return byte == 'P' || byte == '\r'; }

  /// Takes bytes until the stage changes or they are used up, never past the header; returns how many.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] Stage stage() const { return stage_; }
  /// Once absent: the bytes taken before that was clear. The conversation begins with them.
  [[nodiscard]] const std::string& taken() const { return taken_; }
  /// Once whole: nothing if the proxy speaks for itself (a health check) or does not name its client.
  [[nodiscard]] const std::optional<IpAddress>& client() const { return client_; }

 private:
  void look();
  void look_at_text();
  void look_at_binary();
  void read_text(std::string_view line);
  void read_binary();

  Stage stage_ = Stage::reading;
  std::string taken_;
  std::optional<IpAddress> client_;
};

/// The last address in X-Forwarded-For, or without that header in Forwarded (RFC 7239), that is not one of
/// the proxies: anyone may have written those before it. Nothing if none can be read.
[[nodiscard]] std::optional<IpAddress> forwarded_client(const RequestReader& request,
                                                        std::span<const IpBlock> proxies);

}  // namespace logzio_okta
