// IpAddress, IpBlock: the peer of a connection, and the proxies that are believed about it.
//
// Both spellings of an IPv4 address are equal: 192.0.2.1 and ::ffff:192.0.2.1.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "logzio_okta/base/error.hpp"

namespace logzio_okta {

class IpAddress {
 public:
  static constexpr std::size_t v4_bytes = 4;
  static constexpr std::size_t bytes = 16;

  /// "192.0.2.1", "2001:db8::1" or the latter in brackets; nothing for anything else.
  static std::optional<IpAddress> parse(std::string_view text);
  /// In network order.
  static IpAddress v4(std::span<const unsigned char, v4_bytes> raw);
  static IpAddress v6(std::span<const unsigned char, bytes> raw);

  [[nodiscard]] bool is_v4() const;
  /// 127.0.0.0/8 or ::1.
  [[nodiscard]] bool is_loopback() const;
  /// As IPv6; an IPv4 address is its last four bytes.
  [[nodiscard]] const std::array<unsigned char, bytes>& raw() const { return raw_; }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<unsigned char, bytes> raw_{};
};

/// All addresses that begin with the same bits.
class IpBlock {
 public:
  /// "172.17.0.1", "172.16.0.0/12", "fd00::/8". The error quotes it and says what to write.
  static Result<IpBlock> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& address) const;
  friend bool operator==(const IpBlock&, const IpBlock&) = default;

 private:
  IpAddress first_;
  std::size_t bits_ = 0;  ///< Prefix length, with the address as IPv6.
};

}  // namespace logzio_okta
