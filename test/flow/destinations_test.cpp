// Several destinations: each tenant's events go to its own, and one in trouble holds only its own tenants.
#include "logzio_okta/base/random.hpp"

#include "flow/bench.hpp"

using namespace logzio_okta;
using namespace logzio_okta::bench;

namespace {

constexpr DestinationId first{1};
constexpr DestinationId second{2};
const std::string acme = "acme.okta.com";
const std::string globex = "globex.okta.com";

/// Acme ships to the first account, globex to the second.
struct Provider : Bench {
  Provider() : Bench({.domains = {acme, globex}, .accounts = {1, 2}}) {}

  /// One page of one event each.
  void both_ask_and_get(int n) {
    okta_replies(acme, page({fresh(n)}).next("/api/v1/logs?after=a" + std::to_string(n)));
    okta_replies(globex, page({fresh(1000 + n)}).next("/api/v1/logs?after=g" + std::to_string(n)));
    pass(limits::bulk_age_max);
  }
  [[nodiscard]] SendBulk bulk_to(DestinationId where) const {
    const auto found =
        std::ranges::find_if(bulks, [&](const auto& each) { return each.second.destination == where; });
    REQUIRE(found != bulks.end());
    return found->second;
  }
  [[nodiscard]] bool nothing_goes_to(DestinationId where) const {
    return std::ranges::none_of(bulks, [&](const auto& each) { return each.second.destination == where; });
  }
  void says_of(DestinationId where, const BulkResult& result) { verdict(bulk_to(where).id, result); }
  [[nodiscard]] std::vector<int> at(DestinationId where) const {
    std::vector<int> numbers;
    for (const Line& line : delivered) {
      if (line.destination == where) numbers.push_back(line.n);
    }
    return numbers;
  }
  void acme_moves_to(DestinationId where) {
    auto specs = tenants;
    specs[0].destination = where;
    reloads(specs);
  }
};

}  // namespace

TEST_CASE("destinations: a bulk waits for what is on its way to the same account, and for nothing else") {
  Provider apart;
  apart.okta_replies(acme, page({apart.fresh(1)}).next("/api/v1/logs?after=a1"));
  REQUIRE(apart.bulks.size() == 1);  // Globex has not been answered yet.

  Bench together({.domains = {acme, globex}});
  together.okta_replies(acme, page({together.fresh(1)}).next("/api/v1/logs?after=a1"));
  REQUIRE(together.bulks.empty());
  together.okta_replies(globex, page({together.fresh(2)}).next("/api/v1/logs?after=g1"));
  REQUIRE(together.bulks.size() == 1);
  REQUIRE(together.bulks.begin()->second.lines == 2);

  Bench in_vain({.domains = {acme, globex}});
  in_vain.okta_replies(acme, page({in_vain.fresh(1)}).next("/api/v1/logs?after=a1"));
  in_vain.pass(limits::bulk_age_max);
  REQUIRE(in_vain.bulks.size() == 1);
}

TEST_CASE("destinations: every event goes to its tenant's own account and only there") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.listener_takes();
  REQUIRE(bench.at(first) == std::vector<int>{1});
  REQUIRE(bench.at(second) == std::vector<int>{1001});
  const Report report = bench.report();
  REQUIRE(report.destinations.size() == 2);
  REQUIRE(report.destinations[0].tenants == std::vector<std::string>{acme});
  REQUIRE(report.destinations[1].tenants == std::vector<std::string>{globex});
  REQUIRE(report.destinations[1].lines_taken == 1);
}

TEST_CASE("destinations: one in trouble holds only its own tenants") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.says_of(first, says(401));
  bench.says_of(second, takes_all());
  bench.pass(30s);
  REQUIRE(bench.wants(acme).empty());
  REQUIRE(bench.wants(globex) == "/api/v1/logs?after=g1");
  const Report report = bench.report();
  REQUIRE(report.tenants[0].state == TenantState::held);
  REQUIRE(report.tenants[1].state == TenantState::following);
  REQUIRE(report.ready);
  REQUIRE(bench.notes_with("(for acme.okta.com) refuses the shipping token (401)") == 1);

  bench.put_in(TokenChanged{first});
  bench.says_of(first, takes_all());
  REQUIRE(bench.at(first) == std::vector<int>{1});
}

TEST_CASE("destinations: a new token for one does not affect another") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.says_of(first, says(401));
  bench.says_of(second, says(401));
  bench.put_in(TokenChanged{second});
  REQUIRE(bench.nothing_goes_to(first));
  REQUIRE_FALSE(bench.nothing_goes_to(second));
}

