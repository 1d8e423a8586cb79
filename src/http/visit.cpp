#include "logzio_okta/http/visit.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {
namespace {

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (colon == std::string_view::npos) return host;
  return bracket != std::string_view::npos && colon < bracket ? host : host.substr(0, colon);
}

bool is_known(std::string_view host, const VisitRules& rules) {
  const std::string name = ascii::lower(without_port(ascii::trim(host)));
  if (is_loopback(name) || std::ranges::find(rules.names, name) != rules.names.end()) return true;
  // An address cannot be made to resolve to this server.
  return !rules.on_loopback && (rules.names.empty() || is_ip_address(name));
}

// "http://localhost:9810" is the page of "localhost:9810".
bool is_of(std::string_view origin, const std::vector<std::string>& hosts) {
  const std::size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const std::string_view authority = origin.substr(scheme_end + 3);
  return std::ranges::any_of(hosts, [&](const std::string& host) {
    return ascii::equal_ignoring_case(ascii::trim(host), authority);
  });
}

// A link to the page is allowed from anywhere; requests that a page makes by itself are not.
bool is_link(const Visit& visit) {
  return visit.fetch_mode == "navigate" && visit.fetch_destination == "document";
}

bool is_foreign(const Visit& visit) {
  if (visit.origin && !is_of(*visit.origin, visit.hosts)) return true;
  const bool ours = !visit.fetch_site || visit.fetch_site == "same-origin" || visit.fetch_site == "none";
  return !ours && !is_link(visit);
}

}  // namespace

std::optional<VisitRefusal> refuse_visit(const Visit& visit, const VisitRules& rules) {
  constexpr int misdirected = 421;
  constexpr int forbidden = 403;
  const auto unknown =
      std::ranges::find_if_not(visit.hosts, [&](const std::string& host) { return is_known(host, rules); });
  if (unknown != visit.hosts.end()) {
    return VisitRefusal{.status = misdirected,
                        .text = "the Host " + printable(*unknown, limits::quoted_bytes_max) +
                                " is not allowed here; use localhost, or allow it with --admin-hosts"};
  }
  if (is_foreign(visit)) {
    return VisitRefusal{.status = forbidden, .text = "this server does not answer to pages of other sites"};
  }
  return std::nullopt;
}

}  // namespace logzio_okta
