#include "logzio_okta/config/tenants.hpp"

#include <variant>

namespace logzio_okta {

std::string_view difference_of(const TenantEntry& a, const TenantEntry& b) {
  const auto same_since = [](const Since& x, const Since& y) {
    const auto* ago_x = std::get_if<SinceAgo>(&x);
    const auto* ago_y = std::get_if<SinceAgo>(&y);
    if (ago_x != nullptr && ago_y != nullptr) return ago_x->ago == ago_y->ago;
    const auto* at_x = std::get_if<SinceAt>(&x);
    const auto* at_y = std::get_if<SinceAt>(&y);
    return at_x != nullptr && at_y != nullptr && at_x->at == at_y->at;
  };
  if (a.since.has_value() != b.since.has_value() || (a.since && !same_since(*a.since, *b.since)))
    return "since";
  if (a.query.filter != b.query.filter) return "filter";
  if (a.query.q != b.query.q) return "q";
  if (a.token_file != b.token_file) return "logzio_token_file";
  if (!a.token.same_as(b.token)) return "logzio_token";
  if (a.listener != b.listener) return "logzio_listener_host";
  if (a.type != b.type) return "type";
  if (a.fields != b.fields) return "fields";
  return {};
}

bool have_same_key(const TenantEntry& a, const TenantEntry& b) {
  if (a.domain != b.domain || a.service_app.has_value() != b.service_app.has_value()) return false;
  if (!a.service_app) return a.api_key.same_as(b.api_key);
  return a.service_app->client_id == b.service_app->client_id &&
         a.service_app->thumbprint == b.service_app->thumbprint;
}

}  // namespace logzio_okta
