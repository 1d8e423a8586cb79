#include "shell/output/once_view.hpp"

#include <algorithm>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {

std::string OnceView::text(const Report& report, Instant now) {
  std::size_t width = 0;
  for (const TenantReport& tenant : report.tenants) width = std::max(width, tenant.domain.size());
  std::string text;
  std::string done;
  for (const TenantReport& tenant : report.tenants) {
    std::string& line = tenant.state == TenantState::finished ? done : text;
    double share = 0;
    if (tenant.newest_event) {
      const WallTime begun = begun_.try_emplace(tenant.domain, *tenant.newest_event).first->second;
      const double whole = std::chrono::duration<double>(report.at - begun).count();
      if (whole > 0) share = std::chrono::duration<double>(*tenant.newest_event - begun).count() / whole;
    }
    // At the tail nothing is left, however old the newest event is.
    if (tenant.behind == Duration::zero() || tenant.state == TenantState::finished) share = 1;
    line += printable(tenant.domain) + std::string(width - tenant.domain.size() + 2, ' ') +
            progress_bar(share) + " ";
    line += progress_text(share, tenant.newest_event, tenant.events.delivered, now - started_);
    if (tenant.state != TenantState::following) line += ", " + std::string(name_of(tenant.state));
    line += '\n';
  }
  return text + done;
}

}  // namespace logzio_okta
