#include "logzio_okta/http/url.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

// Calls `visit(part)` for each part of `text` between separators, until one is refused.
template <class Visit>
bool every_part(std::string_view text, char separator, Visit visit) {
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (!visit(text.substr(0, end))) return false;
    if (end == text.size()) return true;
    text.remove_prefix(end + 1);
  }
}

// Four numbers up to 255 without leading zeros, which some parsers take for octal.
bool is_ipv4(std::string_view host) {
  int parts = 0;
  return every_part(host, '.',
                    [&](std::string_view part) {
                      ++parts;
                      const auto number = part.size() <= 3 ? ascii::whole_number(part) : std::nullopt;
                      return number && *number <= 255 && (part.size() == 1 || part.front() != '0');
                    }) &&
         parts == 4;
}

bool is_hex_group(std::string_view group) {
  constexpr std::string_view hex = "0123456789abcdefABCDEF";
  return !group.empty() && group.size() <= 4 && group.find_first_not_of(hex) == std::string_view::npos;
}

// The number of 16-bit groups in a run without "::"; nullopt if it is not such a run.
std::optional<int> count_groups(std::string_view run, bool at_end) {
  if (run.empty()) return 0;
  int groups = 0;
  const bool good = every_part(run, ':', [&](std::string_view group) {
    const bool last = group.data() + group.size() == run.data() + run.size();
    const bool ipv4 = at_end && last && is_ipv4(group);
    groups += ipv4 ? 2 : 1;
    return ipv4 || is_hex_group(group);
  });
  if (!good) return std::nullopt;
  return groups;
}

bool is_ipv6(std::string_view address) {
  const std::size_t gap = address.find("::");
  if (gap == std::string_view::npos) return count_groups(address, true) == 8;
  const auto before = count_groups(address.substr(0, gap), false);
  const auto after = count_groups(address.substr(gap + 2), true);
  return before && after && *before + *after <= 7;
}

bool is_bracketed(std::string_view host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']';
}

bool is_label(std::string_view label) {
  const auto allowed = [](char c) {
    return ascii::is_letter(c) || ascii::is_digit(c) || c == '-' || c == '_';
  };
  return !label.empty() && std::ranges::all_of(label, allowed);
}

// The resolver takes a name whose last label is a number for an address ("127.1", "0x7f000001").
bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return std::ranges::all_of(last, ascii::is_digit) || last.starts_with("0x") || last.starts_with("0X");
}

bool is_host(std::string_view host) {
  if (is_ip_address(host)) return true;
  if (host.ends_with('.')) host.remove_suffix(1);
  return every_part(host, '.', is_label) && !ends_in_number(host);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 5 || text.starts_with('0')) return std::nullopt;
  const auto number = ascii::whole_number(text);
  if (!number || *number > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

// Without its colon; nullopt if there is none.
std::optional<std::string_view> cut_port(std::string_view& authority) {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return std::nullopt;
  }
  const std::string_view port = authority.substr(colon + 1);
  authority = authority.substr(0, colon);
  return port;
}

std::optional<Origin> parse_origin(std::string scheme, std::string_view authority) {
  Origin origin{.scheme = std::move(scheme), .host = {}, .port = 0};
  origin.port = default_port(origin.scheme);
  if (const auto written = cut_port(authority)) {
    const auto port = parse_port(*written);
    if (!port) return std::nullopt;
    origin.port = *port;
  }
  if (!is_host(authority)) return std::nullopt;
  origin.host = ascii::lower(authority);
  return origin;
}

}  // namespace

std::string Origin::text() const {
  std::string text = scheme + "://" + host;
  if (port != default_port(scheme)) text += ':' + std::to_string(port);
  return text;
}

std::optional<Url> parse_url(std::string_view text) {
  const auto belongs = [](char c) { return ascii::is_visible(c) && c != '\\'; };
  if (!std::ranges::all_of(text, belongs)) return std::nullopt;

  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  std::string scheme = ascii::lower(text.substr(0, colon));
  if (scheme != "https" && scheme != "http") return std::nullopt;
  text.remove_prefix(colon + 3);

  text = text.substr(0, text.find('#'));
  const std::size_t authority_size = std::min(text.find_first_of("/?"), text.size());
  // User info needs no extra rule: '@' is not allowed in a host.
  std::optional<Origin> origin = parse_origin(std::move(scheme), text.substr(0, authority_size));
  if (!origin) return std::nullopt;
  const std::string_view rest = text.substr(authority_size);
  std::string target = rest.starts_with('/') ? "" : "/";
  target += rest;
  return Url{.origin = std::move(*origin), .target = std::move(target)};
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

bool is_loopback(std::string_view host) {
  return host == "[::1]" || ascii::equal_ignoring_case(host, "localhost") ||
         (host.starts_with("127.") && is_ipv4(host));
}

bool is_ip_address(std::string_view host) {
  return is_bracketed(host) ? is_ipv6(host.substr(1, host.size() - 2)) : is_ipv4(host);
}

}  // namespace logzio_okta
