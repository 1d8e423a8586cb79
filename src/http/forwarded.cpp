#include "logzio_okta/http/forwarded.hpp"

#include <algorithm>
#include <array>
#include <ranges>
#include <vector>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr std::string_view text_start = "PROXY ";
constexpr std::size_t text_bytes_max = 107;
constexpr std::string_view binary_start{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t binary_fixed_bytes = 16;
constexpr std::size_t command_at = 12;
constexpr std::size_t family_at = 13;
constexpr std::size_t length_at = 14;

unsigned char byte_of(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes.at(at));
}

std::size_t length_of(std::string_view bytes) {
  return (static_cast<std::size_t>(byte_of(bytes, length_at)) << 8U) | byte_of(bytes, length_at + 1);
}

template <std::size_t size>
std::array<unsigned char, size> raw_from(std::string_view bytes) {
  std::array<unsigned char, size> raw{};
  std::ranges::transform(bytes.substr(0, size), raw.begin(),
                         [](char c) { return static_cast<unsigned char>(c); });
  return raw;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1", also in quotation marks.
std::optional<IpAddress> read_node(std::string_view text) {
  text = ascii::trim(text);
  if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.starts_with('[')) return IpAddress::parse(text.substr(0, text.find(']') + 1));
  const bool has_port = std::ranges::count(text, ':') == 1;
  return IpAddress::parse(has_port ? text.substr(0, text.find(':')) : text);
}

// From an element of Forwarded: "for=192.0.2.60;proto=http".
std::optional<IpAddress> read_element(std::string_view element) {
  constexpr std::string_view name = "for=";
  for (const std::string_view pair : split(element, ';')) {
    const std::string_view trimmed = ascii::trim(pair);
    if (ascii::equal_ignoring_case(trimmed.substr(0, name.size()), name))
      return read_node(trimmed.substr(name.size()));
  }
  return std::nullopt;
}

}  // namespace

std::size_t ProxyHeader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && stage_ == Stage::reading) {
    taken_.push_back(bytes[taken++]);
    look();
  }
  return taken;
}

void ProxyHeader::look() {
  if (taken_.starts_with(text_start)) return look_at_text();
  if (taken_.starts_with(binary_start)) return look_at_binary();
  if (!text_start.starts_with(taken_) && !binary_start.starts_with(taken_)) stage_ = Stage::absent;
}

void ProxyHeader::look_at_text() {
  constexpr std::string_view line_end = "\r\n";
  const std::string_view line = taken_;
  if (line.ends_with(line_end)) {
    read_text(line.substr(0, line.size() - line_end.size()));
  } else if (line.size() >= text_bytes_max || line.back() == '\n') {
    stage_ = Stage::broken;
  }
}

// "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443", or "PROXY UNKNOWN" followed by anything.
void ProxyHeader::read_text(std::string_view line) {
  constexpr std::size_t words_count = 6;
  const std::vector<std::string_view> words = split(line, ' ');
  stage_ = Stage::whole;
  if (words[1] == "UNKNOWN") return;
  client_ = words.size() == words_count ? IpAddress::parse(words[2]) : std::nullopt;
  const bool family = words[1] == "TCP4" || words[1] == "TCP6";
  if (!family || !client_ || client_->is_v4() != (words[1] == "TCP4")) {
    client_.reset();
    stage_ = Stage::broken;
  }
}

void ProxyHeader::look_at_binary() {
  if (taken_.size() < binary_fixed_bytes) return;
  const std::size_t whole = binary_fixed_bytes + length_of(taken_);
  if (whole > limits::proxy_header_bytes_max) {
    stage_ = Stage::broken;
  } else if (taken_.size() == whole) {
    read_binary();
  }
}

void ProxyHeader::read_binary() {
  constexpr unsigned char version_2_for_itself = 0x20;
  constexpr unsigned char version_2_for_a_client = 0x21;
  constexpr unsigned char tcp_v4 = 0x11;
  constexpr unsigned char tcp_v6 = 0x21;
  constexpr std::size_t v4_addresses = 12;  // Two of them, and two ports.
  constexpr std::size_t v6_addresses = 36;
  const unsigned char command = byte_of(taken_, command_at);
  const std::string_view addresses = std::string_view(taken_).substr(binary_fixed_bytes);
  stage_ = Stage::whole;
  if (command == version_2_for_itself) return;
  if (command != version_2_for_a_client) {
    stage_ = Stage::broken;
    return;
  }
  const unsigned char family = byte_of(taken_, family_at);
  if (family == tcp_v4 && addresses.size() >= v4_addresses) {
    client_ = IpAddress::v4(raw_from<IpAddress::v4_bytes>(addresses));
  } else if (family == tcp_v6 && addresses.size() >= v6_addresses) {
    client_ = IpAddress::v6(raw_from<IpAddress::bytes>(addresses));
  } else if (family == tcp_v4 || family == tcp_v6) {
    stage_ = Stage::broken;
  }
}

std::optional<IpAddress> forwarded_client(const RequestReader& request, std::span<const IpBlock> proxies) {
  const bool usual = request.count("X-Forwarded-For") > 0;
  const auto lines = request.values(usual ? "X-Forwarded-For" : "Forwarded");
  for (const std::string_view line : lines | std::views::reverse) {
    const std::vector<std::string_view> nodes = split(line, ',');
    for (const std::string_view node : nodes | std::views::reverse) {
      const auto address = usual ? read_node(node) : read_element(node);
      const bool is_proxy = address && std::ranges::any_of(proxies, [&](const IpBlock& each) {
                              return each.contains(*address);
                            });
      if (!is_proxy) return address;
    }
  }
  return std::nullopt;
}

}  // namespace logzio_okta