TEST_CASE("destinations: one that takes nothing for a while leaves the others their room") {
  Settings settings{.domains = {}, .accounts = {}};
  for (int i = 0; i < 40; ++i) {
    settings.domains.push_back("t" + std::to_string(i) + ".okta.com");
    settings.accounts.push_back(i < 39 ? 1 : 2);
  }
  Bench bench(settings);
  // Incompressible pages, all of them for the first, whose bulks get no answer.
  std::uint64_t seed = 1;
  const auto fat_page = [&] {
    std::string noise;
    Random random(seed++);
    while (noise.size() < 3 * limits::MiB) noise += static_cast<char>('a' + random.below(26));
    std::vector<std::string> fat;
    for (int n = 0; n < 30; ++n) {
      fat.push_back(R"({"uuid":"u)" + std::to_string(seed * 100 + static_cast<std::uint64_t>(n)) +
                    R"(","published":"2026-11-23T11:00:00Z","x":")" +
                    noise.substr(static_cast<std::size_t>(n) * 100'000, 100'000) + "\"}");
    }
    return page(fat).next("/api/v1/logs?after=" + std::to_string(seed));
  };
  for (int turn = 0; turn < 60; ++turn) {
    const auto asking = std::ranges::find_if(
        bench.asks, [](const auto& each) { return each.second.origin.text() != "https://t39.okta.com"; });
    if (asking == bench.asks.end()) break;
    const std::string domain = asking->second.origin.host;
    bench.okta_replies(domain, fat_page());
    bench.pass(limits::bulk_age_max);
  }
  REQUIRE(bench.report().memory_used > limits::memory_budget / 2);
  for (int n = 1; n < 10; ++n) {
    bench.okta_replies("t39.okta.com", page({event(n)}).next("/api/v1/logs?after=x" + std::to_string(n)));
    bench.pass(limits::bulk_age_max);
    const auto bulk =
        std::ranges::find_if(bench.bulks, [](const auto& each) { return each.second.destination == second; });
    REQUIRE(bulk != bench.bulks.end());
    bench.verdict(bulk->first, takes_all());
    bench.pass(10s);
  }
}

TEST_CASE("destinations: after a reload what is on its way arrives at the old one, what follows at the new") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.acme_moves_to(second);
  bench.listener_takes();
  REQUIRE(bench.at(first) == std::vector<int>{1});
  bench.pass(10s);
  bench.both_ask_and_get(2);
  bench.listener_takes();
  REQUIRE(bench.at(first) == std::vector<int>{1});
  REQUIRE(bench.at(second) == std::vector<int>{1001, 2, 1002});
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(bench.forgotten == std::vector<DestinationId>{first});
  REQUIRE(bench.report().destinations.size() == 1);
}

TEST_CASE(
    "destinations: what the old one refuses goes to the new one, so that a wrong token can be put right") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.says_of(first, says(401));
  bench.says_of(second, takes_all());
  bench.acme_moves_to(second);
  bench.listener_takes();
  REQUIRE(bench.at(first).empty());
  REQUIRE(bench.at(second) == std::vector<int>{1001, 1});
  REQUIRE(bench.marked_numbers().empty());
  REQUIRE(bench.store.place(acme).next == "/api/v1/logs?after=a1");
  REQUIRE(bench.forgotten == std::vector<DestinationId>{first});
}

TEST_CASE("destinations: what the old one may have taken says so at the new one") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.acme_moves_to(second);
  bench.says_of(first, cuts_the_line());
  bench.listener_takes();
  REQUIRE(bench.at(second) == std::vector<int>{1001, 1});
  REQUIRE(bench.marked_numbers() == std::vector<int>{1});
}

TEST_CASE(
    "destinations: what may have arrived at the old account is in doubt after a stop, though it was never "
    "sent anew") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.says_of(second, says(401));
  bench.says_of(first, cuts_the_line());
  bench.acme_moves_to(second);  // Which takes nothing.
  bench.stops();
  bench.pass(8s);
  bench.comes_back();
  bench.okta_replies(acme, page({event(1)}).next("/api/v1/logs?after=a1"));
  bench.pass(limits::bulk_age_max);
  bench.says_of(second, takes_all());
  REQUIRE(bench.at(second) == std::vector<int>{1});
  REQUIRE(bench.marked_numbers() == std::vector<int>{1});
}

