#include "shell/settings/proxy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <arpa/inet.h>

#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view separators = ", \t\r\n";

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

struct Address {
  std::array<unsigned char, 16> bytes{};
  std::size_t bits = 0;  // 32 or 128.
};

std::optional<Address> parse_ip(std::string_view host) {
  const std::string text(without_brackets(host));
  Address address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
  } else if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
    address.bits = 128;
  } else {
    return std::nullopt;
  }
  return address;
}

bool same_network(const Address& a, const Address& b, std::size_t prefix) {
  if (a.bits != b.bits || prefix > a.bits) return false;
  const std::size_t whole = prefix / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole), b.bytes.begin())) {
    return false;
  }
  const unsigned rest = prefix % 8;
  return rest == 0 || ((a.bytes.at(whole) ^ b.bytes.at(whole)) >> (8 - rest)) == 0;
}

bool in_network(std::string_view host, std::string_view entry, std::size_t slash) {
  const std::optional<Address> address = parse_ip(host);
  const std::optional<Address> network = parse_ip(entry.substr(0, slash));
  const std::optional<std::uint64_t> prefix = ascii::whole_number(entry.substr(slash + 1));
  return address && network && prefix && same_network(*address, *network, *prefix);
}

bool below(std::string_view host, std::string_view name) {
  return host == name ||
         (host.size() > name.size() && host.ends_with(name) && host[host.size() - name.size() - 1] == '.');
}

// "host:port" and "[::1]:port", but not a bare IPv6 address, whose colons are its own.
std::optional<std::pair<std::string_view, std::uint16_t>> split_port(std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos || parse_ip(entry)) return std::nullopt;
  const std::optional<std::uint64_t> port = ascii::whole_number(entry.substr(colon + 1));
  if (!port || *port > 65'535) return std::nullopt;
  return std::pair(entry.substr(0, colon), static_cast<std::uint16_t>(*port));
}

bool excludes(std::string_view entry, std::string_view host, std::uint16_t port) {
  if (entry == "*") return true;
  if (const std::size_t slash = entry.find('/'); slash != std::string_view::npos) {
    return in_network(host, entry, slash);
  }
  if (const auto with_port = split_port(entry)) {
    if (with_port->second != port) return false;
    entry = with_port->first;
  }
  const std::optional<Address> address = parse_ip(host);
  if (!address) return below(host, entry);
  const std::optional<Address> excluded = parse_ip(entry);
  return excluded && same_network(*address, *excluded, address->bits);
}

std::vector<std::string> split_no_proxy(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(separators);
    std::string_view entry = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    while (entry.starts_with('.')) entry.remove_prefix(1);
    if (!entry.empty()) entries.push_back(ascii::lower(entry));
  }
  return entries;
}

std::string default_port_written_out(const Origin& origin) {
  return origin.scheme + "://" + origin.host + ":" + std::to_string(origin.port);
}

// Refuses characters that another parser could take for the end of the user info: libcurl parses this URL
// again.
bool is_user_info(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return ascii::is_visible(c) && std::string_view("/\\?#@[]").find(c) == std::string_view::npos;
  });
}

}  // namespace

Result<Proxy> Proxy::from(std::string_view url, std::string_view no_proxy) {
  Proxy proxy;
  proxy.no_proxy = split_no_proxy(no_proxy);
  url = ascii::trim(url);
  if (url.empty()) return proxy;

  const std::size_t scheme_end = url.find("://");
  const std::string scheme =
      scheme_end == std::string_view::npos ? "http" : ascii::lower(url.substr(0, scheme_end));
  std::string_view rest = scheme_end == std::string_view::npos ? url : url.substr(scheme_end + 3);
  std::string_view user;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }

  const std::optional<Url> parsed = parse_url(scheme + "://" + std::string(rest));
  if (!parsed || parsed->target != "/" || !is_user_info(user)) {
    return fail(
        "HTTPS_PROXY must look like http://proxy.example.com:3128 or "
        "http://user:password@proxy.example.com:3128, its password percent-encoded");
  }
  proxy.display = default_port_written_out(parsed->origin);
  std::string whole;
  whole.reserve(proxy.display.size() + user.size() + 1);
  whole.append(scheme).append("://").append(user).append(user.empty() ? "" : "@");
  whole.append(proxy.display, scheme.size() + 3);
  proxy.url = Secret(std::move(whole));
  return proxy;
}

bool Proxy::applies_to(std::string_view host, std::uint16_t port) const {
  if (url.empty() || is_loopback(host)) return false;
  return std::ranges::none_of(no_proxy,
                              [&](const std::string& entry) { return excludes(entry, host, port); });
}

}  // namespace logzio_okta
