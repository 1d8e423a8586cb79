// For whom a proxy speaks: what it says before a connection's first byte, or in each request's headers.
//
// Only a proxy that the operator named is asked. What it says decides whose refusals count together, and
// nothing else: no address lets anybody in.
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

/// The PROXY protocol, version 1 or 2 (haproxy.org, proxy-protocol.txt), where a connection begins with it.
class ProxyHeader {
 public:
  enum class Stage : std::uint8_t {
    reading,
    whole,
    absent,  ///< The connection begins with something else.
    broken,  ///< It begins like one and is none.
  };

  /// Neither TLS nor a method that we know begins with these, but for POST with the first.
  [[nodiscard]] static bool may_begin_with(char byte) { return byte == 'P' || byte == '\r'; }

  /// Takes bytes until the stage changes or they are used up, never one behind the header; returns how many.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] Stage stage() const { return stage_; }
  /// Once absent: what was taken before that was clear. The conversation begins with it.
  [[nodiscard]] const std::string& taken() const { return taken_; }
  /// Once whole: nothing where the proxy speaks for itself (a health check) or does not say for whom.
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

/// The last address in X-Forwarded-For, or where there is none in Forwarded (RFC 7239), that is not one of
/// the proxies' own: those before it were written by whoever it is. Nothing where none can be read.
[[nodiscard]] std::optional<IpAddress> forwarded_client(const RequestReader& request,
                                                        std::span<const IpBlock> proxies);

}  // namespace logzio_okta