TEST_CASE("destinations: a bulk of two tenants is parted when one of them moves away from trouble") {
  Provider bench;
  auto specs = bench.tenants;
  specs[1].destination = first;
  bench.reloads(specs);
  bench.both_ask_and_get(1);
  bench.says_of(first, says(401));
  bench.acme_moves_to(second);
  bench.pass(limits::bulk_age_max);
  bench.says_of(second, takes_all());
  REQUIRE(bench.at(second) == std::vector<int>{1});
  bench.put_in(TokenChanged{first});
  bench.says_of(first, takes_all());
  REQUIRE(bench.at(first) == std::vector<int>{1001});
}

TEST_CASE("destinations: one left with nothing to try is not held for ever") {
  Provider bench;
  auto specs = bench.tenants;
  specs[1].destination = first;
  bench.reloads(specs);
  bench.okta_replies(acme, page({event(1)}).next("/api/v1/logs?after=a1"));
  bench.pass(limits::bulk_age_max);
  bench.says_of(first, says(401));
  bench.acme_moves_to(second);
  bench.okta_replies(globex, page({event(1001)}).next("/api/v1/logs?after=g1"));
  bench.pass(limits::bulk_age_max);
  bench.says_of(first, takes_all());
  REQUIRE(bench.at(first) == std::vector<int>{1001});
}

TEST_CASE(
    "destinations: what a tenant left behind where nobody else is served is asked for again when it "
    "returns") {
  Provider bench;
  bench.both_ask_and_get(1);
  bench.says_of(first, says(401));
  const auto with_acme = bench.tenants;
  bench.reloads({bench.tenants[1]});
  REQUIRE(bench.forgotten == std::vector<DestinationId>{first});
  bench.reloads(with_acme);
  REQUIRE(bench.wants(acme).starts_with("/api/v1/logs?since="));
  bench.okta_replies(acme, page({event(1)}).next("/api/v1/logs?after=a1"));
  bench.listener_takes();
  REQUIRE(bench.at(first) == std::vector<int>{1});
}

TEST_CASE("destinations: a tenant that returns before all of it was answered finds everything still there") {
  Provider bench;
  bench.okta_replies(acme, page({event(1)}).next("/api/v1/logs?after=a1"));
  bench.pass(limits::bulk_age_max);
  const BulkId earlier = bench.bulk_to(first).id;
  bench.pass(10s);
  bench.okta_replies(acme, page({event(2)}).next("/api/v1/logs?after=a2"));
  bench.pass(limits::bulk_age_max);
  REQUIRE(bench.bulks.size() == 2);
  bench.verdict(earlier, cannot_be_reached());
  const auto with_acme = bench.tenants;
  bench.reloads({bench.tenants[1]});
  bench.reloads(with_acme);
  bench.says_of(first, takes_all());
  bench.pass(1min);
  bench.says_of(first, takes_all());
  REQUIRE(bench.at(first) == std::vector<int>{2, 1});
  bench.pass(10s);
  REQUIRE(bench.wants(acme) == "/api/v1/logs?after=a2");
}

TEST_CASE(
    "destinations: type and fields of a tenant are in its lines, and changed ones in what is read then") {
  Provider bench;
  auto specs = bench.tenants;
  specs[0].type = "okta-acme";
  specs[0].fields = {{"customer", "\"acme\""}};
  bench.reloads(specs);
  bench.both_ask_and_get(1);
  specs[0].fields = {{"customer", "\"other\""}};
  bench.reloads(specs);
  bench.listener_takes();
  bench.pass(10s);
  bench.both_ask_and_get(2);
  bench.listener_takes();
  std::vector<std::string> heads;
  for (const Line& line : bench.delivered)
    heads.push_back(line.text.substr(0, line.text.find(",\"@timestamp")));
  REQUIRE(heads[0] == R"({"type":"okta-acme","tenant_name":"acme.okta.com","customer":"acme")");
  REQUIRE(heads[1] == R"({"type":"okta","tenant_name":"globex.okta.com")");
  REQUIRE(heads[2] == R"({"type":"okta-acme","tenant_name":"acme.okta.com","customer":"other")");
}

