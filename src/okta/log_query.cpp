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

// The target of a link that names its host.
Target inside(const Origin& org, std::string_view link) {
  std::optional<Url> url = parse_url(link);
  if (!url) return refuse("not a plain http or https URL");
  if (url->origin.scheme != org.scheme) return refuse("another scheme than the org's");
  if (url->origin.host != org.host) return refuse("another host than the org's");
  if (url->origin.port != org.port) return refuse("another port than the org's");
  return std::move(url->target);
}

}  // namespace

std::string first_target(WallTime since, std::size_t limit) {
  return std::string(log_path) + "?since=" + format_rfc3339(since) +
         "&sortOrder=ASCENDING&limit=" + std::to_string(limit);
}

std::expected<std::string, std::string> admit_next(const Origin& org, std::string_view link) {
  if (link.empty()) return refuse("empty");
  if (link.size() > limits::next_link_bytes_max) return refuse("too long");
  if (!std::ranges::all_of(link, ascii::is_visible)) return refuse("white space or bytes that are not ASCII");
  if (link.find('\\') != std::string_view::npos) return refuse("a backslash");
  if (link.find('#') != std::string_view::npos) return refuse("a fragment");
  if (link.starts_with("//")) return refuse("a host without a scheme");
  Target target = link.starts_with('/') ? Target(std::string(link)) : inside(org, link);
  if (target && path_of(*target) != log_path) return refuse("another path than the System Log's");
  return target;
}

}  // namespace logzio_okta
