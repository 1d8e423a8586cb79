#include "shell/output/once_view.hpp"

#include "catch.hpp"

using namespace logzio_okta;

TEST_CASE("once view: a line a tenant tells how far it has come in time, its events, rate and what remains") {
  const WallTime noon = parse_rfc3339("2026-11-23T12:00:00Z").value();
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  {
    const Instant started = Instant{} + 1h;
    OnceView view(file, started);
    CHECK_FALSE(view.drawing());
    Report report;
    report.at = noon;
    report.tenants.resize(2);
    report.tenants[0].domain = "acme.okta.com";
    report.tenants[0].state = TenantState::following;
    report.tenants[0].newest_event = noon - 10h;
    report.tenants[1].domain = "b.okta.com";
    report.tenants[1].state = TenantState::backing_off;
    CHECK(view.text(report, started).starts_with("acme.okta.com  [........................] 0 %"));
    report.tenants[0].newest_event = noon - 5h;
    report.tenants[0].events.delivered = 1000;
    const std::string half = view.text(report, started + 10s);
    CHECK(half.starts_with(
        "acme.okta.com  [############............] 50 %, up to 2026-11-23T07:00:00Z, 1000 events, "
        "100/s, 10 s left\nb.okta.com     ["));
    CHECK(half.ends_with("0 events, backing off\n"));
    report.tenants[0].state = TenantState::finished;
    const std::string last = view.text(report, started + 20s);
    CHECK(last.starts_with("b.okta.com     ["));
    CHECK(last.contains("\nacme.okta.com  [########################] 100 %"));
    view.draw(report, started + 20s);
  }
  CHECK(std::ftell(file) == 0);  // No terminal, nothing drawn.
  std::fclose(file);
}