TEST_CASE(
    "destinations: what a tenant that left has in flight and waiting is settled together, whatever comes") {
  for (const bool comes_back : {false, true}) {
    Provider bench;
    bench.okta_replies(acme, page(events(1, 1000)).next("/api/v1/logs?after=a1000"));
    bench.pass(limits::bulk_age_max);
    const BulkId one = bench.bulk_to(first).id;
    bench.okta_replies(acme, page({event(1001)}).next("/api/v1/logs?after=a1001"));
    bench.pass(limits::bulk_age_max);
    bench.verdict(one, cannot_be_reached());  // The other one is still in flight.
    const auto with_acme = bench.tenants;
    bench.reloads({bench.tenants[1]});
    if (comes_back) bench.reloads(with_acme);
    bench.pass(1s);
    while (!bench.nothing_goes_to(first)) bench.says_of(first, takes_all());
    bench.pass(1min);
    while (!bench.nothing_goes_to(first)) bench.says_of(first, takes_all());
    REQUIRE(bench.at(first).size() == 1001);
    REQUIRE(bench.report().total.in_flight == 0);
    if (!comes_back) bench.reloads(with_acme);
    bench.pass(10s);
    REQUIRE(bench.wants(acme) == "/api/v1/logs?after=a1001");
  }
}

TEST_CASE("destinations: the copy of an event delivered reduced waits for room, and its line waits with it") {
  const std::string large =
      R"({"uuid":"u1","published":"2026-11-23T11:00:01.000Z","x":")" + std::string(600'000, 'x') + "\"}";
  for (const bool leaves : {false, true}) {
    Provider bench;
    bench.put_in(SetAsideSize{limits::set_aside_bytes_max});
    bench.okta_replies(acme, page({large}).next("/api/v1/logs?after=a1"));
    bench.pass(limits::bulk_age_max);
    if (leaves) {
      bench.reloads({bench.tenants[1]});
    } else {
      bench.acme_moves_to(second);
    }
    bench.pass(1min);
    REQUIRE(bench.bulks.empty());
    bench.put_in(SetAsideSize{0});
    bench.listener_takes();
    REQUIRE(bench.delivered.size() == 1);
    REQUIRE(bench.store.set_aside.size() == 1);
    REQUIRE(bench.store.set_aside[0].bytes == large);
    REQUIRE(bench.report().total.in_flight == 0);
  }
}

TEST_CASE(
    "destinations: a tenant that left is not forgotten at one account while another still answers for it") {
  constexpr DestinationId third{3};
  Provider bench;
  bench.destinations.push_back(bench.destination(3));
  bench.okta_replies(acme, page({event(1)}).next("/api/v1/logs?after=a1"));
  bench.pass(limits::bulk_age_max);
  bench.acme_moves_to(third);
  bench.pass(10s);
  bench.okta_replies(acme, page({event(2)}).next("/api/v1/logs?after=a2"));
  bench.pass(limits::bulk_age_max);
  bench.says_of(third, says(401));
  const auto with_acme = bench.tenants;
  bench.reloads({bench.tenants[1]});
  bench.says_of(first, takes_all());
  REQUIRE(bench.at(first) == std::vector<int>{1});
  REQUIRE(bench.report().total.in_flight == 0);
  bench.reloads(with_acme);
  REQUIRE(bench.wants(acme) == "/api/v1/logs?after=a1");
}

TEST_CASE("streams: a filter is sent with the first question, and with those of a recovery") {
  Bench bench({.domains = {acme}});
  bench.tenants[0].query = {.filter = R"(eventType eq "a b")", .q = "x&y"};
  bench.tenants[0].since = SinceAgo{1h};
  bench.reloads(bench.tenants);
  const std::string query = "&filter=eventType%20eq%20%22a%20b%22&q=x%26y";
  REQUIRE(bench.wants() ==
          "/api/v1/logs?since=2026-11-23T11:00:00.000Z&sortOrder=ASCENDING&limit=1000" + query);
  bench.okta_replies(page({event(1)}).next("/api/v1/logs?after=1"));
  bench.listener_takes();
  bench.pass(10s);
  REQUIRE(bench.wants() == "/api/v1/logs?after=1");
  bench.okta_replies(status(400));
  bench.pass(2min);
  REQUIRE(bench.wants().starts_with("/api/v1/logs?since="));
  REQUIRE(bench.wants().ends_with(query));
}

TEST_CASE("streams: a changed filter is a stream of its own, says so, and the old place is kept") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(page({event(1)}).next("/api/v1/logs?after=1"));
  bench.listener_takes();
  const auto plain = bench.tenants;
  auto filtered = plain;
  filtered[0].query.q = "login";
  bench.reloads(filtered);
  REQUIRE(bench.notes_with("its filter was changed") == 1);
  REQUIRE(bench.wants().ends_with("&q=login"));
  REQUIRE(bench.store.place(acme).next == "/api/v1/logs?after=1");
  REQUIRE(bench.store.place(acme + "?q=login").next.empty());
  REQUIRE(bench.report().tenants.size() == 1);

  bench.reloads(plain);
  REQUIRE(bench.wants() == "/api/v1/logs?after=1");
}

