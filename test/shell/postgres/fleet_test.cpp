#include "shell/postgres/fleet.hpp"

#include <set>
#include <string>
#include <vector>

#include "catch.hpp"

namespace logzio_okta {
namespace {

std::set<std::string> orgs(int count) {
  std::set<std::string> names;
  for (int i = 0; i < count; ++i) names.insert("org" + std::to_string(i));
  return names;
}

/// Replicas a, b, ... that live and would follow `count` orgs, none of which is held yet.
Fleet fleet_of(int replicas, int count) {
  Fleet fleet;
  for (int i = 0; i < replicas; ++i) {
    const std::string id(1, static_cast<char>('a' + i));
    fleet.instances.push_back({.id = id, .name = id, .alive = true, .wanted = orgs(count)});
  }
  return fleet;
}

void take(Fleet& fleet, const std::string& who) {
  for (const std::string& org : fleet.to_take(who, fleet.find(who)->wanted))
    fleet.leases.push_back({org, who});
}

TEST_CASE("fleet: a single replica takes everything, a later one is given its share one by one") {
  Fleet fleet = fleet_of(1, 50);
  take(fleet, "a");
  CHECK(fleet.held_by("a") == 50);
  fleet = [&] {
    Fleet with_more = fleet_of(3, 50);
    with_more.leases = fleet.leases;
    return with_more;
  }();
  CHECK(fleet.share() == 17);
  CHECK(fleet.to_take("b", orgs(50)).empty());
  int given = 0;
  while (const auto org = fleet.to_give("a")) {
    for (auto& lease : fleet.leases) {
      if (lease.domain == *org) lease.owner.clear();
    }
    const std::string taker = given++ % 2 == 0 ? "b" : "c";
    for (auto& lease : fleet.leases) {
      if (lease.owner.empty() && !fleet.to_take(taker, {lease.domain}).empty()) lease.owner = taker;
    }
    REQUIRE(given < 100);
  }
  CHECK(fleet.held_by("a") == 17);
  CHECK(fleet.held_by("b") + fleet.held_by("c") == 33);
  CHECK_FALSE(fleet.to_give("b"));
}

TEST_CASE(
    "fleet: nobody gives away what no other one lacks, and takes more than its share rather than none") {
  Fleet fleet = fleet_of(2, 2);
  fleet.instances[1].wanted = {"other"};
  take(fleet, "a");
  CHECK(fleet.held_by("a") == 2);
  CHECK_FALSE(fleet.to_give("a"));
}

TEST_CASE("fleet: orgs held by a dead replica may be taken") {
  Fleet fleet = fleet_of(2, 4);
  for (const std::string& org : orgs(4)) fleet.leases.push_back({org, "b"});
  CHECK(fleet.to_take("a", orgs(4)).empty());
  fleet.instances[1].alive = false;
  CHECK(fleet.to_take("a", orgs(4)).size() == 4);
}

TEST_CASE("fleet: an org that a live replica would follow is held by a live one, or by none") {
  Fleet fleet = fleet_of(3, 3);
  fleet.instances[0].lease_left = 12s;
  fleet.instances[2].alive = false;
  fleet.leases = {{"org0", "a"}, {"org1", "c"}, {"nobody's wish", ""}};
  const FleetReport report = report_of(fleet, "b", 2s);
  REQUIRE(report.instances.size() == 2);
  CHECK(report.instances[0].name == "a");
  CHECK(report.instances[0].lease_left == 10s);
  CHECK(report.instances[0].orgs == std::vector<std::string>{"org0"});
  CHECK_FALSE(report.instances[0].self);
  CHECK(report.instances[1].self);
  CHECK(report.held_by_us() == 0);
  CHECK(report.unheld == std::vector<std::string>{"org1", "org2"});
  CHECK(report_of(fleet, "a", 0s).held_by_us() == 1);
}

}  // namespace
}  // namespace logzio_okta
