#include "logzio_okta/http/address.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {
namespace {

constexpr std::array<unsigned char, 12> v4_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t byte_bits = 8;

unsigned digit_of(char c) {
  return static_cast<unsigned>(ascii::is_digit(c) ? c - '0' : ascii::lower(c) - 'a' + 10);
}

// `text` must be a valid address.
std::array<unsigned char, IpAddress::v4_bytes> read_v4(std::string_view text) {
  std::array<unsigned char, IpAddress::v4_bytes> raw{};
  std::size_t at = 0;
  for (const char c : text) {
    if (c == '.') {
      ++at;
    } else {
      raw.at(at) = static_cast<unsigned char>(raw.at(at) * 10 + digit_of(c));
    }
  }
  return raw;
}

// The bytes of groups between colons, of a valid address.
std::vector<unsigned char> read_groups(std::string_view text) {
  std::vector<unsigned char> raw;
  while (!text.empty()) {
    const std::string_view group = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(group.size() + 1, text.size()));
    if (group.contains('.')) {
      std::ranges::copy(read_v4(group), std::back_inserter(raw));
      continue;
    }
    unsigned number = 0;
    for (const char c : group) number = number * 16 + digit_of(c);
    raw.push_back(static_cast<unsigned char>(number >> byte_bits));
    raw.push_back(static_cast<unsigned char>(number & 0xffU));
  }
  return raw;
}

std::string_view without_brackets(std::string_view text) {
  return text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  text = without_brackets(text);
  if (is_ip_address(text)) return v4(read_v4(text));
  if (!is_ip_address("[" + std::string(text) + "]")) return std::nullopt;
  IpAddress address;
  const std::size_t gap = std::min(text.find("::"), text.size());
  const std::vector<unsigned char> front = read_groups(text.substr(0, gap));
  const std::vector<unsigned char> back = read_groups(text.substr(std::min(gap + 2, text.size())));
  std::ranges::copy(front, address.raw_.begin());
  std::ranges::copy_backward(back, address.raw_.end());
  return address;
}

IpAddress IpAddress::v4(std::span<const unsigned char, v4_bytes> raw) {
  IpAddress address;
  std::ranges::copy(v4_prefix, address.raw_.begin());
  std::ranges::copy_backward(raw, address.raw_.end());
  return address;
}

IpAddress IpAddress::v6(std::span<const unsigned char, bytes> raw) {
  IpAddress address;
  std::ranges::copy(raw, address.raw_.begin());
  return address;
}

bool IpAddress::is_v4() const {
  return std::ranges::equal(v4_prefix, std::span(raw_).first<v4_prefix.size()>());
}

bool IpAddress::is_loopback() const {
  constexpr unsigned char loopback_net = 127;
  if (is_v4()) return raw_.at(v4_prefix.size()) == loopback_net;
  return raw_.back() == 1 && std::ranges::all_of(std::span(raw_).first<bytes - 1>(),
                                                 [](unsigned char byte) { return byte == 0; });
}

Result<IpBlock> IpBlock::parse(std::string_view text) {
  // Nobody's proxies are in a wider network.
  constexpr std::size_t bits_min = 8;
  text = ascii::trim(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = IpAddress::parse(text.substr(0, slash));
  IpBlock block;
  if (address) {
    const std::size_t before = address->is_v4() ? v4_prefix.size() * byte_bits : 0;
    const std::size_t bits_max = IpAddress::bytes * byte_bits - before;
    const auto bits = slash == text.size() ? bits_max : ascii::whole_number(text.substr(slash + 1));
    if (bits && *bits <= bits_max) {
      if (*bits < bits_min) {
        return fail(ascii::quote(text) + " is too wide a network; name the proxies' own, at least /" +
                    std::to_string(bits_min));
      }
      block.first_ = *address;
      block.bits_ = before + static_cast<std::size_t>(*bits);
      return block;
    }
  }
  return fail(ascii::quote(text) +
              " is not an address or a network; write, for example, 172.17.0.1 or 10.0.0.0/8");
}

bool IpBlock::contains(const IpAddress& address) const {
  const std::size_t whole = bits_ / byte_bits;
  const std::size_t rest = bits_ % byte_bits;
  const auto& ours = first_.raw();
  const auto& theirs = address.raw();
  if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole), theirs.begin()))
    return false;
  const std::size_t shift = byte_bits - rest;
  return rest == 0 || (ours.at(whole) >> shift) == (theirs.at(whole) >> shift);
}

}  // namespace logzio_okta
