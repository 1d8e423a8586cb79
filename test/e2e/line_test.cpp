// The exact line that goes out: what is in Logz.io's index is built on it.
#include <algorithm>

#include "e2e/bench.hpp"

namespace logzio_okta::e2e {
namespace {

Words lines_at(Bench& bench) {
  return bench.world.with_listener(0, [](model::Listener& listener) {
    Words lines;
    for (const model::StoredLine& line : listener.lines()) lines.push_back(line.text);
    return lines;
  });
}

/// An event with its keys in an order, with numbers and escapes that a re-encoding would change.
std::string event_at(const std::string& published) {
  return R"({"eventType":"user.session.start","n":1.10,"big":12345678901234567890,"e":"\u00e9\/","published":")" +
         published + R"(","displayMessage":"User \"login\"","uuid":"aa-1", "o":{"b":1 ,"a":[]}})";
}

TEST_CASE(
    "line: type, tenant, fields, time and message come before Okta's own bytes, which stay as they are") {
  Bench bench;
  const std::size_t org = bench.add_org();
  bench.add_listener();
  const std::string name = bench.world.org_name(org);
  bench.write_tenants(
      "defaults: {fields: {tier: 2}}\ntenants_credentials:\n  - okta_domain: " + bench.world.org_domain(org) +
      "\n    okta_api_key: " + bench.world.org_key(org) + "\n    fields: {customer: \"7\", vip: true}\n");
  bench.start();
  REQUIRE(bench.wait([&] { return bench.requests(org) > 0; }));
  // Published and persisted now: after the tenant's first start, so that it is not marked as backfill.
  const std::string published = format_rfc3339(World::now() + 1s);
  const std::string event = event_at(published);
  bench.world.issue_bytes(org, event);
  REQUIRE(bench.wait([&] { return !lines_at(bench).empty(); }));
  CHECK(lines_at(bench) == Words{R"({"type":"okta","tenant_name":")" + name +
                                 R"(","customer":"7","vip":true,"tier":2,"@timestamp":")" + published +
                                 R"(","message":"User \"login\"",)" + event.substr(1)});
  CHECK(bench.stop() == 0);
}

}  // namespace
}  // namespace logzio_okta::e2e