TEST_CASE(
    "streams: what comes up to now once an earlier filter is back was perhaps delivered under the other") {
  for (const bool restarts : {false, true}) {
    Bench bench({.domains = {acme}});
    bench.okta_replies(page({event(1)}).next("/api/v1/logs?after=1"));
    bench.listener_takes();
    const auto plain = bench.tenants;
    auto filtered = plain;
    filtered[0].query.q = "login";
    bench.reloads(filtered);
    bench.okta_replies(page({event(2)}).next("/api/v1/logs?after=2&q=login"));
    bench.listener_takes();
    if (restarts) {
      bench.stops();
      bench.tenants = plain;
      bench.comes_back();
    } else {
      bench.reloads(plain);
    }
    REQUIRE(bench.notes_with("has since been followed under another filter") == 1);
    bench.okta_replies(page({event(2), event(3)}).next("/api/v1/logs?after=3"));
    bench.listener_takes();
    bench.okta_replies(page({}).next("/api/v1/logs?after=3"));
    bench.pass(10s);
    bench.okta_replies(
        page({event(4)}).next("/api/v1/logs?after=4"));  // Persisted late, but not there before.
    bench.listener_takes();
    REQUIRE(bench.numbers() == std::vector<int>{1, 2, 2, 3, 4});
    REQUIRE(bench.marked_numbers() == std::vector<int>{2, 3});
  }
}

TEST_CASE("streams: what another filter may have delivered stays in doubt over a crash, up to the tail") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(page({event(1)}).next("/api/v1/logs?after=1"));
  bench.listener_takes();
  const auto plain = bench.tenants;
  auto filtered = plain;
  filtered[0].query.q = "login";
  bench.reloads(filtered);
  bench.okta_replies(page({event(2)}).next("/api/v1/logs?after=2&q=login"));
  bench.listener_takes();
  bench.pass(2h);
  bench.reloads(plain);
  const auto full_page = [&](int n) {
    bench.okta_replies(
        page(events(n * 1000, n * 1000 + 999)).next("/api/v1/logs?after=p" + std::to_string(n)));
    bench.pass(limits::bulk_age_max);
    bench.listener_takes();
  };
  full_page(1);
  bench.crashes();
  for (int n = 2; n <= 5; ++n) full_page(n);
  REQUIRE(bench.marked_numbers().size() == 5000);
}

TEST_CASE("streams: a page of the old filter that is settled late does not hide that the new one went on") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(page({bench.fresh(1)}).next("/api/v1/logs?after=1"));
  const BulkId old_one = bench.bulks.begin()->first;
  const auto plain = bench.tenants;
  auto filtered = plain;
  filtered[0].query.q = "login";
  bench.reloads(filtered);
  bench.okta_replies(page({bench.fresh(2)}).next("/api/v1/logs?after=2&q=login"));
  bench.pass(limits::bulk_age_max);
  bench.verdict(std::prev(bench.bulks.end())->first, takes_all());
  bench.pass(1s);
  bench.verdict(old_one, takes_all());
  bench.pass(1s);
  bench.reloads(plain);
  REQUIRE(bench.notes_with("has since been followed under another filter") == 1);
  bench.reloads(filtered);
  REQUIRE(bench.notes_with("has since been followed under another filter") ==
          1);  // The plain one delivered nothing.
}

TEST_CASE(
    "streams: what Okta asked of a tenant holds when it leaves and comes back, whatever our clock does") {
  Bench bench({.domains = {acme, globex}});
  bench.okta_replies(acme, status(429).rate(60, 0, 40s));
  const auto both = bench.tenants;
  bench.reloads({both[1]});
  bench.pass(5s);
  REQUIRE(bench.report().tenants.size() == 1);
  bench.wall += 1h;
  bench.reloads(both);
  bench.pass(30s);
  REQUIRE(
      std::ranges::none_of(bench.asks, [&](const auto& each) { return each.second.origin.host == acme; }));
  bench.pass(10s);
  REQUIRE(bench.wants(acme).starts_with("/api/v1/logs?since="));
}

TEST_CASE("streams: streams of one org share its budget and its keys") {
  Bench bench({.domains = {acme}});
  bench.okta_replies(status(429).rate(60, 0, 40s));
  auto filtered = bench.tenants;
  filtered[0].query.q = "login";
  bench.reloads(filtered);
  bench.pass(30s);
  REQUIRE(bench.wants_nothing());
  bench.pass(15s);
  REQUIRE(bench.wants().ends_with("&q=login"));
}
