#include "logzio_okta/okta/log_query.hpp"

#include <algorithm>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

using Target = std::expected<std::string, std::string>;

Target refuse(std::string_view how) {
  return std::unexpected(std::string(how));
}

// Encodes every byte except the unreserved ones of RFC 3986, which all servers read alike.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (ascii::is_letter(c) || ascii::is_digit(c) || std::string_view("-._~").contains(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    ((encoded += '%') += digits[byte >> 4U]) += digits[byte & 15U];
  }
  return encoded;
}

// Another name at Okta for an org that we know by a custom domain.
bool is_other_name(const Origin& org, const Origin& named) {
  constexpr std::uint16_t https = 443;
  return named.host != org.host && is_okta_host(named.host) && named.scheme == "https" && named.port == https;
}

// The target of a link that names its host.
Target inside(const Origin& org, std::string_view link) {
  std::optional<Url> url = parse_url(link);
  if (!url && link.contains('@')) return refuse("another host, after user info");
  if (!url) return refuse("not a plain http or https URL");
  if (is_other_name(org, url->origin)) return std::move(url->target);
  if (url->origin.scheme != org.scheme) return refuse("another scheme than the org's");
  if (url->origin.host != org.host) return refuse("another host than the org's");
  if (url->origin.port != org.port) return refuse("another port than the org's");
  return std::move(url->target);
}

}  // namespace

std::string LogQuery::text() const {
  std::string text;
  if (!filter.empty()) text += "filter=" + percent_encoded(filter);
  if (!q.empty()) text += (text.empty() ? "q=" : "&q=") + percent_encoded(q);
  return text;
}

std::string LogQuery::stream_key(const Domain& domain) const {
  return plain() ? domain.name() : domain.name() + "?" + text();
}

std::string_view org_of_stream_key(std::string_view key) {
  return key.substr(0, key.find('?'));
}

std::string first_target(WallTime since, std::size_t limit, const LogQuery& query) {
  const std::string question = std::string(log_path) + "?since=" + format_rfc3339(since) +
                               "&sortOrder=ASCENDING&limit=" + std::to_string(limit);
  return query.plain() ? question : question + "&" + query.text();
}

std::string other_name_in(const Origin& org, std::string_view link) {
  std::optional<Url> url = parse_url(link);
  return url && is_other_name(org, url->origin) ? std::move(url->origin.host) : std::string();
}

std::string clock_target() {
  return std::string(log_path) + "?sortOrder=ASCENDING&limit=1";
}

std::expected<std::string, std::string> admit_next(const Origin& org, std::string_view link) {
  if (link.empty()) return refuse("empty");
  if (link.size() > limits::next_link_bytes_max) return refuse("too long");
  if (!std::ranges::all_of(link, ascii::is_visible)) return refuse("white space or bytes that are not ASCII");
  if (link.contains('\\'))
    return refuse(link.contains("://") ? "another host, as some read a backslash" : "a backslash");
  if (link.find('#') != std::string_view::npos) return refuse("a fragment");
  if (link.starts_with("//")) return refuse("a host without a scheme");
  Target target = link.starts_with('/') ? Target(std::string(link)) : inside(org, link);
  if (target && path_of(*target) != log_path) return refuse("another path than the System Log's");
  return target;
}

std::string describe_refused_link(std::string_view why) {
  const bool leaves = why.starts_with("another ") || why == "a host without a scheme";
  return (leaves ? "leaves the org (" : "is malformed (") + std::string(why) + ")";
}

}  // namespace logzio_okta
